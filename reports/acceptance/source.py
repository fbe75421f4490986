"""The only input of an acceptance document: the record, the evidence and the manifest of one run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from dlws.record.evidence import file_name
from dlws.record.ledger import HostRow
from dlws.record.printable import one_line
from dlws.record.run_folder import Command, RecordedRun
from dlws.verdict import Verdict
from reports import manifest, record
from reports.acceptance import conclusion, facts
from reports.acceptance.conclusion import Conclusion
from reports.acceptance.facts import Facts
from reports.matrix import AREAS, NO_HOSTS
from reports.overview import Overview
from reports.record import Record

_SHORT = 60  # characters of an answer that may be shown as the finding
# Commands whose output is itself a measured value. That of others (counts, process lists, tables) would mislead.
_TELLING = re.compile(
    r"(uname|hostname|nproc|id -|stat |docker (version|image inspect) |nvidia-smi --query|systemctl (show|is-)"
    r"|cat /usr/local/Ascend/driver/version\.info)"
)
_API = "kubernetes"
_VALUES = 6  # different answers of hosts that pass the same check; a thousand host names are no table


@dataclass(frozen=True, slots=True)
class Line:
    """One check with one verdict and finding, and all the hosts that have these; `others` are its other hosts."""

    check: Record
    found: str
    hosts: tuple[str, ...]
    evidence: tuple[str, ...]

    others: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return Verdict(self.check["verdict"])


@dataclass(frozen=True)
class Source:
    """One run, with the views that the parts of the document need."""

    recorded: RecordedRun

    @cached_property
    def record(self) -> Record:
        """The run's canonical record."""
        return record.build(Overview(self.recorded))

    @cached_property
    def digests(self) -> dict[str, str]:
        """The manifest: SHA-256 by file."""
        return manifest.digests(self.recorded.folder)

    @cached_property
    def digest(self) -> str:
        """The manifest's own SHA-256."""
        return manifest.digest(manifest.text(self.digests).encode())

    @cached_property
    def hosts(self) -> tuple[HostRow, ...]:
        """The hosts, without the columns that are not hosts."""
        return tuple(host for host in self.recorded.ledger.run.hosts if host.name not in NO_HOSTS)

    @cached_property
    def checks(self) -> list[Record]:
        """All checks on all hosts, in the catalogue's order."""
        letters = list(AREAS)
        place = {letter: number for number, letter in enumerate(letters)}
        return sorted(self.record["checks"], key=lambda check: place.get(check["id"][:1], len(letters)))

    @cached_property
    def lines(self) -> list[Line]:
        """The checks, with hosts that have the same result combined. Answers of which nearly each host has its own are
        left out: they are in the evidence."""
        together: dict[tuple[str, ...], list[Record]] = {}
        everywhere: dict[str, list[str]] = {}
        answers: dict[str, dict[str, str]] = {}
        for check in self.checks:
            if not check["message"] and (answer := self.found(check)):
                answers.setdefault(check["id"] or check["name"], {})[check["host"]] = answer
        for check in self.checks:
            test = check["id"] or check["name"]
            told = answers.get(test, {})
            shown = check["message"] or (told.get(check["host"], "") if len({*told.values()}) <= _VALUES else "")
            key = (test, check["verdict"], shown, check["fix"])
            together.setdefault(key, []).append(check)
            everywhere.setdefault(test, []).append(check["host"])
        lines = []
        for (test, _, found, _), checks in together.items():
            hosts = dict.fromkeys(check["host"] for check in checks)
            others = tuple(host for host in everywhere[test] if host not in hosts)
            evidence = dict.fromkeys(ref for check in checks for ref in self.evidence(check))
            lines.append(Line(checks[0], found, tuple(hosts), tuple(evidence), others))
        return lines

    def found(self, check: Record) -> str:
        """The finding: the message or, for a pass without one, the command's output if it is a short value."""
        message: str = check["message"]
        if message or check["verdict"] != Verdict.PASS:
            return message
        references = self.evidence(check)
        answer = self.recorded.command(references[0]) if len(references) == 1 else ""
        if not isinstance(answer, Command) or answer.rc != 0 or answer.encoded or not _TELLING.match(answer.command):
            return ""
        text = answer.out.strip()
        return one_line(text) if len(text) <= _SHORT and "\n" not in text else ""

    def evidence(self, check: Record) -> tuple[str, ...]:
        """The references to a check's evidence."""
        return self._evidence.get(check["test"], ())

    def facts(self, host: str) -> Facts:
        """The facts about a host in the evidence; Kubernetes' values fill in what the host itself was not asked."""
        known = facts.of_host(self._answers.get(file_name(host), ()))
        known.values = self._nodes.get(host, {}) | known.values
        return known

    @cached_property
    def all_facts(self) -> dict[str, Facts]:
        """The facts about every host, by name."""
        return {host.name: self.facts(host.name) for host in self.hosts}

    @cached_property
    def server_version(self) -> str:
        """The API server's version; empty if it was not queried."""
        return facts.server_version(self._answers.get(_API, ()))

    @cached_property
    def required(self) -> dict[str, str]:
        """By check id, the version required by the configuration; empty if the run did not record its configuration."""
        cluster = self.recorded.inputs.get("cluster") or {}
        suite = cluster.get("suite") or {}
        values = {
            "G02": ("≥ ", suite.get("required_gpu_driver")),
            "P02": ("≥ ", suite.get("required_npu_driver")),
            **dict.fromkeys(("C02", "K07", "K20"), ("", cluster.get("kubernetes_version"))),
        }
        return {check: f"{sign}{value}" for check, (sign, value) in values.items() if value}

    @cached_property
    def gaps(self) -> list[tuple[str, str]]:
        """Reasons why the run does not cover the whole cluster, in Chinese and English; empty if it does."""
        inputs = self.recorded.inputs
        if not inputs.get("cluster"):
            return [
                ("未记录是否覆盖全部主机与全部检查项", "it is not recorded whether all hosts and checks were covered")
            ]
        audited = {host.name for host in self.hosts}
        missing = [node["name"] for node in inputs["cluster"]["nodes"] if node["name"] not in audited]
        names = ", ".join(missing)
        gaps = [(f"未巡检配置中的主机：{names}", f"hosts of the configuration were not audited: {names}")]
        part = ("只执行了部分检查项", "only some of the checks were run")
        return (gaps if missing else []) + ([] if inputs.get("whole", True) else [part])

    @cached_property
    def conclusion(self) -> Conclusion:
        """Passed, conditionally passed or not passed."""
        return conclusion.conclude(self.record, self.recorded.ledger.end, self.gaps, len(self.accepted_in_stages))

    @cached_property
    def accepted_in_stages(self) -> dict[tuple[str, str], list[str]]:
        """By check and finding, the hosts on which stages went on with it, and which no check of the run reports."""
        told = {(check["id"], check["host"]) for check in self.record["checks"]}
        found: dict[tuple[str, str], list[str]] = {}
        for stage in self.record["stages"]:
            for proof in stage["proofs"]:
                if proof["verdict"] == Verdict.WAIVED and (proof["id"], stage["host"]) not in told:
                    places = found.setdefault((proof["id"], proof["message"]), [])
                    places += [stage["host"]] if stage["host"] not in places else []
        return found

    @cached_property
    def commands(self) -> list[tuple[str, Command]]:
        """Every command of the run with its evidence file."""
        transcripts = self.recorded.transcripts.items()
        return [(file, c) for file, commands in transcripts if not isinstance(commands, str) for c in commands.values()]

    @cached_property
    def _evidence(self) -> dict[str, tuple[str, ...]]:
        return {result.key: result.evidence for result in self.recorded.ledger.results}

    @cached_property
    def _nodes(self) -> dict[str, dict[str, str]]:
        return facts.of_nodes(self._answers.get(_API, ()))

    @cached_property
    def _answers(self) -> dict[str, list[Command]]:
        """The commands by the host they were run on, as in the file names."""
        by_host: dict[str, list[Command]] = {}
        for file, command in self.commands:
            by_host.setdefault(file.partition(".")[0], []).append(command)
        return by_host
