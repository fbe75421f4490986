"""/etc/pam.d: who gets in without a password."""

from __future__ import annotations

import pytest

from dlws.parse.host import pam
from dlws.verdict import Unparsable

# Ubuntu 18.04 and 22.04 (pam-auth-update's common-auth, login, su), Debian 12 with libpam-cap; sssd; faillock.
COMMON = """\
auth\t[success=1 default=ignore]\tpam_unix.so nullok_secure
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
auth\toptional\t\t\tpam_cap.so
"""
SSSD = """\
auth [success=2 default=ignore] pam_unix.so nullok
auth [success=1 default=ignore] pam_sss.so use_first_pass
auth requisite pam_deny.so
auth required pam_permit.so
"""
FAILLOCK = """\
auth required pam_faillock.so preauth
auth [success=1 default=ignore] pam_unix.so nullok
auth [default=die] pam_faillock.so authfail
auth sufficient pam_faillock.so authsucc
auth requisite pam_deny.so
auth required pam_permit.so
"""
LOGIN = """\
auth optional pam_faildelay.so delay=3000000
auth [success=ok new_authtok_reqd=ok ignore=ignore user_unknown=bad default=die] pam_securetty.so
auth requisite pam_nologin.so
@include common-auth
auth optional pam_group.so
"""
SU = "auth sufficient pam_rootok.so\n@include common-auth\n@include common-account\n"


def opening(text: str, common: str = COMMON) -> pam.Opening | None:
    services = {"su": text, "common-auth": common}
    listing = [f"/etc/pam.d/{name}:{line}" for name, lines in services.items() for line in lines.splitlines()]
    return pam.opening(pam.files("\n".join(listing)), "su")


@pytest.mark.parametrize("common", [COMMON, SSSD, FAILLOCK])
@pytest.mark.parametrize("text", [SU, LOGIN, "@include common-auth\n"])
def test_what_distributions_ship_asks_for_a_password(text: str, common: str) -> None:
    assert opening(text, common) is None


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
    assert found == pam.Opening((" ".join(line.split()),), is_certain=True)


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
        "auth [ignore=ok] pam_env.so",
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
yubico oath duo pkcs11 p11 ssh_agent_auth systemd_home centrifydc vas3 lsass"""
PASSES = """env cap group faildelay nologin ecryptfs mount gnome_keyring kwallet kwallet5 warn echo faillock tally
tally2 keyinit wheel"""
AGREES = "permit securetty shells succeed_if listfile localuser access rhosts time"


@pytest.mark.parametrize("name", f"{ASKS} {PASSES}".split())
def test_each_module_that_asks_or_says_nothing_lets_nobody_in(name: str) -> None:
    assert opening(f"auth sufficient pam_{name}.so\n@include /etc/pam.d/common-auth\n") is None


@pytest.mark.parametrize("name", AGREES.split())
def test_each_module_that_says_yes_is_known_to(name: str) -> None:
    found = opening(f"auth sufficient pam_{name}.so\n@include common-auth\n")
    assert found == pam.Opening((f"auth sufficient pam_{name}.so",), is_certain=True)


def test_files_include_each_other_eight_deep() -> None:
    services = {f"s{n}": [f"@include s{n + 1}"] for n in range(9)} | {"s9": ["auth required pam_permit.so"]}
    assert pam.opening(services, "s1")
    with pytest.raises(Unparsable):
        pam.opening(services, "s0")
    services = {name: [line.replace("@include", "auth include") for line in lines] for name, lines in services.items()}
    assert pam.opening(services, "s1")
    with pytest.raises(Unparsable):
        pam.opening(services, "s0")


@pytest.mark.parametrize(
    "line", ["/etc/pam.d/su", "/etc/other/su:auth required pam_permit.so", "auth required pam_x.so"]
)
def test_a_line_of_no_service_is_said(line: str) -> None:
    with pytest.raises(Unparsable):
        pam.files(line)


def test_as_many_modules_as_can_be_gone_through_are() -> None:
    assert opening("auth sufficient pam_access.so\n" * 6)
    assert opening("auth optional pam_permit.so\n" * 7)


def test_what_is_reset_has_not_been_said() -> None:
    assert opening("auth [success=reset default=bad] pam_permit.so\n") is None
    assert opening("auth required pam_unix.so\nauth [default=reset] pam_env.so\nauth required pam_permit.so\n")


@pytest.mark.parametrize("name", ["unixes", "environ", "permitted"])
def test_a_name_that_only_begins_like_one_is_not_known(name: str) -> None:
    found = opening(f"auth sufficient pam_{name}.so\n@include common-auth\n")
    assert found == pam.Opening((f"auth sufficient pam_{name}.so",), is_certain=False)


def test_a_file_may_be_named_by_its_path() -> None:
    assert opening("@include /etc/pam.d/common-auth\n", "auth required pam_permit.so\n")


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
        "auth sufficient \\",
        "auth pam_unix.so",
        "auth [] pam_unix.so",
        "auth sufficent pam_unix.so",
        "auth [success] pam_unix.so",
        "auth [success=ok default] pam_unix.so",
        "@include su",
        "@include common-auth and more",
        "auth sufficient pam_access.so\n" * 7,
    ],
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(Unparsable):
        opening(text)
