"""Realistic recorded runs for the tests of the reports: the runbook's four hosts, with faults and hostile text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dlws.record.ledger import ActionRow, End, Event, HostRow, ItemRow, Outcome, Proof, Result, Run, encode
from dlws.record.run_folder import RunFolder
from dlws.verdict import Mismatch, Severity, Verdict

START = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
HOSTILE = (
    "]]> \x00 \x1b[31mred\x1b[0m \x1b]0;title\x07 <script>alert(1)</script> </script> <!-- {{ 7*7 }} [b]markup[/b] "
    "=cmd()|' /C calc'!A0 \u202egnp.exe 磁盘已满 & \"quoted\""
)

CONTROL = HostRow(name="control", address="127.0.0.1", kind="", role="control")
HOSTS = (
    HostRow(name="atlas02", address="192.168.3.2", kind="npu-arm64", role="infrastructure"),
    HostRow(name="atlas01", address="192.168.3.6", kind="npu-arm64", role="worker"),
    HostRow(name="atlas-gpu01", address="192.168.3.4", kind="gpu-amd64", role="worker"),
    HostRow(name="atlas-gpu02", address="192.168.3.3", kind="gpu-amd64", role="worker"),
)

STAGES = Path(__file__).with_name("sample_run_stages.txt")
CHECKS = Path(__file__).with_name("sample_run_checks.txt")
# (test, host): verdict and finding or message of everything but a plain pass in the sample runs
Faults = dict[tuple[str, str], tuple[Verdict, str | Mismatch]]
CHECK_FAULTS: Faults = {
    ("swap_is_off", "atlas01"): (Verdict.FAIL, Mismatch("swap in use", found="/dev/sda3 (8 GiB)", expected="none")),
    ("swap_stays_off", "atlas01"): (Verdict.FAIL, Mismatch("swap in /etc/fstab", found="line 4", expected="none")),
    ("swap_stays_off", "atlas-gpu01"): (
        Verdict.FAIL,
        Mismatch("swap in /etc/fstab", found="line 2", expected="none"),
    ),
    ("gpu_driver_is_new_enough", "atlas-gpu01"): (
        Verdict.FAIL,
        Mismatch("driver", found="418.87.01", expected=">= 430"),
    ),
    ("npus_are_healthy", "atlas01"): (Verdict.UNKNOWN, "cannot know: npu-smi: command not found"),
    ("dpkg_is_sane", "atlas-gpu01"): (Verdict.FAIL, Mismatch("dpkg --audit", found=HOSTILE, expected="nothing")),
    ("no_failed_units", "atlas01"): (Verdict.WARN, Mismatch("failed units", found="apport.service", expected="none")),
    ("no_failed_units", "atlas02"): (Verdict.WARN, Mismatch("failed units", found="apport.service", expected="none")),
    ("apt_mirror_answers", "atlas02"): (Verdict.WAIVED, Mismatch("mirror", found="no answer", expected="an answer")),
}
REMARKS = {
    Verdict.WAIVED: "the mirror is opened on site; li.wei; until 2027-01-31",
    Verdict.DEVIATION: "the product itself needs root's login (runbook 2.1)",
}
FIXES = {
    "swap_is_off": "swapoff -a, then take the swap line out of /etc/fstab (runbook 3.11)",
    "swap_stays_off": "comment out the swap line in /etc/fstab and mask the systemd swap units",
    "gpu_driver_is_new_enough": "install the NVIDIA driver 430 or newer by hand; the suite never installs a driver",
    "npus_are_healthy": "install the Ascend driver's tools, or put npu-smi on root's PATH",
    "dpkg_is_sane": "dpkg --configure -a",
    "no_failed_units": "systemctl status UNIT, then repair it or `systemctl reset-failed`",
    "hosts": "see whether the host has power and network: ping 192.168.3.3",
}


@dataclass
class Sample:
    """A run that a test can modify and write to a folder."""

    run: Run
    results: list[Result]
    end: End | None
    evidence: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def write(self, path: Path) -> RunFolder:
        """Write ledger and evidence as the engine does."""
        folder = RunFolder(path)
        folder.evidence.mkdir(parents=True, exist_ok=True)
        events: list[Event] = [self.run, *self.results, *([self.end] if self.end else [])]
        folder.ledger.write_text("".join(encode(event) + "\n" for event in events), encoding="utf-8")
        for file, commands in self.evidence.items():
            lines = "".join(json.dumps(command, ensure_ascii=False) + "\n" for command in commands)
            (folder.evidence / file).write_text(lines, encoding="utf-8")
        return folder

    def record(self, host: str, worker: str, command: str, **answer: Any) -> str:
        """Add a line of evidence and return the reference to it."""
        lines = self.evidence.setdefault(f"{host}.{worker}.jsonl", [])
        base = {"n": len(lines) + 1, "at": START.isoformat(), "command": command, "rc": 0, "out": "", "err": ""}
        lines.append({**base, "seconds": 0.012, "timed_out": False, "truncated": False, "kind": "read", **answer})
        return f"{host}.{worker}.jsonl#{len(lines)}"


def verify(
    hosts: tuple[HostRow, ...] = HOSTS, unreachable: str = "atlas-gpu02", faults: Faults | None = None
) -> Sample:
    """An audit with failures, an UNKNOWN, a dead host, warnings, a waiver, hostile text and 2 MB of output."""
    sample = _sample("verify", hosts)
    for number, (row, host) in enumerate(_on_hosts(CHECKS, 4, hosts)):
        check_id, file, name, section, _, severity, title, title_zh, command = row
        nodeid = f"checks/{file}.py::test_{name}[{host.name}]"
        verdict, reason = (CHECK_FAULTS if faults is None else faults).get((name, host.name), (Verdict.PASS, ""))
        if name == "root_login_is_refused":
            verdict, reason = Verdict.DEVIATION, Mismatch("PermitRootLogin", found="yes", expected="no")
        if host.name == unreachable:
            verdict, reason = Verdict.NOT_RUN, f"{unreachable} is unreachable"
        ref = sample.record(host.name, "gw0", command, **_answer(name, verdict))
        item = ItemRow(nodeid=nodeid, name=name, host=host.name, stage=False, id=check_id, section=section, title=title)
        sample.run = replace(sample.run, items=(*sample.run.items, item))
        sample.results.append(
            Result(
                nodeid=nodeid,
                name=name,
                host=host.name,
                stage=False,
                verdict=verdict,
                started=_at(number * 0.02),
                seconds=0.013,
                worker="gw0",
                id=check_id,
                section=section,
                severity=Severity(severity),
                title=title,
                title_zh=title_zh,
                source="kubeadm preflight",
                fix=FIXES.get(name, ""),
                **finding(reason),
                remark=REMARKS.get(verdict, ""),
                evidence=() if verdict is Verdict.NOT_RUN else (ref,),
                follows=_reach(unreachable) if verdict is Verdict.NOT_RUN else "",
            )
        )
    if unreachable:
        sample.results.append(_dead(unreachable))
    return sample


def finding(reason: str | Mismatch) -> dict[str, Any]:
    """The fields of a Result that hold the finding."""
    if isinstance(reason, Mismatch):
        return {"what": reason.what, "found": reason.found, "expected": reason.expected}
    return {"message": reason}


def lean(sample: Sample) -> Sample:
    """The same run without its megabytes of output."""
    for commands in sample.evidence.values():
        commands[:] = [{**c, "out": c["out"][:100] if c["out"] else c["out"]} for c in commands]
    return sample


def install(hosts: tuple[HostRow, ...] = HOSTS) -> Sample:
    """An install: Docker fails on one host, which blocks its later stages, and one stage has no result anywhere."""
    sample = _sample("install", hosts)
    clock = {host.name: 0.0 for host in (CONTROL, *hosts)}
    broken: set[str] = set()
    for row, host in _on_hosts(STAGES, 2, hosts):
        name, section, _, title, actions = row
        nodeid = f"install/s{section.replace('.', '_')}_sample.py::test_{name}[{host.name}]"
        item = ItemRow(nodeid=nodeid, name=name, host=host.name, stage=True, section=section, title=title)
        sample.run = replace(sample.run, items=(*sample.run.items, item))
        if name == "gpu_in_container":
            continue
        seconds = {"docker_installed": 41.5, "node_packages": 22.0, "rebooted": 35.0}.get(name, 1.4) * (
            1 + len(host.name) / 20
        )
        result = Result(
            nodeid=nodeid,
            name=name,
            host=host.name,
            stage=True,
            verdict=Verdict.PASS,
            outcome=Outcome.CHANGED if actions else Outcome.UNCHANGED,
            started=_at(clock[host.name]),
            seconds=round(seconds, 3),
            worker="gw0",
            section=section,
            title=title,
            proofs=(Proof(id="H00", name=f"{name}_holds", verdict=Verdict.PASS),),
            actions=tuple(
                ActionRow(text=text.format(host=host.name), seconds=0.7) for text in actions.split(";") if text
            ),
        )
        sample.results.append(_with_failure(sample, result, broken))
        clock[host.name] += seconds if host.name not in broken else 0.01
    sample.end = replace(_end(sample), not_run=tuple(n for n in _keys(sample) if "gpu_in_container" in n))
    return sample


def plan(hosts: tuple[HostRow, ...] = HOSTS) -> Sample:
    """A plan of the same install."""
    sample = install(hosts)
    planned = [r for r in sample.results if r.verdict is Verdict.PASS]
    sample.results = [
        replace(r, outcome=Outcome.PLANNED, verdict=Verdict.NOT_RUN, message="planned") if r.actions else r
        for r in planned
    ]
    done = {r.key for r in sample.results}
    sample.run = replace(sample.run, plan=True, items=tuple(i for i in sample.run.items if i.key in done))
    sample.end = End(exit_status=0, reason="", seconds=4.2, not_run=())
    return sample


def room(size: int) -> tuple[HostRow, ...]:
    """`size` hosts, half of them NPU hosts."""
    return tuple(
        HostRow(
            name=f"node{n:03d}",
            address=f"192.168.3.{n}",
            kind="npu-arm64" if n % 2 else "gpu-amd64",
            role="infrastructure" if n == 1 else "worker",
        )
        for n in range(1, size + 1)
    )


def _with_failure(sample: Sample, result: Result, broken: set[str]) -> Result:
    """The result of a stage on the host where Docker fails."""
    if result.host in broken:
        why, docker = "not run: needs docker_installed[atlas-gpu01]", "docker_installed[atlas-gpu01]"
        blocked = replace(result, verdict=Verdict.NOT_RUN, outcome=Outcome.BLOCKED, seconds=0.0, actions=(), proofs=())
        return replace(blocked, message=why, follows=docker)
    lines = [sample.record(result.host, "gw0", action.text, kind="change", out="ok\n") for action in result.actions]
    lines.append(sample.record(result.host, "gw0", f"check {result.name}", out="yes\n"))
    if result.name == "docker_installed" and result.host == "atlas-gpu01":
        broken.add(result.host)
        failed = Proof(id="R01", name="docker_runs", verdict=Verdict.FAIL, message="docker.service is failed")
        return replace(
            result,
            verdict=Verdict.FAIL,
            outcome=Outcome.FAILED,
            proofs=(failed,),
            evidence=tuple(lines),
            message=f"R01 docker.service: expected active, found failed: {HOSTILE}",
            fix="journalctl -u docker; often a broken /etc/docker/daemon.json",
        )
    return replace(result, evidence=tuple(lines))


def _answer(name: str, verdict: Verdict) -> dict[str, Any]:
    if name == "dpkg_is_sane":
        return {"out": HOSTILE + "\n", "err": "\x1b[1;31mE:\x1b[0m 无法获得锁\n", "rc": 1}
    if name == "no_failed_units":
        return {"out": "x" * 2_000_000, "truncated": True}
    if name == "npus_are_healthy" and verdict is Verdict.UNKNOWN:
        return {"rc": 127, "err": "sh: npu-smi: not found\n"}
    if name == "clock_is_synchronised":
        return {"out_base64": base64.b64encode("时钟已同步\n".encode("gbk")).decode(), "out": None}
    if name == "apt_mirror_answers":
        return {"rc": None, "timed_out": True, "seconds": 5.0}
    return {"out": "".join(f"{name} line {n}: as it should be\n" for n in range(1, 1 + len(name)))}


def _dead(name: str) -> Result:
    return Result(
        nodeid=f"checks/reach.py::test_{_reach(name)}",
        name="host_is_reachable",
        host=name,
        stage=False,
        verdict=Verdict.UNREACHABLE,
        started=_at(10),
        seconds=10.0,
        worker="gw1",
        title="The host can be reached",
        title_zh="主机可连接",
        message="no answer from 192.168.3.3 port 22 within 10 s",
        fix=FIXES["hosts"],
    )


def _reach(name: str) -> str:
    return f"host_is_reachable[{name}]"


def _sample(command: str, hosts: tuple[HostRow, ...]) -> Sample:
    run = Run(
        run="20261124T063000Z-install" if command == "install" else f"20261124T063000Z-{command}",
        cluster="atlas",
        command=command,
        started=START.isoformat(),
        config="config.yaml",
        config_sha256="9f2c" * 16,
        suite_version="0.1.0",
        plan=False,
        strict=False,
        workers=4,
        hosts=(CONTROL, *hosts),
        items=(),
    )
    return Sample(run, [], End(exit_status=1, reason="", seconds=187.4, not_run=()))


def _end(sample: Sample) -> End:
    assert sample.end
    return sample.end


def _keys(sample: Sample) -> Iterator[str]:
    return (item.key for item in sample.run.items)


def _on_hosts(table: Path, column: int, hosts: tuple[HostRow, ...]) -> Iterator[tuple[list[str], HostRow]]:
    """Each row of a table with each host it is for, in the order of the table."""
    everything = HostRow(name="cluster", address="", kind="", role="")
    for line in table.read_text(encoding="utf-8").splitlines()[1:]:
        row = line.split("|")
        chosen = {"control": (CONTROL,), "cluster": (everything,), "hosts": hosts}.get(
            row[column], tuple(host for host in hosts if host.kind.startswith(row[column]))
        )
        yield from ((row, host) for host in chosen)


def _at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()
