"""The agent on every interpreter at hand, and the shell that stands in for it: one suite, the same promises."""

from __future__ import annotations

import ast
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dlws.record.answer import LinkLost
from dlws.remote import agent
from dlws.remote import session as session_module
from dlws.remote.connection import Connection
from dlws.remote.local import open_local, open_process

T = TypeVar("T")

SHELL = "sh"  # a PATH on which python3 does not work
PYENV = Path.home() / ".pyenv" / "versions"
PYTHONS = [str(path) for v in ("3.6*", "3.7*", "3.8*", "3.13*") for path in sorted(PYENV.glob(f"{v}/bin"))]
FEW = [*PYTHONS[:1], *PYTHONS[-1:], SHELL]  # enough for what takes its time: fork, spawn, shell
PYTHONS.append("/usr/bin" if Path("/usr/bin/python3").exists() else str(Path(sys.executable).parent))


def connect(kind: str, folder: Path) -> Connection:
    if kind == SHELL:
        (folder / "python3").write_text("#!/bin/sh\nexit 127\n")
        (folder / "python3").chmod(0o755)
        kind = str(folder)
    return open_process("host", ["env", f"PATH={kind}:/usr/bin:/bin"]).connect()


def label(kind: str) -> str:
    return Path(kind).parent.name or kind


on_few = pytest.mark.parametrize("host", FEW, ids=label, indirect=True)


@pytest.fixture(scope="module", params=[*PYTHONS, SHELL], ids=label)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    connection = connect(request.param, tmp_path_factory.mktemp("path"))
    yield connection
    connection.close()


Patch = Callable[..., Connection]


@pytest.fixture
def local() -> Iterator[Connection]:
    connection = open_local()
    yield connection
    connection.close()


def test_exit_status_output_and_order(host: Connection) -> None:
    answers = host.ask(["echo out; echo err >&2; exit 7", "true", "kill -9 $$", "echo 4"])
    assert [a.rc for a in answers] == [7, 0, 137, 0]
    assert (answers[0].out, answers[0].err, answers[3].text) == (b"out\n", b"err\n", "4\n")
    assert not any(a.timed_out or a.truncated for a in answers)


@pytest.mark.parametrize("command", ["uname -s", "no-such-tool -x", "echo -n a", "test -e /", "/etc", "cd /", "A=b"])
def test_a_plain_command_does_what_the_shell_would_have_it_do(host: Connection, command: str) -> None:
    plain, shell = host.ask([command, f"{command} #"])
    assert (plain.rc, plain.out, plain.err) == (shell.rc, shell.out, shell.err)


def test_output_is_binary_safe(host: Connection) -> None:
    nul, gbk, crlf = host.ask([r"printf '\000\377\000'", r"printf '\326\320\316\304'", r"printf 'a\r\n\033[31m'"])
    assert nul.out == b"\0\xff\0"
    assert gbk.out.decode("gbk") == "中文"
    assert gbk.text == "\\xd6\\xd0\\xce\\xc4"
    assert crlf.out == b"a\r\n\x1b[31m"


def test_no_command_waits_for_a_prompt(host: Connection) -> None:
    asked, terminal = host.ask(["read -r answer; echo \"rc $? got '$answer'\"", "tty; (: </dev/tty) 2>&1 || echo none"])
    assert asked.text == "rc 1 got ''\n"
    assert "none" in terminal.text


def test_output_beyond_the_cap_is_dropped_and_said_so(host: Connection) -> None:
    big, just = host.ask(["head -c 100000000 /dev/zero; echo end >&2", "head -c 1000 /dev/zero"], cap=1000)
    assert (big.rc, len(big.out), big.err, big.truncated) == (0, 1000, b"end\n", True)
    assert (len(just.out), just.truncated) == (1000, False)


def test_three_megabytes_on_stderr(host: Connection) -> None:
    answer = host.ask(["head -c 3000000 /dev/zero >&2; echo done"], cap=4_000_000)[0]
    assert (answer.rc, answer.out, len(answer.err), answer.truncated) == (0, b"done\n", 3_000_000, False)


@on_few
def test_a_daemon_that_keeps_the_pipes_holds_nothing_up(host: Connection) -> None:
    started = time.monotonic()
    daemon, after = host.ask(["sleep 60 & echo started", "echo after"])
    assert (daemon.text, after.text) == ("started\n", "after\n")
    assert time.monotonic() - started < 30  # the daemon runs on for a minute


@on_few
def test_a_command_past_its_deadline_is_killed_with_its_children(host: Connection, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    answer = host.ask([f"echo $$ >{pids}; sh -c 'echo $$ >>{pids}; sleep 60; :'; echo not reached"], deadline=0.2)[0]
    assert (answer.rc, answer.timed_out, answer.out) == (None, True, b"")
    wait_until(lambda: not any(alive(pid) for pid in pids.read_text().split()))


def test_commands_see_one_language_and_the_sbin_folders(host: Connection) -> None:
    locale, path, umask, pipe = host.ask(
        ["echo $LC_ALL$LANGUAGE$LANG", "echo $PATH", "umask; pwd", "yes | head -1; grep SigIgn /proc/self/status"]
    )
    assert locale.text == "C.UTF-8\n"
    assert "/usr/sbin" in path.text
    assert umask.text == "0022\n/\n"
    assert int(pipe.text.split()[-1], 16) & (1 << signal.SIGPIPE - 1) == 0


def test_output_cannot_pass_for_an_answer(host: Connection) -> None:
    forged = agent.ANSWER.pack(2, 0, 0.0, 0, 4, 0) + b"fake"
    octal = "".join(f"\\{byte:03o}" for byte in forged)
    first, second = host.ask([f"printf '{octal}DLWS-SHELL\\n 1 0 0 yes 4 0\\nfake'", "echo real"])
    assert first.out.startswith(forged)
    assert second.text == "real\n"


def test_a_change_gets_its_stdin_and_its_token(host: Connection) -> None:
    data = bytes(range(256)) * 500
    answer = host.send("wc -c; echo $DLWS_ACTION", token="t.1", stdin=data, deadline=10)
    assert answer.text.split() == [str(len(data)), "t.1"]
    assert host.send("head -c 3", token="t.2", stdin=data, deadline=10).out == data[:3]
    assert host.ask(["echo $DLWS_ACTION"])[0].text == "\n"


def test_secrets_on_stdin_are_in_no_file_and_no_argv(host: Connection) -> None:
    argv = "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c 'CANA[R]Y'"
    files = "find /run/dlws.* -type f 2>/dev/null | xargs -r grep -l 'CANA[R]Y'"
    answer = host.send(f"{argv}; {files}", token="t", stdin=b"CANARY", deadline=10)
    assert answer.text == "0\n"


@on_few
def test_a_loss_during_a_change_is_told_and_nothing_is_sent_again(host: Connection, tmp_path: Path) -> None:
    counter, go_on = tmp_path / "counter", tmp_path / "go-on"
    command = f"echo x >>{counter}; until test -e {go_on}; do sleep 0.1; done; echo end >>{counter}"
    with cut_when(host, counter), pytest.raises(LinkLost, match=r"host: .*sent once, not again; token once"):
        host.send(command, token="once", deadline=30)
    assert host.still_running("once")
    go_on.touch()
    wait_until(lambda: not host.still_running("once"))
    assert counter.read_text() == "x\nend\n"


@on_few
def test_a_read_is_asked_again_after_a_loss(host: Connection, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    with cut_when(host, seen):
        answer = host.ask([f"if test -e {seen}; then echo second; else touch {seen}; sleep 3; fi"])[0]
    assert answer.text == "second\n"


def test_the_agent_is_written_for_python_3_5() -> None:
    ast.parse(Path(agent.__file__).read_text(), feature_version=(3, 5))


def test_impossible_commands_are_refused_before_they_leave(local: Connection) -> None:
    with pytest.raises(ValueError, match="NUL"):
        local.ask(["echo \0"])
    with pytest.raises(ValueError, match="too long"):
        local.ask(["x" * 130_000])
    with pytest.raises(ValueError, match="token"):
        local.send("true", token="a b", deadline=1)


def test_commands_of_a_batch_run_side_by_side(local: Connection, tmp_path: Path) -> None:
    all_are_there = f"until [ $(ls {tmp_path} | wc -l) = 16 ]; do sleep 0.1; done"
    answers = local.ask([f"touch {tmp_path}/{n}; {all_are_there}" for n in range(16)])
    assert [answer.rc for answer in answers] == [0] * 16


def test_a_batch_larger_than_the_agent_runs_at_once(local: Connection) -> None:
    assert [a.text for a in local.ask([f"echo {i}" for i in range(200)])] == [f"{i}\n" for i in range(200)]


def test_a_command_that_ignores_the_polite_signal_is_killed(patched: Patch, tmp_path: Path) -> None:
    connection = patched("KILL_AFTER = 2.0", "KILL_AFTER = 0.2")
    pid = tmp_path / "pid"
    answer = connection.ask([f"trap '' TERM; echo $$ >{pid}; while :; do sleep 60; done"], deadline=0.2)[0]
    assert answer.timed_out
    wait_until(lambda: not alive(pid.read_text().strip()))


def test_a_command_that_cannot_die_is_given_up(patched: Patch) -> None:
    connection = patched("os.killpg(self.pid, number)", "pass  # as in state D", "KILL_AFTER = 2.0", "KILL_AFTER = 0.2")
    stuck, other = connection.ask(["echo part; sleep 2; echo end", "echo fine"], deadline=0.3)
    assert (stuck.rc, stuck.timed_out, stuck.text, other.text) == (None, True, "part\n", "fine\n")


def test_input_that_cannot_be_kept_is_told_and_nothing_starts(patched: Patch, tmp_path: Path) -> None:
    connection = patched('(b"/run", b"/dev/shm"), (b"/var/tmp", b"/tmp")', '(b"/nowhere",), (b"/nowhere",)')
    answer = connection.send(f"touch {tmp_path}/started", token="t", stdin=b"x" * 5_000_000, deadline=5)
    assert (answer.rc, answer.text) == (126, "")
    assert answer.error_text == "dlws agent: cannot keep the input: no folder takes a file"
    assert not (tmp_path / "started").exists()
    assert connection.send("cat", token="t", stdin=b"", deadline=5).rc == 0


def test_a_change_does_not_queue_behind_slow_reads(local: Connection) -> None:
    reads = threading.Thread(target=local.ask, args=(["sleep 1"] * 32,))
    reads.start()
    assert local.send("echo now", token="t", deadline=5).text == "now\n"
    assert reads.is_alive()
    reads.join()


def test_a_read_does_not_queue_behind_slow_changes(local: Connection, tmp_path: Path) -> None:
    for number in range(agent.PARALLEL):  # as many stages that wait for their nodes, all of them on the master
        background(local.send, f"touch {tmp_path}/{number}; sleep 5", token=f"t{number}", deadline=9)
    wait_until(lambda: len(list(tmp_path.iterdir())) == agent.PARALLEL)
    began = time.monotonic()
    assert local.ask(["echo now"])[0].text == "now\n"
    assert time.monotonic() - began < 3


def test_reads_die_with_the_link_and_changes_do_not(local: Connection, tmp_path: Path) -> None:
    read, change = tmp_path / "read", tmp_path / "change"
    background(local.ask, [f"echo $$ >{read}; exec sleep 60"])
    background(local.send, f"echo $$ >{change}; sleep 0.5; echo end >>{change}", token="t9", deadline=5)
    victim, survivor = first_line(read), first_line(change)
    session(local).close()
    wait_until(lambda: not alive(victim))
    assert alive(survivor)
    wait_until(lambda: change.read_text().endswith("end\n"))


def test_a_read_cleans_up_when_the_link_goes(local: Connection, tmp_path: Path) -> None:
    """Such as the pods of a probe, and its file on a share."""
    started, cleaned = tmp_path / "started", tmp_path / "cleaned"
    background(local.ask, [f"trap 'touch {cleaned}' EXIT; trap exit TERM; sleep 60 & echo $$ >{started}; wait"])
    first_line(started)
    session(local).close()
    wait_until(cleaned.exists)


def test_a_read_that_ignores_the_polite_signal_dies_with_the_link(patched: Patch, tmp_path: Path) -> None:
    connection = patched("KILL_AFTER = 2.0", "KILL_AFTER = 0.2")
    background(connection.ask, [f"trap '' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 60; done"])
    stubborn = first_line(tmp_path / "pid")
    session(connection).close()
    wait_until(lambda: not alive(stubborn))


def test_a_command_that_leaves_a_trace_is_not_sent_again(local: Connection, tmp_path: Path) -> None:
    counter, counted = tmp_path / "counter", tmp_path / "counted"
    with cut_when(local, counted), pytest.raises(LinkLost, match=r"sent once, not again"):
        local.run_active(f"cat >>{counter}; touch {counted}; sleep 60", stdin=b"x\n")
    assert local.ask(["true"])[0].rc == 0
    assert counter.read_text() == "x\n"


def test_still_running_knows_its_own_token_only(local: Connection) -> None:
    background(local.send, "sleep 0.5", token="install-7", deadline=5)
    wait_until(lambda: local.still_running("install-7"))
    assert not local.still_running("install")
    assert not local.still_running("nstall-7")
    wait_until(lambda: not local.still_running("install-7"))


def test_a_change_past_its_deadline_is_stopped_even_without_a_link(local: Connection, tmp_path: Path) -> None:
    started = tmp_path / "pid"
    background(local.send, f"echo $$ >{started}; exec sleep 60", token="t", deadline=0.5)
    pid = first_line(started)
    session(local).close()
    wait_until(lambda: not alive(pid))


def test_a_dead_agent_is_a_lost_link(local: Connection) -> None:
    with pytest.raises(LinkLost, match=r"control: link lost after .* waiting for: kill -9"):
        local.send("kill -9 $PPID; sleep 5", token="t", deadline=5)
    assert local.ask(["echo back"])[0].text == "back\n"


def test_the_environment_of_the_suite_does_not_reach_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLWS_PASSWORD", "canary")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    connection = open_local()
    assert connection.ask(["echo $DLWS_PASSWORD$PYTHONPATH; echo $https_proxy"])[0].text == "\nhttp://127.0.0.1:3128\n"
    connection.close()


def session(connection: Connection) -> Any:
    return connection._session  # type: ignore[attr-defined]


def background(act: Callable[..., object], *args: object, **kwargs: object) -> None:
    """Act in another thread; the link may be lost under it."""

    def quietly() -> None:
        with suppress(LinkLost):
            act(*args, **kwargs)

    threading.Thread(target=quietly, daemon=True).start()


@contextmanager
def cut_when(connection: Connection, path: Path) -> Iterator[None]:
    """Break the link as soon as a file exists."""
    connection.ask(["true"])
    link = session(connection)._link

    def cut() -> None:
        wait_until(path.exists)
        link.abort()

    background(cut)
    yield


def alive(pid: str) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def first_line(path: Path) -> str:
    """What a command has written, once it has."""
    return str(wait_until(lambda: path.exists() and path.read_text().strip()))


def wait_until(holds: Callable[[], T], patience: float = 8.0) -> T:
    """The first true value of `holds`."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if value := holds():
            return value
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def test_an_agent_whose_link_is_gone_before_its_hello_ends() -> None:
    command, source = session_module.boot("0" * 32, "python3")
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(["/bin/sh", "-c", command], stdin=theirs, stdout=theirs)
    theirs.close()
    ours.sendall(source)
    ours.close()
    try:
        assert process.wait(20) == 0
    finally:
        process.kill()
