"""What each module of PAM may answer somebody who gives no password, by its source or manual."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

FAILURES: Final = (
    *("auth_err", "perm_denied", "user_unknown", "authinfo_unavail", "maxtries", "cred_insufficient", "abort"),
    *("open_err", "symbol_err", "service_err", "system_err", "buf_err", "acct_expired", "session_err", "cred_unavail"),
    *("cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err", "authtok_recover_err"),
    *("authtok_lock_busy", "authtok_disable_aging", "try_again", "authtok_expired", "module_unknown", "bad_item"),
)
"""The return values of pam_tokens.h with which a module says no."""
CODES: Final = (*FAILURES, "success", "ignore", "new_authtok_reqd", "conv_again", "incomplete")
"""All of them. `new_authtok_reqd` is for accounts; the last two end nothing."""
_FAILS: Final = {"deny": "auth_err", "rootok": "auth_err", "time": "module_unknown"}
"""Always the same no: pam_rootok's to all but root; pam_time has no pam_sm_authenticate."""
_ASKS: Final = re.compile(
    r"unix|unix2|unix_auth|sss|sss_gss|ldap|krb5|winbind|radius_auth|tacplus|fprintd|google_authenticator|yubico"
    r"|oath|duo|pkcs11|p11|ssh_agent_auth|systemd_home|centrifydc|vas3|lsass|authd|authd_exec|himmelblau|aad"
    r"|oslogin_login|userdb"
)
"""They fail without a password, a key or a finger."""
_PASSES_OVER: Final = ("ignore_", "minimum_uid=", "min_uid=")
"""How options begin for which such a module says PAM_IGNORE: pam_sss(8), pam_krb5(5), pam_ldap(5)."""
_OVERLOOKS: Final = {"google_authenticator": "nullok", "yubico": "nullok", "radius_auth": "localifdown"}
"""The option with which each of these says PAM_IGNORE of whoever has no token, or where no server answers (sources of
google-authenticator-libpam from 2017 on and of yubico-pam, USAGE of pam_radius)."""
_IGNORES: Final = re.compile(r"env|group|faildelay|warn|keyinit")
"""They say neither yes nor no."""
_AGREES: Final = re.compile(
    r"securetty|shells|succeed_if|localuser|access|rhosts|usertype"  # to whom they are meant for
    r"|tally2?|ecryptfs|mount|gnome_keyring"  # to everybody: their work is another one
)
"""They say yes without a password."""
_AGREES_OR_IGNORES: Final = re.compile(r"listfile|sepermit|cap|kwallet5?|echo")
"""They say yes or nothing without a password."""


class Answers(NamedTuple):
    """The return values of a module, and whether that is known."""

    codes: tuple[str, ...]
    is_known: bool = True


def answers(module: str, options: list[str]) -> Answers:
    """What a module may answer, by its path and options. Of one that nobody knows: anything."""
    name = module.rpartition("/")[2].removeprefix("pam_").removesuffix(".so")
    if name in _FAILS:
        return Answers((_FAILS[name],))
    if name == "u2f":
        return _u2f(options)
    if _ASKS.fullmatch(name) or (name == "ccreds" and "action=validate" in options):
        passes_over = _OVERLOOKS.get(name) in options or any(option.startswith(_PASSES_OVER) for option in options)
        return Answers(("ignore", *FAILURES) if passes_over else FAILURES)
    if _IGNORES.fullmatch(name):
        return Answers(("ignore",))
    if name == "permit":
        return Answers(("success",))
    if name in _BY_OPTION:
        return Answers((*_BY_OPTION[name](options), *FAILURES))
    if _AGREES.fullmatch(name):
        return Answers(("success", *FAILURES))
    return Answers(("success", "ignore", *FAILURES), is_known=_AGREES_OR_IGNORES.fullmatch(name) is not None)


def _wheel(options: list[str]) -> tuple[str, ...]:
    return ("success", "ignore") if "trust" in options else ("ignore",)


def _nologin(options: list[str]) -> tuple[str, ...]:
    return ("success",) if "successok" in options else ("ignore",)


def _faillock(options: list[str]) -> tuple[str, ...]:
    """`authfail` counts, and says PAM_IGNORE, but PAM_SUCCESS of those whom `local_users_only` leaves out.

    The last action is the one that holds (args_parse of pam_faillock.c); without any it is `preauth`.
    """
    actions = [option for option in options if option in ("preauth", "authfail", "authsucc")]
    counts = actions[-1:] == ["authfail"] and "local_users_only" not in options
    return ("ignore",) if counts else ("success", "ignore")


def _ccreds(options: list[str]) -> tuple[str, ...]:
    """`store` and `update` write what was typed, right or wrong; without an action it is an error (pam_cc.c)."""
    return ("success",) if {"action=store", "action=update"} & set(options) else ()


def _u2f(options: list[str]) -> Answers:
    """`nouserok`: yes to whoever has no token registered up to pam_u2f 1.1 (Ubuntu 22.04), and nothing from 1.2 on."""
    return Answers(("success", "ignore", *FAILURES), is_known=False) if "nouserok" in options else Answers(FAILURES)


_BY_OPTION: Final = {"wheel": _wheel, "nologin": _nologin, "faillock": _faillock, "ccreds": _ccreds}
"""What else than a no those say whose options decide."""
