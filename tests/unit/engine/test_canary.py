"""Hosts say every secret back, in every spelling and on every way: nothing that a run writes or prints holds one."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
import yaml

from dlws.cli import main
from tests.kits import spellings
from tests.kits.canaries import Canaries, contents, heard, schema_secrets
from tests.kits.project import Project, Ran

CHECKS = '''
import os
from pathlib import Path

def said(most=None):
    return "".join(Path("echo").read_text().splitlines(keepends=True)[:most])

@check("T01", title_zh="在", fix="make it")
def test_output(host):
    """What a host prints is compared."""
    expect("it", found=host.read("cat echo").splitlines(), expected=[])

@check("T02", title_zh="在", fix="make it")
def test_complaint(host):
    """What a host complains of is in the message."""
    host.read("cat echo >&2; exit 1")

@check("T03", title_zh="在", fix="make it")
def test_fault(host):
    """A fault of the suite says it."""
    raise RuntimeError(host.read("cat echo"))

@check("T04", title_zh="在", fix="make it")
def test_note(host, notes):
    """A fact of this process says it."""
    expect("it", found=notes.take("what is there", said), expected="nothing")

@check("T05", title_zh="在", fix="make it")
def test_command(host):
    """It is in a command."""
    host.read("printf %%s %s >&2; false", said(200))

@check("T06", on=control_host, title_zh="在", fix="make it")
def test_control(control):
    """The control host says it."""
    control.read("cat echo >&2; cat echo; exit 5")
'''
STAGES = '''
@stage(section="1", proves=[facts.test_output])
def test_say(host, change):
    """A change that fails says it, as kubeadm and docker login do."""
    change.write_file("there", facts.said(100))
    change.run("cat echo; cat echo >&2; exit 3", text=facts.said(100))

@stage(section="2", proves=[facts.test_complaint])
def test_refuse(host, change):
    """A precondition says it."""

@stage(section="3", proves=[facts.test_output])
def test_break(host, change):
    """A stage that breaks says it."""
    raise ValueError(facts.said())
'''
REPORTS = ("show", "json", "csv", "html", "junit", "prometheus", "acceptance")


@dataclass(frozen=True)
class Sung:
    """A project whose runs are over: what they wrote and what they printed."""

    project: Project
    given: frozenset[Path]
    printed: list[Ran]

    @property
    def written(self) -> list[Path]:
        """Every file that was not there before the runs."""
        return [
            p for p in self.project.path.rglob("*") if p.is_file() and p not in self.given and "hosts" not in p.parts
        ]


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Sung:
    """An audit, a plan and an install on two hosts that say every canary in every spelling, and all reports of them."""
    made = Project(tmp_path_factory.mktemp("canary"), stages=STAGES, checks=CHECKS)
    canaries = Canaries()
    configuration = canaries.in_configuration(yaml.safe_load((made.path / "config.yaml").read_text()))
    made.write("docker.json", canaries.docker_config()).chmod(0o600)
    configuration["suite"] = {"registry_config": "docker.json"}
    made.write("config.yaml", yaml.safe_dump(configuration, allow_unicode=True))
    password = canaries.new()
    echo = "\n".join(encode(canary) for canary in canaries.values for encode in spellings.ALL.values())
    for folder in (made.path, *(made.path / "hosts" / name for name in made.hosts)):
        (folder / "echo").write_text(echo)
    (made.path / "tmp").mkdir()
    given = frozenset(made.path.rglob("*"))
    environment = {"DLWS_ROOT_PASSWORD": password, "TMPDIR": str(made.path / "tmp")}
    ways = (["verify", "-vv", "-l"], ["install", "--plan"], ["install", "-n", "2", "--junitxml=own.xml", "--tb=long"])
    printed = [made.run("-m", *way, **environment) for way in ways]
    for report in REPORTS:
        words, complaints = TextIOWrapper(BytesIO(), "utf-8"), StringIO()
        with redirect_stdout(words), redirect_stderr(complaints):
            status = main(["reports", "--out", str(made.path / "reports" / "out"), report, "latest"])
        words.seek(0)
        printed.append(Ran(status, words.read(), complaints.getvalue()))
    return Sung(made, given, printed)


def test_every_secret_of_the_schema_has_a_canary() -> None:
    assert {".".join(path) for path in schema_secrets()} == {
        "Authentications.Microsoft.ClientSecret",
        "Authentications.Wechat.AppSecret",
        "jwt.secret_key",
        "mysql_password",
        "repair-manager.alert.password",
    }


def test_the_runs_came_as_far_as_the_hosts(sung: Sung) -> None:
    assert [ran.status for ran in sung.printed[:3]] == [1, 1, 1], sung.printed
    assert {"report.html", "ledger.jsonl", "inputs.json", "junit.xml"} <= {path.name for path in sung.written}
    evidence = b"".join(path.read_bytes() for path in sung.written if path.parent.name == "evidence")
    assert evidence.count(b"***") > 1000


def test_no_canary_is_in_what_the_runs_wrote(sung: Sung) -> None:
    songs = {path.name: heard(text) for path in sung.written for text in contents(path)}
    assert not {name: song for name, song in songs.items() if song}


def test_no_canary_is_in_what_the_runs_printed(sung: Sung) -> None:
    songs = {number: heard((ran.out + ran.err).encode()) for number, ran in enumerate(sung.printed)}
    assert not {number: song for number, song in songs.items() if song}


def test_nobody_else_can_read_what_the_runs_wrote(sung: Sung) -> None:
    wide = {
        p.name: oct(p.stat().st_mode & 0o777) for p in sung.written if "out" in p.parts and p.stat().st_mode & 0o077
    }
    assert not wide


def test_the_listener_hears_a_canary_in_each_spelling() -> None:
    canary = Canaries().new()
    deaf = {name for name, encode in spellings.ALL.items() if not heard(f"x {encode(canary)} y".encode())}
    assert deaf <= {"JavaScript, every character", "base64 of base64"}
