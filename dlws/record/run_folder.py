"""The folder of one run (`reports/out/<cluster>/<run>/`): its layout, and reading it back.

ledger.jsonl                       the events (dlws.record.ledger)
evidence/<host>.<worker>.jsonl     every command with its answer, the run's transcript
inputs.json                        the run's inputs: cluster, waivers, date; no secrets (dlws.engine.inputs)
junit.xml, report.html             made from ledger and evidence, and can be made again at any time
lost/<host>                        the test that found a host unreachable
verdicts.json                      the verdicts in short, for the history in later runs' reports (reports.history)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dlws.record import evidence, regular_file, strict_json
from dlws.record import ledger as ledgers
from dlws.record.evidence import EvidenceLine
from dlws.record.ledger import Ledger, Run

LOST = "lost"
RUNS = "DLWS_RUNS"
"""The environment variable that names another folder for runs: that of the suite may be read-only."""


def runs_of(suite: Path) -> Path:
    """The folder of all runs of a suite: `reports/out` in it, or the one that DLWS_RUNS names."""
    named = os.environ.get(RUNS)
    return Path(named).absolute() if named else suite / "reports" / "out"


OUT = runs_of(Path(__file__).parents[2])

MOST_LEDGER, MOST_INPUTS, MOST_LOST = 512 << 20, 64 << 20, 4096
"""Bytes that are read of the ledger (200 MiB for 250 checks on 1,000 hosts), the inputs, and each file in `lost/`."""


class RunFolderError(Exception):
    """A run's folder is missing or cannot be read; the message names the file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One line of evidence: a command that ran on a host, and its answer.

    `rc` is None when the exit status is not known (time-out, lost link). `out` and `err` are text; bytes that are not
    UTF-8 are shown as `\\xNN` and `encoded` is True. `changes` is True for a change. `seconds` is wall time.
    """

    n: int
    command: str
    at: str = ""
    rc: int | None = None
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    timed_out: bool = False
    truncated: bool = False
    encoded: bool = False
    changes: bool = False


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.path / "ledger.jsonl"

    @property
    def evidence(self) -> Path:
        """The folder of the transcripts."""
        return self.path / evidence.FOLDER

    @property
    def inputs(self) -> Path:
        """The file with the run's inputs."""
        return self.path / "inputs.json"

    def read(self) -> RecordedRun:
        """The recorded run. RunFolderError when there is no readable ledger."""
        try:
            with regular_file.opened(self.path, self.ledger.name, MOST_LEDGER) as file:
                read = ledgers.read(regular_file.lines(file))
        except (FileNotFoundError, NotADirectoryError):
            raise RunFolderError(f"{self.path}: no ledger.jsonl here; is this the folder of a run?") from None
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.ledger}: cannot be read: {error}") from error
        self.transcripts()
        return RecordedRun(read, self)

    def transcripts(self) -> tuple[str, ...]:
        """The names of the evidence files. RunFolderError when the folder holds anything else."""
        try:
            return evidence.transcripts(self.path)
        except OSError as error:
            raise RunFolderError(f"{self.evidence}: cannot be read: {error}") from error

    def lost(self) -> dict[str, str]:
        """By host that could not be reached, the key of the test that found out. RunFolderError."""
        try:
            names = [name for name in regular_file.sizes(self.path, LOST) if not name.startswith(".")]  # a kill's rest
            found = {name: regular_file.content(self.path, f"{LOST}/{name}", MOST_LOST) for name in names}
        except OSError as error:
            raise RunFolderError(f"{self.path / LOST}: cannot be read: {error}") from error
        return {name: text.decode("utf-8", "backslashreplace") for name, text in found.items()}

    def head(self) -> Run:
        """The first line of the ledger. RunFolderError when it cannot be read."""
        try:
            with regular_file.opened(self.path, self.ledger.name, MOST_LEDGER) as file:
                event = ledgers.decode(next(regular_file.lines(file), ""))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.ledger}: cannot be read: {error}") from error
        if not isinstance(event, Run):
            raise RunFolderError(f"{self.ledger}: a ledger starts with a run line")
        return event


@dataclass(frozen=True)
class RecordedRun:
    """A ledger together with its evidence; the one input of every report."""

    ledger: Ledger
    folder: RunFolder
    _files: dict[str, Mapping[int, Command] | str] = field(default_factory=dict)

    @cached_property
    def references(self) -> tuple[str, ...]:
        """Every evidence reference of the run's results, once, in the order of the ledger."""
        return tuple(dict.fromkeys(ref for result in self.ledger.results for ref in result.evidence))

    @cached_property
    def inputs(self) -> Mapping[str, Any]:
        """The run's inputs: `waivers` (as in waivers.yaml) and `today` (ISO 8601), among others. May be empty.

        RunFolderError when the file exists but cannot be read, or is not what a run writes.
        """
        try:
            text = regular_file.content(self.folder.path, self.folder.inputs.name, MOST_INPUTS)
            return _inputs(strict_json.loads(text))
        except FileNotFoundError:  # a run of an older suite, or of a plan
            return {}
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.folder.inputs}: cannot be read: {error}") from error

    @cached_property
    def transcripts(self) -> dict[str, Mapping[int, Command] | str]:
        """By evidence file, its commands by number, or a sentence that says why it cannot be read."""
        return {name: self._commands_of(name) for name in self.folder.transcripts()}

    def command(self, reference: str) -> Command | str:
        """The command that `<file>#<n>` refers to, or a sentence that says why it cannot be shown."""
        return _named(self._commands_of(reference.partition("#")[0]), reference)

    def commands(self) -> Iterator[tuple[str, Command | str]]:
        """Every reference of the run's results with what `command` says of it, one evidence file after another.

        Each comes as it is read and none is kept: the logs of a thousand hosts are half a gigabyte, and so is what the
        API lists of them. Of a reference that comes twice the later one counts.
        """
        of_file: dict[str, list[str]] = {}
        for reference in self.references:
            of_file.setdefault(reference.partition("#")[0], []).append(reference)
        for file, references in of_file.items():
            named: dict[int | None, list[str]] = {}
            for reference in references:
                named.setdefault(_number(reference), []).append(reference)
            left = dict.fromkeys(references)
            fault = ""
            try:
                for command in self._each(file):
                    for reference in named.get(command.n, ()):
                        left.pop(reference, None)
                        yield reference, command
            except _Unreadable as error:
                fault, left = str(error), dict.fromkeys(references)
            yield from ((reference, fault or _without(reference)) for reference in left)

    def _commands_of(self, file: str) -> Mapping[int, Command] | str:
        if file not in self._files:
            self._files[file] = self._read(file)
        return self._files[file]

    def _read(self, file: str) -> Mapping[int, Command] | str:
        try:
            return {command.n: command for command in self._each(file)}
        except _Unreadable as error:
            return str(error)

    def _each(self, file: str) -> Iterator[Command]:
        """The commands of an evidence file. _Unreadable says why it cannot be read, or not to its end."""
        if not file or Path(file).name != file or "\0" in file:
            raise _Unreadable(f"not the name of an evidence file: {file!r}")
        try:
            yield from (_shown(line) for line in evidence.read(self.folder.path, file) if line.n)
        except FileNotFoundError:
            raise _Unreadable(f"evidence/{file} is missing") from None
        except (OSError, ValueError) as error:
            raise _Unreadable(f"evidence/{file} cannot be read: {error}") from error


class _Unreadable(Exception):
    """An evidence file cannot be read."""


def find_run(name: str, out: Path = OUT, cluster: str = "*") -> RunFolder:
    """The run with this name: `latest`, a folder, or a folder's name among all runs. RunFolderError if none."""
    if name == "latest":
        return latest_run(out, cluster)
    if Path(name).is_dir() or len(Path(name).parts) != 1:
        return RunFolder(Path(name))
    folders = sorted(path for path in out.glob(f"{cluster}/*") if path.name == name)
    if not folders:
        raise RunFolderError(f"{name}: no folder, and no run of this name in {out}")
    if len(folders) > 1:
        raise RunFolderError(f"{name}: runs of {', '.join(path.parent.name for path in folders)}; name the folder")
    return RunFolder(folders[0])


def latest_run(out: Path = OUT, cluster: str = "*") -> RunFolder:
    """The folder of the readable run that started last, of one cluster or of any. RunFolderError when there is none.

    Each that cannot be read is skipped, with one line on stderr: a broken run must not hide the others for good.
    """
    whose = "" if cluster == "*" else f"of cluster {cluster} "
    started: list[tuple[str, Path]] = []
    for path in sorted(out.glob(f"{cluster}/*/ledger.jsonl")):
        try:
            started.append((RunFolder(path.parent).head().started, path.parent))
        except RunFolderError as error:
            _skipped(error)
    for _, path in sorted(started, reverse=True):
        try:
            return RunFolder(path).read().folder
        except RunFolderError as error:
            _skipped(error)
    raise RunFolderError(f"{out}: no run {whose}yet (`pytest -m verify` makes one)")


def _skipped(error: RunFolderError) -> None:
    words = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(error))
    print(f"skipped: {words}", file=sys.stderr)


def _inputs(content: Any) -> Mapping[str, Any]:
    """The inputs, as far as reports use them, with their types checked. ValueError for anything else."""
    try:
        cluster = content.get("cluster") or {}
        waivers = content.get("waivers", [])
        texts = [value for waiver in waivers for value in waiver.values()]
        texts += [waiver[name] for waiver in waivers for name in ("id", "host", "expires")]
        texts += [content["today"]] if texts else []
        texts += [node["name"] for node in cluster["nodes"]] if cluster else []
        (cluster.get("suite") or {}).keys()
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not the inputs of a run: {error}") from error
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise ValueError(f"not the inputs of a run: {wrong[0]!r:.60} is no text")
    return dict(content)


def _named(commands: Mapping[int, Command] | str, reference: str) -> Command | str:
    """The command of a file that `<file>#<n>` refers to, or a sentence that says why it cannot be shown."""
    if isinstance(commands, str):
        return commands
    number = _number(reference)
    return _without(reference) if number is None or number not in commands else commands[number]


def _number(reference: str) -> int | None:
    """The n of `<file>#<n>`; None if that is no number."""
    number = reference.partition("#")[2]
    return int(number[:18]) if number.isdecimal() else None


def _without(reference: str) -> str:
    """Says that the file of a reference is there, and not the command."""
    file, _, number = reference.partition("#")
    return f"evidence/{file} has no command {number or '(none named)'}"


def _shown(line: EvidenceLine) -> Command:
    """The command with its texts, each kept once: many hosts are asked the same and answer alike."""
    answer = line.answer
    return Command(
        n=line.n,
        command=sys.intern(answer.command),
        at=line.at,
        rc=answer.rc,
        out=sys.intern(answer.text),
        err=sys.intern(answer.error_text),
        seconds=answer.seconds,
        timed_out=answer.timed_out,
        truncated=answer.truncated,
        encoded=not (_is_text(answer.out) and _is_text(answer.err)),
        changes=line.kind == "change",
    )


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
