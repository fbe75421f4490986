"""/etc/pam.d: who gets in without a password."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

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


@pytest.mark.parametrize(
    "line",
    [
        "auth sufficient pam_wheel.so trust group=ops",
        "AUTH Sufficient pam_permit.so  # for now",
        "-auth sufficient /lib/x86_64-linux-gnu/security/pam_permit.so",
        "auth [success=done default=ignore] pam_succeed_if.so user ingroup ops",
        "auth sufficient pam_listfile.so item=user sense=allow file=/etc/ops:1",
    ],
)
def test_a_module_that_says_yes_before_the_password_lets_in(line: str) -> None:
    found = opening(f"{line}\n{SU}")
    assert found == pam.Opening((" ".join(line.partition("#")[0].split()),), is_certain=True)


def test_a_jump_over_the_password_lets_in_by_what_it_comes_to() -> None:
    found = opening(SU, COMMON.replace("pam_unix.so nullok_secure", "pam_localuser.so"))
    assert found is not None
    assert [line.split()[-1] for line in found.lines] == ["pam_localuser.so", "pam_permit.so"]


@pytest.mark.parametrize(
    "text",
    [
        "auth sufficient pam_wheel.so\n@include common-auth\n",  # without trust it only keeps others out
        "auth required pam_permit.so\n@include common-auth\n",  # says yes, and the password is asked all the same
        "auth optional pam_permit.so\nauth required pam_unix.so\n",
        "auth required pam_unix.so\nauth sufficient pam_permit.so\n",  # once failed, failed
        "auth requisite pam_unix.so\nauth required pam_permit.so\n",
        "auth [success=1 default=ignore] pam_succeed_if.so uid = 0\nauth requisite pam_deny.so\n",  # nothing counts
        "auth [ignore=ok] pam_env.so\n",
        "auth [ignore=ok] pam_env.so\nauth required pam_permit.so\n",  # the status stays PAM_IGNORE
        "auth [ignore=done] pam_env.so\nauth required pam_permit.so\n",
        "auth [ignore=ok] pam_env.so\nauth [success=done] pam_permit.so\nauth [default=reset] pam_permit.so\n",
        "auth sufficient pam_wheel.so # trust\n",
        "auth requisite pam_unix.so\nauth [default=reset] pam_env.so\nauth required pam_permit.so\n",  # it is over
        "",
    ],
)
def test_what_comes_to_a_password_all_the_same_lets_nobody_in(text: str) -> None:
    assert opening(text) is None


def test_a_stack_without_the_password_lets_everybody_in() -> None:
    assert opening(SU, "auth required pam_permit.so\n") == pam.Opening(
        ("auth required pam_permit.so",), is_certain=True
    )
    assert opening("auth include common-auth\n", "auth required pam_permit.so\n") is not None


@pytest.mark.parametrize("control", ["required", "requisite", "sufficient", "optional", "include", "substack"])
def test_alone_a_yes_lets_in_by_whatever_word(control: str) -> None:
    module = "/etc/pam.d/common-auth" if control in ("include", "substack") else "pam_permit.so"
    found = opening(f"auth {control} {module}\n", "auth required pam_permit.so\n")
    assert found is not None
    assert found.is_certain


@pytest.mark.parametrize(
    "line",
    [
        "auth required pam_env.so",
        "auth requisite pam_nologin.so",
        "auth required pam_wheel.so",
    ],
)
def test_what_says_nothing_changes_nothing(line: str) -> None:
    assert opening(f"{line}\nauth required pam_permit.so\n") == pam.Opening(("auth required pam_permit.so",), True)


@pytest.mark.parametrize(
    "before",
    [
        "auth [success=ignore default=bad] pam_succeed_if.so uid = 1000\n",
        "auth [success=ok default=1] pam_unix.so\nauth requisite pam_deny.so\n",
        "auth required pam_unix.so\nauth sufficient pam_permit.so\nauth [default=reset] pam_env.so\n",
    ],
)
def test_what_does_not_count_is_not_among_the_lines(before: str) -> None:
    assert opening(f"{before}auth required pam_permit.so\n") == pam.Opening(("auth required pam_permit.so",), True)


ASKS = """unix unix2 sss sss_gss ldap krb5 winbind radius_auth tacplus deny rootok fprintd google_authenticator u2f
yubico oath duo pkcs11 p11 ssh_agent_auth systemd_home centrifydc vas3 lsass unix_auth authd authd_exec himmelblau aad
oslogin_login userdb time"""
IGNORES = "env group faildelay warn keyinit wheel nologin"
AGREES = """permit securetty shells succeed_if listfile localuser access rhosts usertype sepermit faillock tally tally2
cap ecryptfs mount gnome_keyring kwallet kwallet5 echo"""
BY_OPTION_CLOSED = [
    *("wheel debug", "nologin file=x", "faillock authfail", "faillock preauth authfail deny=3"),
    *("ccreds action=validate", "ccreds", "ccreds action=forget"),
]
BY_OPTION_OPEN = [
    *("wheel use_uid trust", "nologin successok", "faillock preauth", "faillock authsucc", "faillock silent"),
    *("faillock authfail preauth", "faillock authfail local_users_only"),
    *("ccreds action=store", "ccreds debug action=update"),
]


def _module(words: str) -> str:
    name, *options = words.split()
    return " ".join([f"pam_{name}.so", *options])


@pytest.mark.parametrize("words", [*ASKS.split(), *IGNORES.split(), *BY_OPTION_CLOSED])
def test_each_module_that_asks_or_says_nothing_lets_nobody_in(words: str) -> None:
    assert opening(f"auth sufficient {_module(words)}\n@include common-auth\n") is None


@pytest.mark.parametrize("words", [*AGREES.split(), *BY_OPTION_OPEN])
def test_each_module_that_says_yes_is_known_to(words: str) -> None:
    found = opening(f"auth sufficient {_module(words)}\n@include common-auth\n")
    assert found == pam.Opening((f"auth sufficient {_module(words)}",), is_certain=True)


@pytest.mark.parametrize("words", [*ASKS.split(), "ccreds action=validate"])
def test_each_module_that_asks_closes_what_follows(words: str) -> None:
    assert opening(f"auth required {_module(words)}\n{PERMIT}") is None


@pytest.mark.parametrize(
    "words",
    [
        *IGNORES.split(),
        *("faillock authfail", "sss ignore_unknown_user", "krb5 minimum_uid=1000", "ldap debug min_uid=500"),
        "ccreds action=validate minimum_uid=1000",
    ],
)
def test_what_says_neither_yes_nor_no_leaves_it_to_what_follows(words: str) -> None:
    """pam_sss(8): with ignore_unknown_user it says PAM_IGNORE."""
    assert opening(f"auth required {_module(words)}\n{PERMIT}") == OPEN


@pytest.mark.parametrize("words", ["wheel", "wheel trust", "nologin", "faillock authfail", "faillock", "access"])
def test_each_module_that_may_say_no_may(words: str) -> None:
    found = opening(f"auth [success=ignore ignore=ignore default=done] {_module(words)}\nauth requisite pam_deny.so\n")
    assert found is None
    assert opening(f"auth [success=die ignore=die default=1] {_module(words)}\nauth requisite pam_deny.so\n{PERMIT}")


@pytest.mark.parametrize("name", AGREES.split())
def test_some_modules_that_say_yes_may_say_nothing(name: str) -> None:
    is_open = name in ("listfile", "sepermit", "cap", "kwallet", "kwallet5", "echo", "faillock")
    found = opening(f"auth [ignore=ignore default=die] pam_{name}.so\n{PERMIT}")
    assert found == (OPEN if is_open else None)


def test_a_preauth_that_says_yes_is_enough_where_nothing_says_no() -> None:
    """The password is `sufficient`, and nothing comes after it: PAM_SUCCESS of preauth is what is left."""
    stack = "auth required pam_faillock.so preauth\nauth sufficient pam_unix.so\n"
    said = ("auth required pam_faillock.so preauth",)
    assert opening(stack) == pam.Opening(said, is_certain=True)
    assert opening(f"{stack}auth required pam_faillock.so authfail\n") == pam.Opening(said, is_certain=True)
    assert opening(f"{stack}auth [default=die] pam_faillock.so authfail\n") is None


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


def test_a_long_stack_takes_no_time() -> None:
    """Each way through it is another one, and there are 2**80 of them."""
    text = "auth [success=ok default=1] pam_access.so\nauth [success=1 default=ignore] pam_shells.so\n" * 40
    began = time.process_time()
    assert opening(text + "auth requisite pam_deny.so\n" * 2) is None
    nested = {
        f"s{n}": f"auth optional pam_access.so\nauth substack s{n + 1}\nauth [default=reset] pam_shells.so\n" * 1
        for n in range(15)
    }
    assert pam.opening(listed(**nested, s15="auth requisite pam_deny.so\n" * 100), "s0") is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize("line", ["auth required pam_x.so", "== /etc/other/su", "== /etc/pam.d/", "/etc/pam.d/su", ""])
def test_what_begins_with_no_file_is_said(line: str) -> None:
    with pytest.raises(Unparsable):
        pam.files(line)


def test_what_is_reset_has_not_been_said() -> None:
    assert opening("auth [success=reset default=bad] pam_permit.so\n") is None
    assert opening("auth required pam_unix.so\nauth [default=reset] pam_env.so\nauth required pam_permit.so\n")


@pytest.mark.parametrize("name", ["unixes", "environ", "permitted"])
def test_a_name_that_only_begins_like_one_is_not_known(name: str) -> None:
    found = opening(f"auth sufficient pam_{name}.so\n@include common-auth\n")
    assert found == pam.Opening((f"auth sufficient pam_{name}.so",), is_certain=False)


def test_a_file_may_be_named_by_its_path() -> None:
    assert opening("@include /etc/pam.d/common-auth\n", PERMIT) == OPEN
    assert opening("auth include /etc/pam.d/common-auth\n") is None
    files = listed(su="@include /usr/lib/pam.d/all\n", all="auth required pam_deny.so\n", usr_all=PERMIT)
    assert pam.opening(files, "su") == OPEN


def test_of_a_module_that_nobody_knows_it_cannot_be_said() -> None:
    found = opening("auth sufficient pam_strange.so\n@include common-auth\n")
    assert found == pam.Opening(("auth sufficient pam_strange.so",), is_certain=False)
    assert opening("auth required pam_strange.so\n@include common-auth\n") is None
    sure = opening("auth sufficient pam_strange.so\nauth sufficient pam_permit.so\n")
    assert sure == pam.Opening(("auth sufficient pam_permit.so",), is_certain=True)
    first = opening("auth sufficient pam_one.so\nauth sufficient pam_permitted.so\n")
    assert first == pam.Opening(("auth sufficient pam_one.so",), is_certain=False)
    both = opening("auth required pam_strange.so\nauth required pam_permit.so\n")
    assert both is not None
    assert not both.is_certain


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


def test_a_line_that_goes_on_is_one() -> None:
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


def test_options_in_brackets_are_one() -> None:
    assert opening("auth sufficient pam_wheel.so [trust]\n")
    assert opening("auth sufficient pam_wheel.so [no trust]\n") is None
    assert opening(r"auth sufficient pam_wheel.so [a\] trust]" + "\n") is None


@pytest.mark.parametrize(
    ("stack", "is_open"),
    [
        ("auth [success=1 default=ignore] pam_permit.so\n", False),  # "bad jump in stack"
        ("auth [success=2 default=ignore] pam_permit.so\nauth required pam_permit.so\n", False),
        (f"auth [success=1 default=ignore] pam_permit.so\nauth required pam_deny.so\n{PERMIT}", True),
        (f"{PERMIT}auth [success=1 default=ignore] pam_permit.so\nauth required pam_deny.so\n", True),
        (f"{PERMIT}auth [success=9] pam_permit.so\nauth [default=reset] pam_env.so\n{PERMIT}", False),
        (f"auth [ignore=1] pam_env.so\nauth required pam_deny.so\n{PERMIT}", True),
        (f"auth [auth_err=1 default=bad] pam_deny.so\nauth required pam_deny.so\n{PERMIT}", True),
        (f"auth [perm_denied=1 default=bad] pam_deny.so\nauth required pam_deny.so\n{PERMIT}", False),
        (f"auth [maxtries=ignore default=bad] pam_unix.so\n{PERMIT}", True),
        (f"auth [new_authtok_reqd=ignore default=bad] pam_unix.so\n{PERMIT}", False),
        (f"auth [success=ignore ignore=ignore default=bad] pam_unix.so\n{PERMIT}", False),
    ],
)
def test_a_jump_and_an_answer_lead_where_libpam_goes(stack: str, is_open: bool) -> None:
    assert (opening(stack) is not None) is is_open


@pytest.mark.parametrize(
    ("outside", "inside", "is_open"),
    [
        ("auth substack x\nauth required pam_deny.so\n", "auth sufficient pam_permit.so\n", False),
        ("auth include x\nauth required pam_deny.so\n", "auth sufficient pam_permit.so\n", True),
        (f"auth substack x\n{PERMIT}", "auth requisite pam_deny.so\n", False),
        (f"auth substack x\nauth [default=reset] pam_env.so\n{PERMIT}", "auth requisite pam_deny.so\n", True),
        (f"auth include x\nauth [default=reset] pam_env.so\n{PERMIT}", "auth requisite pam_deny.so\n", False),
        ("auth [success=1] pam_permit.so\nauth substack x\n" + PERMIT, "auth required pam_deny.so\n" * 3, True),
        ("auth [success=1] pam_permit.so\nauth include x\n" + PERMIT, "auth required pam_deny.so\n" * 3, False),
        ("auth [success=1] pam_permit.so\nauth substack x\n" + PERMIT, "", True),
        ("auth [success=2] pam_permit.so\nauth substack x\n" + PERMIT, "", False),
        (f"auth substack x\n{PERMIT}", "auth [success=1 default=ignore] pam_permit.so\n", False),
        (f"{PERMIT}auth substack x\n", "auth required pam_deny.so\nauth [default=reset] pam_env.so\n", True),
        ("auth required pam_deny.so\nauth substack x\n", f"auth [default=reset] pam_env.so\n{PERMIT}", False),
        ("auth optional pam_deny.so\nauth substack x\n", f"auth [default=reset] pam_env.so\n{PERMIT}", True),
        (f"auth substack x\nauth substack x\n{PERMIT}", "auth [success=done] pam_permit.so\n", True),
        ("auth substack x\nauth substack x\n", f"auth [default=reset] pam_env.so\n{PERMIT}", True),
        ("auth substack x\nauth required pam_deny.so\n", f"auth substack y\n{PERMIT}", False),
        (
            f"auth [success=1] pam_permit.so\nauth substack x\n{PERMIT}",
            "auth substack y\nauth required pam_deny.so\n",
            True,
        ),
        (f"auth substack x\n{PERMIT}", "auth substack y\nauth [default=reset] pam_env.so\n", True),
        ("auth substack x\n", f"auth substack y\n{PERMIT}auth sufficient pam_deny.so\n", False),
        ("auth substack x\n", f"{PERMIT}auth substack z\nauth required pam_deny.so\n", False),
        (f"auth substack x\n{PERMIT}", f"auth substack z\nauth [default=die] pam_env.so\n{PERMIT}", False),
        ("auth substack x\nauth include x\n", PERMIT, True),
        ("auth substack x\n", "", False),
    ],
)
def test_a_substack_ends_for_itself(outside: str, inside: str, is_open: bool) -> None:
    """_pam_dispatch_aux: done, die, a jump and reset hold for the substack. Each case has been put to libpam 1.5.2."""
    files = listed(su=outside, x=inside, y="auth requisite pam_deny.so\n", z="auth [success=done] pam_permit.so\n")
    assert (pam.opening(files, "su") is not None) is is_open


def test_what_a_reset_takes_back_is_not_among_the_lines() -> None:
    inside = "auth requisite pam_permit.so\nauth [default=reset] pam_env.so\nauth required pam_access.so\n"
    found = pam.opening(listed(su=f"{PERMIT}auth substack x\n", x=inside), "su")
    assert found == pam.Opening((PERMIT.strip(), "auth required pam_access.so"), is_certain=True)


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


def test_of_a_module_that_nobody_knows_neither_yes_nor_nothing_is_certain() -> None:
    found = opening(f"auth requisite pam_strange.so\n{PERMIT}")
    assert found == pam.Opening(("auth requisite pam_strange.so", PERMIT.strip()), is_certain=False)
    passing = opening(f"auth [ignore=ignore default=die] pam_strange.so\n{PERMIT}")
    assert passing == pam.Opening(("auth [ignore=ignore default=die] pam_strange.so", PERMIT.strip()), is_certain=False)
    used = opening(f"auth [success=ignore default=die] pam_strange.so\n{PERMIT}")
    assert used == pam.Opening(("auth [success=ignore default=die] pam_strange.so", PERMIT.strip()), is_certain=False)
    assert opening(f"auth [success=die default=ignore] pam_strange.so\n{PERMIT}") == OPEN


class Host:
    """What `LIST` prints for two folders below tmp_path."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, os.environ["PATH"]
        for folder in pam.FOLDERS:
            (root / folder[1:]).mkdir(parents=True)

    def write(self, path: str, data: bytes) -> Path:
        file = self.root / path[1:]
        file.write_bytes(data)
        return file

    def tool(self, script: str) -> None:
        """A sed of its own for the host."""
        (self.root / "sed").write_text(f"#!/bin/sh\n{script}\n")
        (self.root / "sed").chmod(0o755)
        self.path = f"{self.root}:{self.path}"

    def run(self) -> subprocess.CompletedProcess[str]:
        command = pam.LIST
        for folder in pam.FOLDERS:
            command = command.replace(f"{folder}/*", f"{self.root}{folder}/*")
        result = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"PATH": self.path, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        result.stdout = result.stdout.replace(f"== {self.root}", "== ")
        return result

    def files(self) -> dict[str, list[str]]:
        result = self.run()
        assert (result.returncode, result.stderr) == (0, "")
        return pam.files(result.stdout)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_command_lists_both_folders(host: Host) -> None:
    host.write("/etc/pam.d/su", b"auth sufficient pam_rootok.so\n\n  # two\nauth required \\\n pam_unix.so # three \\")
    host.write("/etc/pam.d/empty", b"")
    host.write("/usr/lib/pam.d/polkit-1", b"auth required pam_permit.so\n\n\n")
    files = host.files()
    assert [line for line in files.pop("/etc/pam.d/su") if line] == [
        "auth sufficient pam_rootok.so",
        "#",
        "auth required \\",
        " pam_unix.so#",
    ]
    assert {path: [line for line in lines if line] for path, lines in files.items()} == {
        "/etc/pam.d/empty": [],
        "/usr/lib/pam.d/polkit-1": ["auth required pam_permit.so"],
    }


def test_the_command_passes_over_what_is_no_file(host: Host) -> None:
    su = host.write("/etc/pam.d/su", PERMIT.encode())
    (su.parent / "folder").mkdir()
    (su.parent / "dangling").symlink_to("gone")
    (su.parent / "link").symlink_to("su")
    (su.parent / "masked").symlink_to("/dev/null")
    host.write("/usr/lib/pam.d/masked", PERMIT.encode())
    files = host.files()
    assert set(files) == {f"/etc/pam.d/{name}" for name in ("su", "link", "masked")} | {"/usr/lib/pam.d/masked"}
    assert pam.opening(files, "link") == OPEN
    assert pam.opening(files, "masked") is None


def test_the_command_loses_no_line_with_other_bytes(host: Host) -> None:
    host.write(
        "/etc/pam.d/su", b"# f\xfcr alle \xff#\nauth optional pam_echo.so gr\xfc\xdfe\nauth required pam_permit.so\n"
    )
    assert pam.opening(host.files(), "su") == OPEN


def test_the_command_fails_where_a_file_cannot_be_read(host: Host) -> None:
    host.write("/etc/pam.d/su", PERMIT.encode())
    host.tool("echo 'auth required pam_deny.so'; echo cannot >&2; exit 4")
    result = host.run()
    assert result.returncode == 2
    assert result.stderr == "cannot\n"
    assert "pam_deny" not in result.stdout


def test_the_command_passes_over_a_file_that_goes(host: Host) -> None:
    for name in ("a", "gone", "su"):
        host.write(f"/etc/pam.d/{name}", PERMIT.encode())
    host.tool('case $2 in */gone) rm $2;; esac; exec /bin/sed "$@"')
    result = host.run()
    assert result.returncode == 0
    assert set(pam.files(result.stdout)) == {"/etc/pam.d/a", "/etc/pam.d/su"}


def test_a_host_without_such_folders_is_said(host: Host) -> None:
    with pytest.raises(Unparsable):
        host.files()
