"""What a host says when it refuses a connection or sudo, with what would mend it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from dlws.hostfiles import sudoers

LOOKS_EVERY: Final = 5.0
"""Seconds between two looks at a silent connection: less than those between two signs of life. Whoever closes it wakes
its thread (`dlws.remote.ssh`)."""


class Transport(paramiko.Transport):
    """paramiko's, which also keeps what the host offers; paramiko itself keeps that only once both sides agree.

    And its thread sleeps while the host says nothing: paramiko's looks ten times a second whether the connection was
    closed or a sign of life is due, and an audit has a thread for each of a thousand hosts.
    """

    offers: dict[str, Any]
    _active_check_timeout = LOOKS_EVERY

    def _really_parse_kex_init(self, m: paramiko.Message, ignore_first_byte: bool = False) -> dict[str, Any]:
        parsed: dict[str, Any] = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        if not ignore_first_byte:  # the host's message, not ours
            self.offers = parsed
        return parsed


_ALGORITHMS: Final = {
    "kex": ("KexAlgorithms", "kex_algo_list", "kex"),
    "host key": ("HostKeyAlgorithms", "server_key_algo_list", "key_types"),
    "cipher": ("Ciphers", "server_encrypt_algo_list", "ciphers"),
    "mac": ("MACs", "server_mac_algo_list", "digests"),
}
"""By what paramiko's message names: sshd_config's keyword, the host's list, and our own in its security options."""


def nothing_in_common(transport: Transport, error: IncompatiblePeer) -> str:
    """What the host offers and what we take, where both have nothing in common; empty if that is not known."""
    said = str(error).lower()
    found = next((row for word, row in _ALGORITHMS.items() if word in said), None)
    offers = getattr(transport, "offers", {})
    if found is None or found[1] not in offers:
        return ""
    keyword, theirs, ours = found
    accepted = ", ".join(getattr(transport.get_security_options(), ours))
    return (
        f"its sshd offers only {', '.join(offers[theirs])} as {keyword}; add one of {accepted} to {keyword} in "
        "/etc/ssh/sshd_config (`sshd -T` shows what is in force)"
    )


_SUDO: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("must have a tty", lambda user: f"put the line `{sudoers.no_terminal(user)}` into {sudoers.file_name(user)}"),
    ("not found", lambda user: "install the package sudo"),
    ("setuid bit", lambda user: "chown root:root /usr/bin/sudo; chmod 4755 /usr/bin/sudo"),
    ("no new privileges", lambda user: "let sshd's unit start programs with more rights: NoNewPrivileges=no"),
    ("syntax error", lambda user: "correct the file and line that `visudo -c` names"),
    ("no valid sudoers", lambda user: "correct the file and line that `visudo -c` names"),
)
"""By what sudo says, what mends it."""


def sudo_fix(user: str, said: str) -> str:
    """What mends a sudo that refused to make a user root; without a better reason, the right to do so."""
    usual = f"put the line `{sudoers.everything(user)}` into {sudoers.file_name(user)} (mode 0440)"
    return next((fix(user) for words, fix in _SUDO if words in said), usual)
