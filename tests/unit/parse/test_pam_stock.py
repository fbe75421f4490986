"""What distributions ship in /etc/pam.d, and what their tools write there, asks for a password."""

from __future__ import annotations

import pytest

from dlws.parse.host import pam
from dlws.verdict import Unparsable

SERVICES = ("su", "su-l", "sudo", "sudo-i", "polkit-1", "login", "sshd", "gdm")
JUMPS = """\
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
"""
COMMON = {
    "Ubuntu 18.04": f"auth\t[success=1 default=ignore]\tpam_unix.so nullok_secure\n{JUMPS}auth\toptional\tpam_cap.so\n",
    # Debian 10 to 13 and Ubuntu 24.04 have the same.
    "Ubuntu 22.04": f"auth [success=1 default=ignore] pam_unix.so nullok\n{JUMPS}auth optional pam_cap.so\n",
    "sssd": f"""\
auth [success=2 default=ignore] pam_unix.so nullok
auth [success=1 default=ignore] pam_sss.so use_first_pass
{JUMPS}auth optional pam_mount.so
""",
    "krb5, winbind, a home by ecryptfs": f"""\
auth [success=3 default=ignore] pam_krb5.so minimum_uid=1000
auth [success=2 default=ignore] pam_unix.so nullok_secure try_first_pass
auth [success=1 default=ignore] pam_winbind.so krb5_auth krb5_ccache_type=FILE cached_login try_first_pass
{JUMPS}auth optional pam_ecryptfs.so unwrap
auth optional pam_cap.so
""",
    "ldap with cached answers": f"""\
auth [success=4 default=ignore] pam_unix.so nullok_secure
auth [success=3 authinfo_unavail=ignore default=1] pam_ldap.so use_first_pass
auth [success=2 default=ignore] pam_ccreds.so minimum_uid=1000 action=validate use_first_pass
auth [default=ignore] pam_ccreds.so minimum_uid=1000 action=update
{JUMPS}auth optional pam_ccreds.so minimum_uid=1000 action=store
""",
    "a home of systemd, fingerprints": f"""\
auth [success=3 default=ignore] pam_fprintd.so max-tries=1 timeout=10
auth [success=2 default=ignore] pam_unix.so nullok try_first_pass
auth [success=1 default=ignore] pam_systemd_home.so
{JUMPS}""",
    "Ubuntu 24.04's authd": f"""\
auth [success=3 ignore=ignore default=die authinfo_unavail=ignore] pam_authd_exec.so /usr/libexec/authd-pam
auth [success=2 default=ignore] pam_unix.so nullok
auth [success=1 default=ignore] pam_sss.so use_first_pass
{JUMPS}""",
    "CIS Ubuntu 20.04's faillock": f"""\
auth required pam_faillock.so preauth audit silent deny=4 fail_interval=900 unlock_time=600
auth [success=1 default=ignore] pam_unix.so nullok
auth [default=die] pam_faillock.so authfail audit deny=4 fail_interval=900 unlock_time=600
auth sufficient pam_faillock.so authsucc audit deny=4 fail_interval=900 unlock_time=600
{JUMPS}""",
    "pam-auth-update's faillock": """\
auth requisite pam_faillock.so preauth
auth [success=2 default=ignore] pam_unix.so nullok try_first_pass
auth [default=die] pam_faillock.so authfail
auth requisite pam_deny.so
auth required pam_permit.so
auth required pam_faillock.so authsucc
""",
    "CIS Ubuntu 18.04's tally2": f"""\
auth required pam_tally2.so onerr=fail audit silent deny=5 unlock_time=900
auth [success=1 default=ignore] pam_unix.so nullok_secure
{JUMPS}""",
}
"""pam-auth-update's common-auth."""
DEBIAN = {
    "su": "auth       sufficient pam_rootok.so\n# auth       sufficient pam_wheel.so trust\n@include common-auth\n",
    "sudo": "session    required   pam_env.so readenv=1\n@include common-auth\n@include common-account\n",
    "login": """\
auth optional pam_faildelay.so  delay=3000000
auth [success=ok new_authtok_reqd=ok ignore=ignore user_unknown=bad default=die] pam_securetty.so
auth       requisite  pam_nologin.so
session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close
@include common-auth
auth       optional   pam_group.so
""",
    "sshd": "# PAM configuration for the Secure Shell service\n@include common-auth\naccount required pam_nologin.so\n",
    "other": "@include common-auth\n@include common-account\n",
    "common-account": "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n",
}
TAIL = "auth        required      pam_deny.so\n"
SYSTEM = {
    "CentOS 7": f"""\
auth        required      pam_env.so
auth        sufficient    pam_unix.so nullok try_first_pass
auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
{TAIL}""",
    "CentOS 7, sssd": f"""\
auth        required      pam_env.so
auth        required      pam_faildelay.so delay=2000000
auth        [default=1 ignore=ignore success=ok] pam_succeed_if.so uid >= 1000 quiet
auth        [default=1 ignore=ignore success=ok] pam_localuser.so
auth        sufficient    pam_unix.so nullok try_first_pass
auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
auth        sufficient    pam_sss.so forward_pass
{TAIL}""",
    "CentOS 7, authconfig --enablefaillock": f"""\
auth        required      pam_env.so
auth        required      pam_faillock.so preauth silent audit deny=4 unlock_time=1200
auth        sufficient    pam_unix.so nullok try_first_pass
auth        [default=die] pam_faillock.so authfail audit deny=4 unlock_time=1200
auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
{TAIL}""",
    "CentOS 8, authselect sssd with-faillock": f"""\
auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        required                                     pam_faillock.so preauth silent
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
auth        sufficient                                   pam_unix.so nullok try_first_pass
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_faillock.so authfail
{TAIL}""",
    "openEuler": f"""\
auth        required      pam_env.so
auth        required      pam_faillock.so preauth audit deny=3 even_deny_root unlock_time=60
auth        sufficient    pam_fprintd.so
auth        sufficient    pam_unix.so nullok try_first_pass
-auth       sufficient    pam_sss.so use_first_pass
auth        [default=die] pam_faillock.so authfail audit deny=3 even_deny_root unlock_time=60
auth        sufficient    pam_faillock.so authsucc audit deny=3 even_deny_root unlock_time=60
auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
{TAIL}""",
    "CIS CentOS 7": f"""\
auth        required      pam_env.so
auth        required      pam_faillock.so preauth audit silent deny=5 unlock_time=900
auth        [success=1 default=bad] pam_unix.so
auth        [default=die] pam_faillock.so authfail audit deny=5 unlock_time=900
auth        sufficient    pam_faillock.so authsucc audit deny=5 unlock_time=900
{TAIL}""",
}
"""authconfig's and authselect's system-auth."""
RED_HAT = {
    "su": """\
auth            sufficient      pam_rootok.so
# Uncomment the following line to implicitly trust users in the "wheel" group.
#auth           sufficient      pam_wheel.so trust use_uid
auth            substack        system-auth
auth            include         postlogin
account         sufficient      pam_succeed_if.so uid = 0 use_uid quiet
""",
    "su-l": "auth include su\naccount include su\n",
    "sudo": "auth       include      system-auth\n",
    "sudo-i": "auth       include      sudo\n",
    "polkit-1": "auth       include      system-auth\n",
    "login": """\
auth [user_unknown=ignore success=ok ignore=ignore default=bad] pam_securetty.so
auth       substack     system-auth
auth       include      postlogin
""",
    "sshd": """\
auth       required     pam_sepermit.so
auth       substack     password-auth
auth       include      postlogin
# Used with polkit to reauthorize users in remote sessions
-auth      optional     pam_reauthorize.so prepare
""",
    "postlogin": "session     [success=1 default=ignore] pam_succeed_if.so service !~ gdm* service !~ su* quiet\n",
    "other": "auth     required       pam_deny.so\naccount  required       pam_deny.so\n",
}


def systems() -> dict[str, dict[str, str]]:
    """The files of /etc/pam.d of each, by their names."""
    debian = {name: DEBIAN | {"common-auth": text} for name, text in COMMON.items()}
    red_hat = {name: RED_HAT | {"system-auth": text, "password-auth": text} for name, text in SYSTEM.items()}
    return debian | red_hat


def listed(files: dict[str, str]) -> dict[str, list[str]]:
    return pam.files("".join(f"== /etc/pam.d/{name}\n{text}" for name, text in files.items()))


@pytest.mark.parametrize("system", systems())
@pytest.mark.parametrize("service", SERVICES)
def test_what_is_shipped_asks_for_a_password(system: str, service: str) -> None:
    assert pam.opening(listed(systems()[system]), service) is None


@pytest.mark.parametrize("service", SERVICES)
def test_debian_13_has_files_in_usr_lib(service: str) -> None:
    files = systems()["Ubuntu 22.04"]
    vendor = "== /usr/lib/pam.d/polkit-1\n@include common-auth\n@include common-account\n"
    text = "".join(f"== /etc/pam.d/{name}\n{text}" for name, text in files.items())
    assert pam.opening(pam.files(text + vendor), service) is None


@pytest.mark.parametrize("system", systems())
def test_each_would_be_open_without_the_modules_that_ask(system: str) -> None:
    """The stacks above are gone through: what closes them is the password."""
    files = {
        name: "".join(line.replace("pam_unix.so", "pam_permit.so") for line in text.splitlines(keepends=True))
        for name, text in systems()[system].items()
    }
    assert pam.opening(listed(files), "sshd")


def test_a_file_that_a_stack_includes_and_that_is_not_there_is_said() -> None:
    files = {name: text for name, text in systems()["CentOS 7"].items() if name != "postlogin"}
    with pytest.raises(Unparsable):
        pam.opening(listed(files), "su")
    assert pam.opening(listed(files), "sudo") is None
