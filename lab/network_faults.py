"""Faults on the way to a host: packets, connections, ssh sessions."""

from __future__ import annotations

from lab import hosts
from lab.faults import Memory, fault, script
from lab.host_faults import FAULTS
from lab.plan import LabHost
from lab.process import attempt, run

__all__ = ["FAULTS"]


def _network(host: LabHost, *argv: str) -> None:
    run("nsenter", "--target", str(hosts.init_pid(host)), "--net", *argv)


_DROPS = (("PREROUTING", "-i", "eth0", "-j", "DROP"), ("OUTPUT", "-o", "eth0", "-j", "DROP"))


def _undo_drop_packets(host: LabHost, memory: Memory) -> None:
    enter = ("nsenter", "--target", str(hosts.init_pid(host)), "--net")
    for rule in _DROPS:
        if attempt(*enter, "iptables", "-w", "-t", "raw", "-C", *rule).returncode == 0:
            run(*enter, "iptables", "-w", "-t", "raw", "-D", *rule)


@fault("drop_packets", "every packet from and to the host is silently dropped", _undo_drop_packets)
def _drop_packets(host: LabHost) -> Memory:
    for rule in _DROPS:
        _network(host, "iptables", "-w", "-t", "raw", "-I", *rule)
    return {}


@fault("reset_connections", "the host's established ssh connections were reset", lambda host, memory: None)
def _reset_connections(host: LabHost) -> Memory:
    _network(host, "ss", "--kill", "--no-header", "state", "established", "sport", "=", ":22")
    return {}


_STOPPER = "lab-stops-sessions"


@fault(
    "sessions_stopped",
    "the host accepts logins and then answers nothing: the processes of its ssh sessions are stopped",
    script(f"systemctl stop {_STOPPER} || true; pkill -CONT -f '^sshd: ' || true"),
)
def _sessions_stopped(host: LabHost) -> Memory:
    stop = "while sleep 0.2; do pkill -STOP -f '^sshd: [a-z]*@'; done"
    hosts.execute(host, 'systemd-run --quiet --unit="$1" /bin/sh -c "$2"', _STOPPER, stop)
    return {}
