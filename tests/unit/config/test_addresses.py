"""private-ip, then the hosts file, then DNS; and no contradiction passes."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from dlws.config.addresses import ask_system
from dlws.config.cluster import Cluster, inspect
from tests.kits.config_example import no_dns, write

NO_ADDRESS = ("    private-ip: 192.168.3.6\n", "")
BY_DNS = ("name_resolution: hosts_file", "name_resolution: dns")
HOSTS = """127.0.0.1 localhost
::1 localhost
192.168.3.2 atlas01 atlas01.sigsus.cn atlas.sigsus.cn
192.168.3.6 atlas02
192.168.3.6 atlas02.sigsus.cn
192.168.3.4 atlas-gpu01 atlas-gpu01.sigsus.cn
192.168.3.3 atlas-gpu02 atlas-gpu02.sigsus.cn
"""
RECORDS = {
    "atlas01.sigsus.cn": ["192.168.3.2"],
    "atlas02.sigsus.cn": ["192.168.3.6"],
    "atlas-gpu01.sigsus.cn": ["192.168.3.4"],
    "atlas-gpu02.sigsus.cn": ["192.168.3.3"],
}


class Dns:
    """A resolver that answers from a table and remembers what it was asked."""

    def __init__(self, **changes: list[str]) -> None:
        self.records = RECORDS | {f"{name}.sigsus.cn": answers for name, answers in changes.items()}
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        return self.records.get(name, [])


def hosts(folder: Path, text: str) -> Path:
    path = folder / "state" / "atlas" / "deploy" / "etc" / "hosts"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def address(cluster: Cluster | None, name: str) -> str:
    assert cluster is not None
    return cluster.node(name).address


def told(path: Path, dns: object) -> list[str]:
    found = inspect(path, resolve=dns)[1]  # type: ignore[arg-type]
    return [f"{f.level}: {Path(f.file).name}:{f.line}: {f.message}" for f in found if f.level != "info"]


def test_a_machine_without_private_ip_is_found_in_the_hosts_file(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS)
    cluster, _ = inspect(write(tmp_path, NO_ADDRESS), resolve=no_dns)
    assert address(cluster, "atlas02") == "192.168.3.6"


def test_a_hosts_file_that_agrees_is_no_finding(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS)
    assert told(write(tmp_path), no_dns) == []


def test_dns_is_asked_only_for_what_has_no_address(tmp_path: Path) -> None:
    dns = Dns()
    cluster, _ = inspect(write(tmp_path, NO_ADDRESS), resolve=dns)
    assert address(cluster, "atlas02") == "192.168.3.6"
    assert dns.asked == ["atlas02.sigsus.cn"]


def test_dns_is_asked_for_all_when_it_resolves_names(tmp_path: Path) -> None:
    dns = Dns()
    assert told(write(tmp_path, BY_DNS), dns) == []
    assert dns.asked == list(RECORDS)


def test_private_ip_against_the_hosts_file_names_both_places(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS.replace("192.168.3.6 atlas02\n", "192.168.3.7 atlas02\n"))
    path = write(tmp_path)
    assert told(path, no_dns) == [
        f"error: hosts:4: atlas02 is 192.168.3.7 here, but 192.168.3.6 by private-ip in {path} line 14"
    ]


def test_two_lines_of_the_hosts_file_against_each_other(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS.replace("192.168.3.6 atlas02.", "192.168.3.7 atlas02."))
    path = write(tmp_path, NO_ADDRESS)
    assert told(path, no_dns) == ["error: hosts:5: atlas02 is 192.168.3.7 here, but 192.168.3.6 by line 4"]


def test_the_runbooks_exchanged_master_is_found(tmp_path: Path) -> None:
    """Runbook section 1 makes atlas01 the master 192.168.3.2, section 2.4's hosts file atlas02."""
    exchanged = HOSTS.replace("192.168.3.2", "x").replace("192.168.3.6", "192.168.3.2").replace("x", "192.168.3.6")
    hosts(tmp_path, exchanged)
    lines = "\n".join(told(write(tmp_path), no_dns))
    assert "hosts:3: atlas01 is 192.168.3.6 here" in lines
    assert "hosts:3: atlas.sigsus.cn is 192.168.3.6 here, but the master atlas01 is 192.168.3.2" in lines
    assert "hosts:4: atlas02 is 192.168.3.2 here" in lines


def test_private_ip_against_dns(tmp_path: Path) -> None:
    path = write(tmp_path, BY_DNS)
    assert told(path, Dns(atlas02=["192.168.3.7"])) == [
        f"error: config.yaml:12: 192.168.3.6 by private-ip in {path} line 14, but 192.168.3.7 in DNS"
    ]


def test_a_public_address_in_dns_for_a_private_one_is_a_warning(tmp_path: Path) -> None:
    (line,) = told(write(tmp_path, BY_DNS), Dns(atlas02=["121.46.18.84"]))
    assert line.startswith("warning: config.yaml:12: 192.168.3.6 by private-ip")


def test_a_host_that_is_missing_from_dns(tmp_path: Path) -> None:
    (line,) = told(write(tmp_path, BY_DNS), Dns(atlas02=[]))
    assert line == "error: config.yaml:12: atlas02.sigsus.cn is not in DNS, and name_resolution is dns"


def test_no_address_anywhere_is_an_error(tmp_path: Path) -> None:
    (line,) = told(write(tmp_path, NO_ADDRESS), Dns(atlas02=[]))
    assert line == "error: config.yaml:12: no address: no private-ip, not in a hosts file, atlas02.sigsus.cn not in DNS"


@pytest.mark.parametrize("answers", [["192.168.3.6", "192.168.3.7"], ["127.0.1.1"], ["0.0.0.0"]])
def test_dns_must_give_one_usable_address(tmp_path: Path, answers: list[str]) -> None:
    (line,) = told(write(tmp_path, NO_ADDRESS), Dns(atlas02=answers))
    assert "which is not one usable address" in line


@pytest.mark.parametrize("odd", [("domain: sigsus.cn", 'domain: "$(id)"'), ("  atlas02:", '  "$(id)":')])
def test_dns_is_never_asked_for_an_odd_name(tmp_path: Path, odd: tuple[str, str]) -> None:
    dns = Dns()
    lines = told(write(tmp_path, NO_ADDRESS, odd), dns)
    assert lines
    assert dns.asked == []


def test_two_hosts_found_at_one_address_is_an_error(tmp_path: Path) -> None:
    (line,) = told(write(tmp_path, NO_ADDRESS), Dns(atlas02=["192.168.3.2"]))
    assert line == "error: config.yaml:12: 192.168.3.2 is the address of atlas01 already"


def test_a_found_address_is_held_against_the_ranges(tmp_path: Path) -> None:
    (line,) = told(write(tmp_path, NO_ADDRESS), Dns(atlas02=["10.3.0.9"]))
    assert line == "error: config.yaml:12: 10.3.0.9 is in the service range 10.3.0.0/16"


def test_dns_that_cannot_be_asked_is_asked_once_and_never_means_fine(tmp_path: Path) -> None:
    asked = []

    def broken(name: str) -> Sequence[str]:
        asked.append(name)
        raise OSError(11, "try again later")

    lines = told(write(tmp_path, BY_DNS), broken)
    assert len(lines) == 4
    assert all("could not be asked" in line and line.startswith("error") for line in lines)
    assert len(asked) == 1


def test_a_hosts_file_that_maps_a_machine_to_loopback(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS + "127.0.1.1 atlas02.sigsus.cn atlas02\n")
    assert told(write(tmp_path), no_dns) == ["error: hosts:8: 127.0.1.1 cannot be the address of atlas02"]


def test_lines_of_the_hosts_file_that_are_none(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS + "atlas02 192.168.3.6\n192.168.3.9\n")
    assert told(write(tmp_path), no_dns) == [
        "error: hosts:8: does not start with an IP address",
        "error: hosts:9: has an address but no name",
    ]


def test_a_machine_that_the_hosts_file_forgets(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS.replace("192.168.3.4 atlas-gpu01 atlas-gpu01.sigsus.cn\n", "").replace("::1 localhost\n", ""))
    assert told(write(tmp_path), no_dns) == [
        "warning: hosts:1: has no line for ::1",
        "warning: hosts:1: is missing",
    ]


def test_a_hosts_file_that_everybody_may_write(tmp_path: Path) -> None:
    hosts(tmp_path, HOSTS).chmod(0o666)
    (line,) = told(write(tmp_path), no_dns)
    assert line.startswith("warning: hosts:1: may be written by every user")


def test_the_system_resolver_knows_localhost() -> None:
    assert ask_system("localhost") == ("127.0.0.1",)


def test_the_system_resolver_says_when_it_could_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(OSError, match="Temporary failure"):
        ask_system("atlas02.sigsus.cn")
