"""A fuzzer of what others send us: the frames of a host, a ledger, the folder of a run.

    python -m tests.faults.fuzz SECONDS [SEED]

Hypothesis changes a good example in its structure and in its bytes, and shrinks what fails. No example may raise
anything but what its reader declares, take more than LONGEST seconds, or lift the process above MOST_MEMORY. Rounds
count their seeds up from a random one, which is printed; failures are kept in `.hypothesis`, and are tried again first.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import reports
from dlws.cli import main as dlws
from dlws.engine import inputs
from dlws.record import ledger
from dlws.record.answer import Answer
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.record.run_folder import RunFolder, RunFolderError
from dlws.remote import agent
from dlws.remote.replay import Replay
from dlws.remote.session import AgentSession, CommandRequest
from dlws.verdict import Unknown
from reports import answers, drift, history, record
from tests.kits import sample_run
from tests.unit.reports.test_hostile_folder import TRAPS

LONGEST = 60
MOST_MEMORY = 300 << 20
Draw = Callable[[st.SearchStrategy[Any]], Any]
Target = Callable[[Draw], None]

NASTY: list[Any] = [
    *(None, True, False, 0, -1, 2**63, 10**400, 0.5, 1e308, float("nan"), float("inf"), [], {}, [[]], {"": None}),
    *(
        "",
        "\0",
        "\ud800",
        "\x1b]52;c;AAAA\x1b\\",
        "[bold",
        "../../x",
        "control",
        "cluster",
        "9" * 5000,
        "\u202e",
        "a" * 9999,
    ),
    *("2026-02-30", "0001-01-01T00:00:00+23:59", "FAIL", "<script>", "a\nb\r\n\u2028", "{{ 7*7 }}", "x#1", "#", "\\"),
]
VALUES = st.one_of(st.sampled_from(NASTY), st.text(max_size=20), st.integers(), st.floats())
BYTES = st.one_of(
    st.binary(max_size=30), st.sampled_from([b"\n", b"\0", b"\xff\xfe", b"{", b"[" * 99_999, b"\r", b'"'])
)


def changed(draw: Draw, value: Any) -> Any:
    """The value with some of its parts replaced, removed, renamed or doubled."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(0, 3))):
        place, within = value, draw(st.integers(1, 5))
        for _ in range(within):
            keys = (
                list(place) if isinstance(place, dict) else list(range(len(place))) if isinstance(place, list) else []
            )
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.booleans()):
                place = place[key]
                continue
            match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
                case "replace":
                    place[key] = draw(VALUES)
                case "remove":
                    del place[key]
                case "add" if isinstance(place, dict):
                    place[draw(st.text(max_size=9))] = draw(VALUES)
                case _:
                    place.append(place[key])
            break
    return value


def torn(draw: Draw, data: bytes) -> bytes:
    """The bytes with some of them overwritten, lost or put in."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        lost = draw(st.sampled_from([0, 1, 7, len(data)]))
        data = data[:at] + draw(BYTES) + data[at + lost :]
    return data


def lines(draw: Draw, rows: list[Any]) -> bytes:
    """JSON lines, some of them changed, doubled, in another order."""
    at = {draw(st.integers(0, len(rows) - 1)) for _ in range(draw(st.integers(0, 3)))} if rows else set()
    rows = [changed(draw, row) if n in at else row for n, row in enumerate(rows)]
    text = "".join(json.dumps(row, ensure_ascii=draw_ascii) + "\n" for row in rows for draw_ascii in [bool(at)])
    return torn(draw, text.encode("utf-8", "backslashreplace"))


def small(sample: sample_run.Sample) -> sample_run.Sample:
    """The run with a few results of each verdict and outcome, so that an example takes some milliseconds."""
    kept: dict[tuple[str, str], list[ledger.Result]] = {}
    for result in sample.results:
        kept.setdefault((result.verdict, result.outcome or ""), []).append(result)
    sample.results = [result for alike in kept.values() for result in alike[:2]]
    keys = {result.key for result in sample.results}
    items = [item for item in sample.run.items if item.key in keys]
    sample.run = replace(sample.run, items=(*items, *sample.run.items[-2:]))
    return sample_run.lean(sample)


def of_frames(draw: Draw) -> None:
    """What a host sends after the hello: answers, whole and torn, in pieces of any size."""
    wanted = [CommandRequest("x", 0.1, 4096) for _ in range(draw(st.integers(1, 3)))]
    sent = b""
    for number in draw(st.lists(st.integers(0, 4), max_size=5)):
        out, err = draw(st.binary(max_size=40)), draw(st.binary(max_size=40))
        sizes = draw(st.sampled_from([(len(out), len(err)), (2**32 - 1, 0), (0, 2**32 - 1), (len(out) + 1, len(err))]))
        seconds = draw(st.sampled_from([0.1, float("nan"), float("inf"), -1.0]))
        frame = agent.ANSWER.pack(
            number, draw(st.integers(-(2**31), 2**31 - 1)), seconds, draw(st.integers(0, 3)), *sizes
        )
        sent += frame + out + err
    link = Link(torn(draw, sent), draw(st.integers(1, 64)))
    session = AgentSession("host", link.opened)
    try:
        assert all(isinstance(answer, Answer) for answer in session.run(wanted))
    except Unknown:
        pass
    finally:
        session.close()


class Link:
    """A link on which bytes come in pieces after the hello, and then no more."""

    def __init__(self, sent: bytes, piece: int) -> None:
        self._sent, self._piece = sent, piece
        self._hello = False

    def opened(self, command: str) -> Link:
        """Itself, as the link on which a command was started."""
        return self

    def write(self, data: bytes) -> None:
        """Answers the agent's source with its hello."""
        if not self._hello and (nonce := re.search(rb'main\(b"(\w+)"\)', data)):
            self._sent = agent.HELLO + nonce[1] + b"\n" + self._sent
            self._hello = True

    def read(self) -> bytes:
        """The next piece."""
        piece, self._sent = self._sent[: self._piece], self._sent[self._piece :]
        return piece

    def abort(self) -> None:
        """Nothing to drop."""

    def close(self) -> None:
        """Nothing to close."""

    def complaint(self) -> str:
        """No reason."""
        return ""


def of_a_ledger(draw: Draw) -> None:
    """A ledger, and every report that is made of it if it can be read."""
    sample = SMALL if draw(st.booleans()) else STAGED
    events = [sample.run, *sample.results, *([sample.end] if sample.end else [])]
    data = lines(draw, [json.loads(ledger.encode(event)) for event in events])
    with folder() as run:
        run.ledger.write_bytes(data)
        try:
            overview = reports.read(run)
        except RunFolderError as error:
            assert_one_line(error)
            return
        made = reports.write_all(run)
        assert made.faults == (), made.faults
        audit = record.build(overview)
        with contextlib.suppress(drift.NotComparable):  # an install
            drift.between(audit, audit)
        history.before(overview.recorded)
        command(run, draw(st.sampled_from(COMMANDS)))


def of_a_folder(draw: Draw) -> None:
    """A run's folder whose files are changed, or something else than files."""
    with folder() as run:
        SMALL.write(run.path)
        run.inputs.write_text(INPUTS, "utf-8")
        (run.path / "lost").mkdir()
        reports.write(run.path / history.FILE, DIGEST)
        names = draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=3, unique=True))
        for name in sorted(names, reverse=True):  # what is in a folder before the folder
            harm(draw, run.path / name)
        for each in draw(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=3)):
            command(run, each)
        again(run)


def harm(draw: Draw, file: Path) -> None:
    """Change a file, or put a trap in its place."""
    if file.is_dir() or draw(st.integers(0, 3)) == 0:
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            TRAPS[draw(st.sampled_from([name for name in TRAPS if name != "a link"]))](file)
    elif not file.exists():
        file.write_bytes(draw(BYTES))
    elif file.suffix == ".jsonl":
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        file.write_bytes(lines(draw, rows))
    else:
        file.write_bytes(torn(draw, json.dumps(changed(draw, json.loads(file.read_text("utf-8")))).encode()))


def again(run: RunFolder) -> None:
    """Judge a run again, as far as its folder is concerned."""
    try:
        recorded = run.read()
        inputs.load(run)
        run.lost()
        judged_by = {result.key: result.evidence for result in recorded.ledger.results}
        replay = Replay(run.path, judged_by, Transcript(run.path / "again", Redactor([])))
        answers.between(recorded, recorded)
    except (RunFolderError, Unknown) as error:
        assert_one_line(error)
        return
    for key in judged_by:
        replay.begin(key)
        for asked in ("cat /proc/swaps", "stat -L -c %F /etc/x", "systemctl show x -p A --no-pager"):
            with contextlib.suppress(Unknown):
                replay.ask("atlas01", asked)


def command(run: RunFolder, words: list[str]) -> None:
    """A command of `dlws reports`: it succeeds, or says in one line why not."""
    said, complained = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        status = dlws(["reports", words[0], str(run.path), *words[1:]])
    assert status in (0, 1, 4), status
    assert (status == 4) == bool(complained.getvalue()), complained.getvalue()


def assert_one_line(error: Exception) -> None:
    """Whatever is wrong with a foreign file, it is said in one line of some length."""
    assert len(str(error)) < 2000, str(error)[:3000]


@contextlib.contextmanager
def folder() -> Iterator[RunFolder]:
    """A folder for a run."""
    with tempfile.TemporaryDirectory() as name:
        run = RunFolder(Path(name) / "cluster" / "20261124T063000Z-verify")
        run.evidence.mkdir(parents=True)
        yield run


COMMANDS = [
    ["json"],
    ["html"],
    ["junit"],
    ["csv"],
    ["show"],
    ["plan"],
    ["prometheus"],
    ["acceptance", "--format", "html"],
]
SMALL, STAGED = small(sample_run.verify()), small(sample_run.install())
DIGEST = '{"schema":"dlws-verdicts/1","cluster":"atlas","command":"verify","started":"","hosts":["a"],"rows":{"x":"p"}}'
INPUTS = json.dumps(
    {
        "schema": "dlws-inputs/1",
        "cluster": {"name": "atlas", "nodes": [{"name": "atlas01"}], "suite": {}, "document": {}},
        "waivers": [{"id": "H09", "host": "*", "owner": "Li", "reason": "x", "expires": "2027-01-31"}],
        "today": "2026-11-24",
        "whole": True,
    }
)
FILES = ["ledger.jsonl", "inputs.json", history.FILE, "lost", "lost/atlas01", "evidence", "manifest.sha256"]
FILES += [f"evidence/{name}" for name in SMALL.evidence]
TARGETS: tuple[Target, ...] = (of_frames, of_a_ledger, of_a_folder)


def attempt(target: Target, number: int, examples: int) -> None:
    """One round: so many examples of a target. Raises what the shrunk example raises, and TimeoutError."""

    def example(data: st.DataObject) -> None:
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            target(data.draw)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    phases = (Phase.reuse, Phase.generate, Phase.shrink)
    chosen = settings(max_examples=examples, deadline=None, phases=phases, suppress_health_check=list(HealthCheck))
    example.__name__ = example.__qualname__ = target.__name__
    before = signal.signal(signal.SIGALRM, _too_long)
    try:
        seed(number)(chosen(given(st.data())(example)))()
    finally:
        signal.signal(signal.SIGALRM, before)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {LONGEST} s")


def main(seconds: float, number: int) -> int:
    """Rounds of all targets in turn for so many seconds. Returns the exit status."""
    began, rounds = time.monotonic(), 0
    print(f"fuzzing for {seconds:g} s, first seed {number}", flush=True)
    while time.monotonic() - began < seconds:
        attempt(TARGETS[rounds % len(TARGETS)], number + rounds, 100)
        rounds += 1
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        if memory > MOST_MEMORY:
            print(f"{memory >> 20} MiB after round {rounds} (seed {number + rounds - 1})")
            return 1
    print(f"{100 * rounds:,} examples, {memory >> 20} MiB at most")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)))
