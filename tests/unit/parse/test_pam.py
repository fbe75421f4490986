"""/etc/pam.d: which lines a service has, and what they say."""

from __future__ import annotations

import time

import pytest

from dlws.parse.host import pam
from dlws.verdict import Unparsable

COMMON = """\
auth\t[success=1 default=ignore]\tpam_unix.so nullok_secure
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
auth\toptional\t\t\tpam_cap.so
"""
SU = "auth sufficient pam_rootok.so\n@include common-auth\n"
PERMIT = "auth required pam_permit.so\n"
OPEN = pam.Opening(("auth required pam_permit.so",), is_certain=True)


def listed(**files: str) -> dict[str, list[str]]:
    """The files of /etc/pam.d, and those that are named `usr_`, of /usr/lib/pam.d."""
    folders = {True: "/usr/lib/pam.d", False: "/etc/pam.d"}
    paths = {f"{folders[name.startswith('usr_')]}/{name.removeprefix('usr_')}": text for name, text in files.items()}
    return pam.files("".join(f"== {path}\n{text}\n" for path, text in paths.items()))


def opening(text: str, common: str = COMMON) -> pam.Opening | None:
    return pam.opening(listed(su=text, **{"common-auth": common}), "su")


@pytest.mark.parametrize("include", ["@include", "auth include", "auth substack"])
def test_files_include_each_other_fifteen_deep(include: str) -> None:
    """PAM_SUBSTACK_MAX_LEVEL is 16; the file of the service itself is the first one."""
    files = listed(**{f"s{n}": f"{include} s{n + 1}\n" for n in range(16)}, s16=PERMIT)
    assert pam.opening(files, "s1")
    with pytest.raises(Unparsable):
        pam.opening(files, "s0")


def test_a_stack_has_250_lines() -> None:
    assert opening("auth optional pam_permit.so\n" * 250)
    with pytest.raises(Unparsable):
        opening("auth optional pam_permit.so\n" * 251)
    assert opening("account required pam_permit.so\n" * 251) is None


@pytest.mark.parametrize("include", ["@include", "auth include", "auth substack"])
def test_files_that_include_many_take_no_time(include: str) -> None:
    """Ten includes in each of fourteen files are 10**14 lines."""
    files = listed(**{f"s{n}": f"{include} s{n + 1}\n" * 10 for n in range(14)}, s14="")
    began = time.process_time()
    with pytest.raises(Unparsable):
        pam.opening(files, "s0")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "line", ["auth required pam_x.so", "== /etc/other/su", "== /etc/pam.d/", "/etc/pam.d/su", "", "== /etc/pam.d/su/x"]
)
def test_what_begins_with_no_file_is_said(line: str) -> None:
    with pytest.raises(Unparsable):
        pam.files(line)


def test_a_file_may_be_named_by_its_path() -> None:
    assert opening("@include /etc/pam.d/common-auth\n", PERMIT) == OPEN
    assert opening("auth include /etc/pam.d/common-auth\n") is None
    files = listed(su="@include /usr/lib/pam.d/all\n", all="auth required pam_deny.so\n", usr_all=PERMIT)
    assert pam.opening(files, "su") == OPEN


@pytest.mark.parametrize(
    "text",
    [
        "@include su\n",
        "@include gone\n",
        "auth include gone\n",
        "auth substack gone\n",
        "@include /etc/ppp/pam\n",
        "@include /etc/pam.d/sub/common-auth\n",
        "auth include ../pam.d/common-auth\n",
        "@include\n",
        "auth include\n",
        "auth [success=ok default=2147483648] pam_permit.so",
        "auth required \\\n",
        "auth required \\\n\npam_permit.so\n",
        "auth required \\\n# a comment\npam_permit.so\n",
    ],
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(Unparsable):
        opening(text)
    assert pam.opening(listed(su=text, login=PERMIT), "login") == OPEN  # what is not asked is not looked at


def test_of_a_file_that_is_not_ended_its_name_is_said() -> None:
    with pytest.raises(Unparsable, match=r"/etc/pam.d/common-auth: a line that is not ended: 'auth required"):
        opening(SU, "auth required \\\n")
    with pytest.raises(Unparsable, match=r"/etc/pam.d: a file that is not in the folder: '@include gone'"):
        opening("@include gone\n")
    with pytest.raises(Unparsable, match="more than 250 lines"):
        opening("auth optional pam_permit.so\n" * 251)
    with pytest.raises(Unparsable, match=r"/etc/pam.d/su: files that include each other"):
        opening("@include su\n")


@pytest.mark.parametrize(
    "text",
    [
        "auth \\\n  required \\\t\n pam_permit.so\n",
        "\\\nauth required pam_permit.so\n",
        "auth required pam_permit.so # a comment \\\nauth requisite pam_permit.so\n",
        "# a comment \\\nauth required pam_permit.so\n",
        "auth required pam_permit.so#\n",
        "  \tauth required pam_permit.so  \n",
    ],
)
def test_lines_are_joined_and_comments_left_out(text: str) -> None:
    assert opening(text) is not None


def test_of_what_comes_before_the_first_file_only_blanks_are_passed_over() -> None:
    assert pam.files("\n \n== /etc/pam.d/su\n") == {"/etc/pam.d/su": [""]}
    with pytest.raises(Unparsable, match=r"auth required pam_x.so"):
        pam.files("auth required pam_x.so\n== /etc/pam.d/su\n")


def test_a_line_that_goes_on_is_one() -> None:
    assert opening(f"auth optional pam_env.so \\ # a comment\n{PERMIT}") == OPEN
    assert opening("auth sufficient \\\n  pam_permit.so\nauth required pam_unix.so\n") == pam.Opening(
        ("auth sufficient pam_permit.so",), is_certain=True
    )
    assert opening(f"auth required pam_unix.so \\\n{PERMIT}") is None
    assert opening(f"auth requisite \\\npam_deny.so\n{PERMIT}") is None


@pytest.mark.parametrize(
    "line",
    [
        "auth",
        "auth required",
        "auth pam_permit.so",
        "auth [] pam_permit.so",
        "auth sufficent pam_permit.so",
        "auth [success] pam_permit.so",
        "auth [success=ok default] pam_permit.so",
        "auth [success=okay] pam_permit.so",
        "auth [success=ok nothing=ignore] pam_permit.so",
        "auth [success=ok unknown] pam_permit.so",
        "auth [success=0 default=ignore] pam_permit.so",
        "auth [success=00] pam_permit.so",
        "auth [success=ok default=00000000000] pam_permit.so",
        "auth [Success=ok] pam_permit.so",
        "auth [success=OK] pam_permit.so",
        "auth [success=ok pam_permit.so",
        "auth [ignore=ignore default=bad] pam_permit.so",
        "auth [sucess=ok default=ignore] pam_env.so",
        "athu required pam_permit.so",
        "-athu required pam_permit.so",
        "--auth required pam_permit.so",
        "@inclde common-auth",
    ],
)
def test_a_line_that_is_not_right_fails(line: str) -> None:
    """libpam: one without a module or of no known type is PAM_HT_MUST_FAIL; of a wrong control, all is `bad`."""
    assert opening(f"{line}\n{PERMIT}") is None


@pytest.mark.parametrize(
    "line",
    [
        "auth [success=ok default=bad] pam_permit.so",
        "auth [ success = ok\tdefault = bad ] pam_permit.so",
        "auth [success=okdefault=bad] pam_permit.so",
        "auth [default=bad success=ok] pam_permit.so",
        "auth [default=ok default=bad] pam_permit.so",
        "auth [success=bad success=ok] pam_permit.so",
        "auth [success=ok default=2147483647] pam_permit.so",
        "auth [success=ok default=00000000000000001] pam_permit.so",
        "auth success=ok pam_permit.so",
        "auth [default=ok]pam_permit.so",
        "auth [required] pam_permit.so",
        "[auth] REQUIRED pam_permit.so",
        "AUTH required [pam_permit.so]",
        "auth [success=01 default=bad] pam_permit.so\nauth required pam_deny.so\nauth required pam_permit.so",
        "authx sufficient pam_deny.so\nauth required pam_permit.so",
        "authx include common-auth",
        "@include common-auth and more",
        "-@INCLUDE common-auth",
    ],
)
def test_what_libpam_understands_is_understood(line: str) -> None:
    assert opening(f"{line}\n", PERMIT) is not None


@pytest.mark.parametrize("kind", ["account", "SESSION", "-password"])
def test_lines_for_other_things_are_passed_over(kind: str) -> None:
    assert opening(f"{kind} required pam_deny.so\n{PERMIT}") == OPEN


def test_options_in_brackets_are_one() -> None:
    assert opening("auth sufficient pam_wheel.so [no trust\n") is None
    assert opening(r"auth sufficient pam_wheel.so [a\] trust ]" + "\n") is None
    assert opening("auth sufficient pam_wheel.so [trust]\n")
    assert opening("auth sufficient pam_wheel.so [no trust]\n") is None
    assert opening(r"auth sufficient pam_wheel.so [a\] trust]" + "\n") is None


@pytest.mark.parametrize("service", ["su", "login"])
def test_a_service_without_lines_of_its_own_is_as_other_is(service: str) -> None:
    account = "account required pam_permit.so\n"
    assert pam.opening(listed(su=account, other=PERMIT), service) == OPEN
    assert pam.opening(listed(su=account, other="auth required pam_deny.so\n"), service) is None
    assert pam.opening(listed(su=account), service) is None
    assert pam.opening(listed(su=account, usr_other=PERMIT), service) == OPEN


def test_an_empty_substack_is_a_line_of_its_own() -> None:
    assert pam.opening(listed(su="auth substack x\n", x="", other=PERMIT), "su") is None
    assert pam.opening(listed(su="auth include x\n", x="", other=PERMIT), "su") == OPEN


def test_etc_hides_a_file_of_usr() -> None:
    assert pam.opening(listed(usr_su=PERMIT), "su") == OPEN
    assert pam.opening(listed(su="auth required pam_deny.so\n", usr_su=PERMIT), "su") is None
    assert pam.opening(listed(su="", usr_su=PERMIT, other="auth required pam_deny.so\n"), "su") is None
    assert pam.opening(listed(su="@include common\n", usr_common=PERMIT), "su") == OPEN
