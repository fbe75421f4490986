"""Where proxies are looked for, by a real shell: the environment of services that run, and /etc/environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlws.facts import network
from dlws.kubernetes import no_proxy


@pytest.fixture
def service() -> Iterator[int]:
    """The id of a process with a proxy in its environment, as from an EnvironmentFile."""
    variables = {"HTTP_PROXY": "http://u:pass@proxy:3128", "NO_PROXY": "10.2.0.0/16, .svc", "OTHER": "http_proxy=x"}
    with subprocess.Popen(["/bin/sleep", "60"], env=variables) as process:
        yield process.pid
        process.kill()


def asked(folder: Path, pid: int, environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "systemctl").write_text(f"#!/bin/sh\necho MainPID={pid}\n")
    (folder / "systemctl").chmod(0o755)
    (folder / "environment").write_text(environment)
    script = network.READ_PROXIES.replace(network.ENVIRONMENT, str(folder / "environment"))
    search = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env={"PATH": search}, timeout=20)


def test_a_service_has_what_it_was_started_with(service: int, tmp_path: Path) -> None:
    docker, kubelet, _ = no_proxy.parse(asked(tmp_path, service, "").stdout)
    assert (
        (docker.proxies, docker.exempt)
        == (kubelet.proxies, kubelet.exempt)
        == (("HTTP_PROXY",), ("10.2.0.0/16", ".svc"))
    )


@pytest.mark.parametrize(
    "text",
    [
        'PATH="/bin"\nhttp_proxy="http://proxy:3128/"\nno_proxy="localhost,.svc"\n',
        "http_proxy=http://proxy:3128/\nno_proxy=localhost,.svc\n",
        "export http_proxy='http://u:pass@proxy:3128/'\n\texport no_proxy='localhost,.svc' \n",
    ],
)
def test_quotes_hide_no_proxy(text: str, service: int, tmp_path: Path) -> None:
    done = asked(tmp_path, service, text)
    host_wide = no_proxy.parse(done.stdout)[-1]
    assert (host_wide.proxies, host_wide.exempt) == (("http_proxy",), ("localhost", ".svc"))
    assert "pass" not in done.stdout


def test_a_service_that_does_not_run_is_no_service_without_a_proxy(tmp_path: Path) -> None:
    done = asked(tmp_path, 0, "")
    assert (done.returncode, done.stderr) == (1, "docker does not run\n")
