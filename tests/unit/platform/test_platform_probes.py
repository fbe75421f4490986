"""The programs that checks and stages of the platform run on hosts, run for real against small real servers."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dlws.facts import database, listeners
from dlws.facts.probes.registry import PROBE
from dlws.platform import npu_info
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.fleet import Fleet
from dlws.remote.host import Host
from dlws.remote.local import open_local

DIGEST = "sha256:abc"
IMAGES = {
    "a/one:1": {"config": {"digest": "sha256:c1"}},
    "a/list:1": {"manifests": [{"platform": {"architecture": "arm64"}}, {"platform": {"architecture": "amd64"}}]},
}


class Registry(BaseHTTPRequestHandler):
    """Wants a token, as Docker Hub does."""

    def do_GET(self) -> None:
        if self.path.startswith("/token?"):
            self._send(200, {"token": "T"})
        elif self.headers.get("Authorization") != "Bearer T":
            self.send_response(401)
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="r",scope="repository:a:pull"'
            self.send_header("WWW-Authenticate", realm)
            self.end_headers()
        elif "/blobs/" in self.path:
            self._send(200, {"architecture": "riscv64"})
        else:
            found = IMAGES.get(self.path.removeprefix("/v2/").replace("/manifests/", ":"))
            self._send(200 if found else 404, found or {})

    def _send(self, status: int, body: object) -> None:
        self.send_response(status)
        self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def run(program: str, *args: str, path: Path | None = None) -> list[str]:
    search = os.pathsep.join([*([str(path)] if path else []), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-", *args], input=program, capture_output=True, text=True, env={"PATH": search}, timeout=20
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def stub(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_registry_is_asked_as_docker_asks_it(registry: str, tmp_path: Path) -> None:
    stub(tmp_path, "docker", "echo '{}'")
    names = [f"{registry}/a/one:1", f"{registry}/a/list:1", f"{registry}/a/gone:1", "127.0.0.1:1/a/x"]
    one, several, gone, closed = (line.split("\t")[1:] for line in run(PROBE, *names, path=tmp_path))
    assert one == ["found", DIGEST, "riscv64"]
    assert several == ["found", DIGEST, "amd64,arm64"]
    assert gone == ["none"]
    assert (closed[0], "refused" in closed[1]) == ("unclear", True)


def test_a_range_of_registries_is_asked_without_tls(registry: str, tmp_path: Path) -> None:
    name = f"{registry.replace('127.0.0.1', '0.0.0.0')}/a/one:1"
    stub(tmp_path, "docker", 'echo \'{"InsecureRegistryCIDRs": ["0.0.0.0/32"]}\'')
    assert run(PROBE, name, path=tmp_path) == [f"{name}\tfound\t{DIGEST}\triscv64"]
    stub(tmp_path, "docker", 'echo \'{"InsecureRegistryCIDRs": ["10.0.0.0/8"], "IndexConfigs": null}\'')
    assert run(PROBE, name, path=tmp_path)[0].split("\t")[1] == "unclear"


def packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def mysql(*answers: bytes) -> int:
    """A server that greets and then answers so, whatever it is told; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        door, _ = listener.accept()
        with listener, door:
            door.sendall(packet(0, b"\x0a8.0.20\0" + bytes(40)))
            for number, answer in enumerate(answers):
                told = door.recv(4096)
                assert b"root\0\0" in told or number
                door.sendall(packet(2 * number + 2, answer))

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


DENIED = b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied"
SWITCH = b"\xfemysql_native_password\0" + bytes(21)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((DENIED,), "refused 1045"),
        ((SWITCH, DENIED), "refused 1045"),
        ((b"\0\0\0\2\0\0\0",), "open"),
        ((SWITCH, b"\0\0\0\2\0\0\0"), "open"),
    ],
)
def test_an_empty_password_is_tried_by_mysqls_own_protocol(answers: tuple[bytes, ...], said: str) -> None:
    assert run(database.KNOCK, "127.0.0.1", str(mysql(*answers))) == [said]


def test_a_port_that_is_no_mysql_is_unclear() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert run(database.KNOCK, "127.0.0.1", str(port))[0].startswith("unclear")


def test_the_holder_of_a_port_is_named(tmp_path: Path) -> None:
    line = f'LISTEN 0 128 [::]:5000 [::]:* users:(("python3",pid={os.getpid()},fd=3),("other",pid=1,fd=4))'
    stub(tmp_path, "ss", f"echo '{line}'; echo 'LISTEN 0 128 *:111 *:*'")
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["/bin/sh", "-c", listeners.HOLDERS], capture_output=True, text=True, env={"PATH": search})
    assert done.stdout == "5000 host python3\n"


def test_holders_of_ports_are_unknown_without_ss(tmp_path: Path) -> None:
    done = subprocess.run(["/bin/sh", "-c", listeners.HOLDERS], capture_output=True, env={"PATH": str(tmp_path)})
    assert done.returncode == 127


def test_npu_information_is_written_whole_and_only_from_answers(tmp_path: Path) -> None:
    stub(
        tmp_path,
        "npu-smi",
        'case "$*" in *-m) printf "\\tNPU ID  Chip ID\\n\\t0  0  0  Ascend 910A\\n\\t0 1 - Mcu\\n";'
        ' printf "\\t4  0  1  Ascend 910A\\n";;'
        ' *"-i 4") echo half; exit 1;; *) printf "\\tNPU ID : 0\\n\\n\\tTemperature(C) : 40\\n";'
        ' printf "\\tBus : 0:1\\n\\tTemperature(C) : 38\\n";; esac',
    )
    stub(tmp_path, "sleep", "kill -9 $PPID")
    script = npu_info.SCRIPT.replace(npu_info.FOLDER, str(tmp_path / "out"))
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["/bin/sh", "-c", script], env={"PATH": search}, capture_output=True, timeout=20, check=False)
    assert sorted(path.name for path in (tmp_path / "out").glob("device*")) == ["device0", "device_list"]
    listed = "\tNPU ID Chip ID Chip Logic ID Chip Name\n\t0 0 0 Ascend910A\n\t4 0 1 Ascend910A\n"
    assert (tmp_path / "out" / "device_list").read_text() == listed
    assert (tmp_path / "out" / "device0").read_text() == "\tNPU ID : 0\n\tTemperature(C) : 40\n"


def test_what_a_command_is_fed_is_written_down_nowhere(tmp_path: Path) -> None:
    fleet = Fleet([], lambda node: open_local(), Transcript(tmp_path, Redactor([])))
    host = Host(fleet.connection("control"))
    assert (
        host.run_active([0], "wc -c; tr '\\0' ' ' </proc/$$/cmdline | grep -c %s", "x", stdin="hunter2").text.split()[0]
        == "7"
    )
    fleet.close()
    evidence = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "wc -c" in evidence
    assert "hunter2" not in evidence
