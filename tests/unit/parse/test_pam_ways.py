"""Which ways lead through a stack of PAM's modules: who gets in without a password."""

from __future__ import annotations

import time

import pytest

from dlws.parse.host import pam
from tests.unit.parse.test_pam import COMMON, OPEN, PERMIT, SU, listed, opening


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
    *("faillock authfail preauth", "faillock authfail authsucc", "faillock authfail local_users_only"),
    "access action=validate",
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
        *("google_authenticator nullok", "yubico mode=client nullok", "radius_auth retry=2 localifdown"),
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


FAILURES = """open_err symbol_err service_err system_err buf_err perm_denied auth_err cred_insufficient authinfo_unavail
user_unknown maxtries acct_expired session_err cred_unavail cred_expired cred_err no_module_data conv_err authtok_err
authtok_recover_err authtok_lock_busy authtok_disable_aging try_again abort authtok_expired module_unknown bad_item"""


@pytest.mark.parametrize("code", FAILURES.split())
def test_a_module_may_fail_with_each_value(code: str) -> None:
    """The list of pam_tokens.h, all but those of the next test."""
    assert opening(f"auth [{code}=ignore default=bad] pam_unix.so\n{PERMIT}") == OPEN


@pytest.mark.parametrize("code", ["new_authtok_reqd", "conv_again", "incomplete"])
def test_some_values_no_module_answers(code: str) -> None:
    assert opening(f"auth [{code}=ignore default=bad] pam_unix.so\n{PERMIT}") is None
    assert opening(f"auth [success=ok {code}=bad] pam_permit.so\n")


def test_what_may_be_passed_over_may_fail_all_the_same() -> None:
    assert opening(f"auth [auth_err=ignore default=bad] pam_sss.so ignore_unknown_user\n{PERMIT}") == OPEN
    assert opening(f"auth [ignore=ignore default=die] pam_wheel.so trust root_only\n{PERMIT}") == OPEN


@pytest.mark.parametrize("words", ["unix nullok", "u2f nullok", "google_authenticator localifdown", "oath nouserok"])
def test_an_option_of_another_module_opens_nothing(words: str) -> None:
    assert opening(f"auth required pam_{words.replace(' ', '.so ', 1)}\n{PERMIT}") is None


def test_a_u2f_without_a_token_says_yes_or_nothing_by_its_version() -> None:
    found = opening("auth sufficient pam_u2f.so nouserok cue\nauth required pam_unix.so\n")
    assert found == pam.Opening(("auth sufficient pam_u2f.so nouserok cue",), is_certain=False)
    assert opening("auth sufficient pam_u2f.so cue\nauth required pam_unix.so\n") is None


@pytest.mark.parametrize(
    ("control", "is_certain"), [("[ignore=ignore default=die]", False), ("[auth_err=ignore default=die]", True)]
)
def test_a_u2f_without_a_token_may_say_nothing_and_no_too(control: str, *, is_certain: bool) -> None:
    found = opening(f"auth {control} pam_u2f.so nouserok\nauth required pam_permit.so\n")
    assert found is not None
    assert found.is_certain is is_certain


def test_a_preauth_that_says_yes_is_enough_where_nothing_says_no() -> None:
    """The password is `sufficient`, and nothing comes after it: PAM_SUCCESS of preauth is what is left."""
    stack = "auth required pam_faillock.so preauth\nauth sufficient pam_unix.so\n"
    said = ("auth required pam_faillock.so preauth",)
    assert opening(stack) == pam.Opening(said, is_certain=True)
    assert opening(f"{stack}auth required pam_faillock.so authfail\n") == pam.Opening(said, is_certain=True)
    assert opening(f"{stack}auth [default=die] pam_faillock.so authfail\n") is None


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


def test_what_is_reset_has_not_been_said() -> None:
    assert opening("auth [success=reset default=bad] pam_permit.so\n") is None
    assert opening("auth required pam_unix.so\nauth [default=reset] pam_env.so\nauth required pam_permit.so\n")


@pytest.mark.parametrize("name", ["unixes", "environ", "permitted", "accesses", "echoes"])
def test_a_name_that_only_begins_like_one_is_not_known(name: str) -> None:
    found = opening(f"auth sufficient pam_{name}.so\n@include common-auth\n")
    assert found == pam.Opening((f"auth sufficient pam_{name}.so",), is_certain=False)


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
    ("stack", "is_open"),
    [
        ("auth [success=1 default=ignore] pam_permit.so\n", False),  # "bad jump in stack"
        ("auth [success=2 default=ignore] pam_permit.so\nauth required pam_permit.so\n", False),
        (f"auth [success=1 default=ignore] pam_permit.so\nauth required pam_deny.so\n{PERMIT}", True),
        (f"{PERMIT}auth [success=1 default=ignore] pam_permit.so\nauth required pam_deny.so\n", True),
        (f"{PERMIT}auth [success=9] pam_permit.so\nauth [default=reset] pam_env.so\n{PERMIT}", False),
        (f"auth [ignore=done] pam_env.so\nauth [default=reset] pam_env.so\n{PERMIT}", False),
        (f"{PERMIT}auth [ignore=ok] pam_env.so\n", False),
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
        (f"auth substack x\nauth optional pam_env.so\n{PERMIT}", "auth [success=1] pam_permit.so\n", False),
        ("auth substack x\n", f"auth [success=1] pam_permit.so\nauth required pam_deny.so\n{PERMIT}", True),
        ("auth substack x\nauth include x\n", PERMIT, True),
        ("auth substack x\n", "", False),
    ],
)
def test_a_substack_ends_for_itself(outside: str, inside: str, is_open: bool) -> None:
    """_pam_dispatch_aux: done, die, a jump and reset hold for the substack. Each case has been put to libpam 1.5.2."""
    files = listed(su=outside, x=inside, y="auth requisite pam_deny.so\n", z="auth [success=done] pam_permit.so\n")
    assert (pam.opening(files, "su") is not None) is is_open


def test_each_substack_has_a_state_of_its_own_to_go_back_to() -> None:
    reset = "auth required pam_deny.so\nauth [default=reset] pam_env.so\n"
    assert pam.opening(listed(su="auth substack x\nauth substack y\n", x=PERMIT, y=reset), "su") == OPEN
    assert opening(f"auth [ignore=1] pam_env.so\nauth required pam_deny.so\n{PERMIT}") == OPEN


def test_what_a_reset_takes_back_is_not_among_the_lines() -> None:
    inside = "auth requisite pam_permit.so\nauth [default=reset] pam_env.so\nauth required pam_access.so\n"
    found = pam.opening(listed(su=f"{PERMIT}auth substack x\n", x=inside), "su")
    assert found == pam.Opening((PERMIT.strip(), "auth required pam_access.so"), is_certain=True)


def test_of_a_module_that_nobody_knows_neither_yes_nor_nothing_is_certain() -> None:
    found = opening(f"auth requisite pam_strange.so\n{PERMIT}")
    assert found == pam.Opening(("auth requisite pam_strange.so", PERMIT.strip()), is_certain=False)
    passing = opening(f"auth [ignore=ignore default=die] pam_strange.so\n{PERMIT}")
    assert passing == pam.Opening(("auth [ignore=ignore default=die] pam_strange.so", PERMIT.strip()), is_certain=False)
    used = opening(f"auth [success=ignore default=die] pam_strange.so\n{PERMIT}")
    assert used == pam.Opening(("auth [success=ignore default=die] pam_strange.so", PERMIT.strip()), is_certain=False)
    assert opening(f"auth [success=die default=ignore] pam_strange.so\n{PERMIT}") == OPEN
