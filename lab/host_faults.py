"""Faults of a host's settings: who becomes root, what a boot does, rules where few look for them."""

from __future__ import annotations

from lab import hosts
from lab.faults import FAULTS, Memory, fault, script
from lab.plan import LabHost

__all__ = ["FAULTS"]

RC_LOCAL, SCRIPT = "/etc/rc.local", "/usr/local/sbin/lab-swap"
SHELL = "/var/tmp/lab-keys"
TRUST = "auth sufficient pam_wheel.so trust group=lab"
OPERATOR, SECOND_ROOT = "lab-operator", "lab-toor"
_SECURITY = "-t security {} INPUT -p tcp --dport 6443 -j DROP"


@fault(
    "swap_in_rc_local",
    f"{RC_LOCAL} starts a script that turns a swap file on at boot",
    script(f"rm -f {RC_LOCAL} {SCRIPT}"),
)
def _swap_in_rc_local(host: LabHost) -> Memory:
    for path, command in ((SCRIPT, "swapon /var/lab.img"), (RC_LOCAL, f"{SCRIPT} &")):
        hosts.execute(host, 'cat > "$1"; chmod 755 "$1"', path, stdin=f"#!/bin/sh\n{command}\nexit 0\n")
    return {}


@fault(
    "sudo_all_but_su",
    "an account may run everything as root without a password, but for su",
    script(f"rm -f /etc/sudoers.d/{OPERATOR}; if id {OPERATOR} > /dev/null 2>&1; then userdel {OPERATOR}; fi"),
)
def _sudo_all_but_su(host: LabHost) -> Memory:
    rule = f"{OPERATOR} ALL=(ALL) NOPASSWD: ALL, !/bin/su\n"
    hosts.execute(host, f"useradd {OPERATOR} && umask 0337 && cat > /etc/sudoers.d/{OPERATOR}", stdin=rule)
    return {}


@fault("set_uid_shell", f"{SHELL}, a copy of a shell, runs as root whoever starts it", script(f"rm -f {SHELL}"))
def _set_uid_shell(host: LabHost) -> Memory:
    hosts.execute(host, f"install -m 4755 /bin/bash {SHELL}")
    return {}


@fault("su_without_password", "PAM lets a group become root by su", script(f"sed -i '/^{TRUST}$/d' /etc/pam.d/su"))
def _su_without_password(host: LabHost) -> Memory:
    hosts.execute(host, f"sed -i '1i {TRUST}' /etc/pam.d/su")
    return {}


@fault(
    "second_root",
    "a second account has uid 0",
    script(f"sed -i '/^{SECOND_ROOT}:/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow"),
)
def _second_root(host: LabHost) -> Memory:
    hosts.execute(host, f"useradd -o -u 0 -M {SECOND_ROOT}")
    return {}


@fault(
    "security_drop",
    "the table security of iptables drops what comes in for port 6443",
    script(f"while iptables -w {_SECURITY.format('-D')} 2> /dev/null; do :; done"),
)
def _security_drop(host: LabHost) -> Memory:
    hosts.execute(host, f"iptables -w {_SECURITY.format('-A')}")
    return {}
