"""Where the root password is taken from, and where it must never turn up."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.config.state import State
from dlws.engine import credentials
from dlws.engine.credentials import CredentialError, kept_credential, root_credential
from dlws.engine.site import about_password
from tests.kits.project import Project, environment_with, eventually

CANARY = "Zx9-canary'\"$HOME"


@pytest.fixture(autouse=True)
def _no_password_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(credentials.ENVIRONMENT, raising=False)
    monkeypatch.setattr(credentials, "has_terminal", lambda: False)


def keys(state: Path) -> Path:
    folder = state / "deploy" / "sshkey"
    folder.mkdir(parents=True)
    return folder


def private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


def test_the_file_of_the_runbook_gives_the_password_and_the_user_beside_it(tmp_path: Path) -> None:
    private(keys(tmp_path) / "rootpasswd", f"{CANARY}\n")
    (tmp_path / "deploy" / "sshkey" / "rootuser").write_text("ubuntu\n")
    found = root_credential(State(tmp_path))
    assert (found.user, found.password) == ("ubuntu", CANARY)
    assert CANARY not in repr(found)


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private(keys(tmp_path) / "rootpasswd", "from the file")
    monkeypatch.setenv(credentials.ENVIRONMENT, CANARY)
    assert root_credential(State(tmp_path)).password == CANARY


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = keys(tmp_path) / "rootpasswd"
    private(path, "secret")
    path.chmod(0o640)
    with pytest.raises(CredentialError, match=rf"can be read by others \(mode 0640\). Fix: chmod 600 {path}"):
        root_credential(State(tmp_path))


def test_on_a_terminal_it_is_asked_for_unless_the_key_is_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: CANARY)
    assert root_credential(State(tmp_path)).password == CANARY
    (keys(tmp_path) / "id_rsa").touch()
    assert root_credential(State(tmp_path)).password is None


def test_who_ends_the_input_at_the_prompt_has_typed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(credentials, "has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", ended)
    assert root_credential(State(tmp_path)).password is None


def test_a_run_that_meets_no_new_host_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "has_terminal", lambda: True)
    assert kept_credential(State(tmp_path)).password is None
    private(keys(tmp_path) / "rootpasswd", CANARY)
    assert kept_credential(State(tmp_path)).password == CANARY  # to be masked


def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    assert root_credential(State(tmp_path)).password is None


CHECKS = '''
@preflight
@check("T01", title_zh="在", fix="make it")
def test_it(host):
    """It is there."""
    expect("it", found=host.read("cat it 2>/dev/null || true"), expected="it")
'''
STAGES = '''
@stage(section="1", proves=[facts.test_it])
def test_make_it(host, change):
    """A stage that says the password wherever it can."""
    secret = os.environ["CANARY"]
    change.run("echo %s; touch begun; while ! test -e go; do sleep 0.05; done", secret)
    change.run("echo %s >&2; exit 3", secret)

@stage(section="2", proves=[facts.test_it])
def test_break(host, change):
    """And one that breaks over it."""
    raise RuntimeError(os.environ["CANARY"])
'''


def command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_the_password_is_in_no_file_no_output_and_no_command_line_of_a_run(tmp_path: Path) -> None:
    made = Project(tmp_path, stages=STAGES, checks=CHECKS, hosts=["a1"])
    process = made.start("-m", "install", "-n", "1", DLWS_ROOT_PASSWORD=CANARY, CANARY=CANARY)
    eventually(lambda: made.has("a1", "begun"), 30)
    ours = [line for line in command_lines().splitlines() if "Zx9-canary" in line and "while ! test -e go" not in line]
    made.on("a1", "go")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, ours) == (1, [])
    assert "***" in (made.folder / "ledger.jsonl").read_text()
    written = [p for top in ("reports", "state") for p in (made.path / top).rglob("*") if p.is_file()]
    leaking = [p.name for p in written if b"canary" in p.read_bytes()]
    assert leaking == []
    assert "canary" not in out + err


def test_a_person_at_a_terminal_is_asked_although_pytest_captures(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, hosts=["a1"])
    made.on("a1", "it", "it")
    child, terminal = pty.fork()  # the child has the terminal for its own
    if child == 0:
        os.chdir(made.path)
        os.execve(sys.executable, [sys.executable, "-m", "pytest", "-m", "preflight"], environment_with())
    said = b""
    while b"Password of root on the hosts" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, CANARY.encode() + b"\n")
    while chunk := read_to_end(terminal):
        said += chunk
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert CANARY.encode() not in said


def read_to_end(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1000)
    except OSError:  # how a terminal says that nobody holds its other end any more
        return b""


@pytest.mark.parametrize(
    ("meets", "password", "said"),
    [
        (True, None, "; no password is given: set DLWS_ROOT_PASSWORD, or write it into {file}, mode 0600"),
        (True, "wrong", "; the password is that of DLWS_ROOT_PASSWORD, of {file}, or was typed"),
        (False, None, ""),
    ],
)
def test_a_refused_login_says_where_the_password_comes_from(
    meets: bool, password: str | None, said: str, tmp_path: Path
) -> None:
    context: Any = SimpleNamespace(meets_new_hosts=meets, root_password=password)
    state = State(tmp_path)
    assert about_password(state, context) == said.format(file=state.root_password)
