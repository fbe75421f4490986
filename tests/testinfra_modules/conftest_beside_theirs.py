"""Copied as conftest.py beside upstream's test_modules.py: their `host` and `docker_image`, over our backend.

Each test runs twice: on testinfra's own Host over our backend, and on `dlws.remote.host.Host`, which checks are given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra.host

from dlws.inventory import Node
from dlws.remote.host import Host
from dlws.remote.hostkeys import HostKeys
from dlws.remote.ssh import Login, open_ssh
from tests.testinfra_modules import applicable, debian

BACKEND, HOST = "backend", "Host"
KEY = Path(__file__).with_name("ssh_key")
outcomes: defaultdict[str, dict[str, str]] = defaultdict(dict)


def pytest_configure(config: pytest.Config) -> None:
    for marker in ("testinfra_hosts(hostspec): where upstream runs it", "destructive: wants a host of its own"):
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "host" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("testinfra_hosts")
        hostspecs = marker.args if marker else ["docker://debian_bookworm"]
        metafunc.parametrize(
            "host",
            [(hostspec, kind) for hostspec in hostspecs for kind in (BACKEND, HOST)],
            ids=lambda value: "-".join(value),
            indirect=True,
        )


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    gone = {*applicable.NOT_APPLICABLE, *applicable.DIFFERENT} - {item.originalname for item in items}
    if gone:
        raise pytest.UsageError(f"applicable.py names tests that upstream no longer has: {', '.join(sorted(gone))}")
    for item in items:
        hostspec, kind = _param(item)
        why = applicable.why_not(item.originalname, hostspec)
        if why:
            item.add_marker(pytest.mark.skip(reason=why))
        elif kind == HOST and item.originalname in applicable.DIFFERENT:
            raises, why = applicable.DIFFERENT[item.originalname]
            item.add_marker(pytest.mark.xfail(raises=raises, strict=True, reason=why))


@pytest.fixture(scope="session")
def backend_node() -> Iterator[Node]:
    with debian.booted("testinfra-1", "192.168.3.41") as node:
        yield node


@pytest.fixture(scope="session")
def host_node() -> Iterator[Node]:
    with debian.booted("testinfra-2", "192.168.3.42") as node:  # the tests leave files behind
        yield node


@pytest.fixture
def own_node() -> Iterator[Node]:
    with debian.booted("testinfra-3", "192.168.3.43") as node:
        yield node


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[testinfra.host.Host]:
    """A login over SSH; `docker://user@debian_bookworm` logs in as `user` and runs commands as `user`."""
    hostspec, kind = request.param
    destructive = request.node.get_closest_marker("destructive")
    node = request.getfixturevalue("own_node" if destructive else f"{kind.lower()}_node")
    user = hostspec.removeprefix("docker://").rpartition("@")[0]
    connection = open_ssh(node, [Login(user or "root", KEY)], HostKeys(tmp_path / "known_hosts"))
    testinfra.host.Host._host_cache.clear()  # an import of testinfra's leaves `local://` there
    host = Host(connection, node) if kind == HOST else testinfra.get_host(f"dlws://{node.name}", over=connection)
    host.backend.sudo, host.backend.sudo_user = bool(user), user or None  # the connection itself always gives root
    yield host
    connection.close()


@pytest.fixture
def docker_image() -> str:
    return "debian_bookworm"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or not report.passed:
        kind = _param(item)[1]
        name = item.name.removesuffix("]").replace("docker://", "").replace(f"-{kind}", "")
        why = getattr(report, "wasxfail", "") or (report.longrepr[2] if isinstance(report.longrepr, tuple) else "")
        word = {"passed": "passes", "failed": "FAILS", "skipped": "different" if hasattr(report, "wasxfail") else "n/a"}
        outcomes[name + "]" * ("[" in name)][kind] = f"{word[report.outcome]} {why.removeprefix('Skipped: ')}".strip()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line("\n| upstream's test | our backend | our `Host` |\n|---|---|---|")
    for name, row in outcomes.items():
        alone = row.get("", "")
        terminalreporter.write_line(f"| `{name}` | {row.get(BACKEND, alone)} | {row.get(HOST, alone)} |")


def _param(item: pytest.Function) -> tuple[str, str]:
    """The hostspec and the kind of host that a test runs on; empty for a test without a host."""
    value: Any = item.callspec.params.get("host") if hasattr(item, "callspec") else None
    return value or ("", "")
