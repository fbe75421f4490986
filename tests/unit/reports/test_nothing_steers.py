"""No text of a host, of a foreign run or of a name in it reaches a terminal or a pipe raw, whatever prints it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from dlws.cli import Refused
from dlws.engine import progress
from dlws.engine.progress import Board, Reporter
from dlws.record.ledger import Outcome, Result
from dlws.record.terminal import SafeConsole
from dlws.verdict import Verdict
from tests.kits import sample_run
from tests.kits.project import ROOT, Project, eventually
from tests.kits.sample_run import Sample

STEERING = "".join(
    [
        *map(chr, [*range(0x09), *range(0x0B, 0x20), 0x7F, *range(0x80, 0xA0)]),  # C0 but for tab and newline, C1
        *map(chr, [0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF]),
    ]
)
SEQUENCES = ["\x1b]52;c;ZXZpbA==\x1b\\", "\x1b]0;title\x07", "\x1b[2J", "\x1b[6n", "\x9b31m", "\x1bP+q\x1b\\", "\x1bc"]
HOSTILE = "begin " + " ".join([*STEERING, *SEQUENCES, "[bold red]", "[link=http://x]y[/link]"])
COMMANDS = ("show", "plan", "json", "prometheus", "html", "junit", "csv")


def raw(output: str) -> list[str]:
    """What of an output steers; a CSV has a byte order mark and CR LF at its lines' ends."""
    shown = output.removeprefix("\ufeff").replace("\r\n", "\n")
    return sorted({repr(character) for character in shown if character in STEERING})


def hostile(value: Any) -> Any:
    """A row of a ledger with this in each of its texts that may be any."""
    texts = ("title", "title_zh", "source", "fix", "what", "found", "expected", "message", "remark", "text", "section")
    names = ("name", "cluster", "reason", "config", "kind", "suite_version")
    if isinstance(value, tuple):
        return tuple(map(hostile, value))
    if not hasattr(value, "__dataclass_fields__"):
        return value
    fields = {name: getattr(value, name) for name in value.__slots__}
    changed = {n: f"{v}{HOSTILE}" for n, v in fields.items() if n in (*texts, *names) and isinstance(v, str)}
    nested = {n: hostile(v) for n, v in fields.items() if isinstance(v, tuple)}
    return replace(value, **nested, **changed)


def written(sample: Sample, path: Path) -> Path:
    sample.run, sample.results = hostile(sample.run), [hostile(result) for result in sample.results]
    sample.end = hostile(sample.end)
    return sample.write(path).path


def dlws(*args: str) -> str:
    ran = subprocess.run([sys.executable, "-m", "dlws", "reports", *args], cwd=ROOT, capture_output=True, timeout=60)
    return (ran.stdout + ran.stderr).decode("utf-8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = {"verify": sample_run.verify(), "again": sample_run.verify(), "plan": sample_run.plan()}
    return [written(sample, folder / name) for name, sample in made.items()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_foreign_runs_text_steers_no_terminal(command: str, runs: Sequence[Path]) -> None:
    output = dlws(command, str(runs[2 if command == "plan" else 0]), *([] if command == "show" else ["-o", "-"]))
    assert (raw(output), len(output) > 100) == ([], True)


def test_the_record_says_the_same_though_nothing_in_it_steers(runs: Sequence[Path]) -> None:
    assert HOSTILE in {check["found"][-len(HOSTILE) :] for check in json.loads(dlws("json", str(runs[0])))["checks"]}


def test_a_comparison_and_a_fault_of_a_foreign_run_steer_no_terminal(runs: Sequence[Path]) -> None:
    assert raw(dlws("diff", str(runs[0]), str(runs[1]), "--answers")) == []
    assert raw(dlws("show", str(runs[0].parent / "\x1b]0;none\x07"))) == []


def test_a_refusal_quotes_nothing_raw(capfd: pytest.CaptureFixture[str]) -> None:
    Refused(HOSTILE).show()
    assert raw(capfd.readouterr().err) == []


def finding(**more: Any) -> Result:
    told: dict[str, Any] = {"nodeid": "n", "stage": True, "verdict": Verdict.FAIL, "started": "", "seconds": 2.0}
    return Result(**{**told, "worker": "gw0", "outcome": Outcome.FAILED, "name": "x", "host": "a1", **more})


@pytest.mark.parametrize("field", ["name", "host", "message", "found", "expected", "what", "remark"])
def test_a_finished_stages_line_steers_no_terminal(field: str, tmp_path: Path) -> None:
    screen = io.StringIO()
    board = Board(tmp_path / "progress.sock", SafeConsole(screen))
    board.finished(finding(**{field: HOSTILE}))
    board.stop()
    assert (raw(screen.getvalue()), screen.getvalue().count("\n")) == ([], 1)


def test_a_sign_of_life_steers_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", 0.05)
    screen = io.StringIO()
    board = Board(tmp_path / "progress.sock", SafeConsole(screen))
    board.start()
    Reporter(tmp_path / "progress.sock").say("x\x1b[2J[a1]", HOSTILE[:400])
    eventually(screen.getvalue, 60)
    board.stop()
    assert raw(screen.getvalue()) == []


def on_a_terminal(draw: Callable[[SafeConsole], object]) -> str:
    """What is written to a terminal, without rich's own colours."""
    screen = io.StringIO()
    console = SafeConsole(screen)
    console._force_terminal = True
    draw(console)
    return re.sub("\x1b\\[[0-9;]*m", "", screen.getvalue())


def test_on_a_terminal_only_rich_colours_anything() -> None:
    assert raw(on_a_terminal(lambda console: console.print(Text(HOSTILE, "bold")))) == []
    assert raw(on_a_terminal(lambda console: console.print(HOSTILE, style="red"))) == []


def test_what_is_being_done_is_drawn_harmless(tmp_path: Path) -> None:
    board = Board(tmp_path / "progress.sock", SafeConsole(io.StringIO()))
    board._busy["x\x1b[2J[a1]"] = (HOSTILE, 0.0, 0.0)
    assert raw(on_a_terminal(lambda console: console.print(board._table()))) == []
    board.stop()


@pytest.mark.parametrize("width", ["0", "2"])
def test_a_host_that_speaks_in_escapes_steers_no_audit(width: str, tmp_path: Path) -> None:
    checks = '''
@check("T01", title_zh="言", fix="-")
def test_it(host):
    """It answers."""
    host.read("cat words >&2; exit 1")

@check("T02", title_zh="言", fix="-")
def test_that(host):
    """It answers well."""
    expect("words", found=host.read("cat words"), expected="none")
'''
    made = Project(tmp_path, checks=checks, hosts=["a1"])
    made.on("a1", "words", HOSTILE.replace("\0", ""))
    ran = made.run("-m", "verify", "-n", width)
    assert (ran.status, raw(ran.out + ran.err)) == (1, [])


def test_a_run_that_cannot_be_replayed_steers_no_terminal(tmp_path: Path) -> None:
    made = Project(tmp_path, hosts=["a1"])
    sample = sample_run.verify()
    sample.run = replace(sample.run, command=HOSTILE)
    sample.write(tmp_path / "reports" / "out" / "demo" / "first")
    ran = made.run("--replay", "first")
    assert (ran.status, raw(ran.out + ran.err)) == (4, [])


def test_only_one_kind_of_console_is_made() -> None:
    folders = ("dlws", "checks", "install", "fixtures", "reports")
    makers = [
        str(p.relative_to(ROOT))
        for f in folders
        for p in (ROOT / f).rglob("*.py")
        if re.search(r"\bConsole\(", p.read_text())
    ]
    assert makers == []  # but SafeConsole, which is one
