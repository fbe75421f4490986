from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
import yaml

from lab import devices, first_boot, mirror, nameserver
from lab.image import digest, folder_parts
from lab.plan import HOSTS, LAB, NETWORK
from lab.process import LabError, pid_of, wait_for

CONFIG = yaml.safe_load((LAB / "config.yaml").read_text())


def test_config_lists_exactly_the_labs_hosts() -> None:
    assert {*CONFIG["machines"], *CONFIG["scale_up"]} == set(HOSTS)
    assert CONFIG["onpremise_cluster"]["worker_node_num"] == len(CONFIG["scale_up"])
    assert CONFIG["onpremise_cluster"]["gpu_count_per_node"] == devices.CARDS


def test_config_and_hosts_agree_on_kind_and_architecture() -> None:
    for name, machine in {**CONFIG["machines"], **CONFIG["scale_up"]}.items():
        assert machine["type"] == HOSTS[name].device
        assert {"arm64": "aarch64", "amd64": "x86_64"}[machine["archtype"]] == HOSTS[name].machine


def test_every_host_has_its_own_address_in_the_labs_network() -> None:
    addresses = {ipaddress.ip_address(host.address) for host in HOSTS.values()}
    assert len(addresses) == len(HOSTS)
    assert all(address in ipaddress.ip_network(NETWORK) for address in addresses)


def test_hosts_file_gives_short_name_fqdn_and_the_clusters_name() -> None:
    lines = first_boot.deploy_hosts_file(list(HOSTS.values())).splitlines()
    pairs = {line.split()[1]: line.split()[0] for line in lines if line}
    assert pairs["atlas01"] == pairs["atlas01.sigsus.cn"] == "192.168.3.6"
    assert pairs["atlas.sigsus.cn"] == HOSTS["atlas02"].address


def test_devices_i_and_i_plus_4_share_a_subnet_and_0_to_3_do_not() -> None:
    subnets = [devices.npu_address(index, 6).rpartition(".")[0] for index in range(8)]
    assert subnets[:4] == subnets[4:]
    assert len(set(subnets[:4])) == 4


def test_no_two_npus_of_the_cluster_share_an_address() -> None:
    npu_hosts = [host for host in HOSTS.values() if host.device == "npu"]
    lines = [line for host in npu_hosts for line in devices.hccn_conf(host).splitlines() if line.startswith("address")]
    assert len({line.partition("=")[2] for line in lines}) == len(lines) == 16


def test_table_has_one_line_of_names_and_one_per_row() -> None:
    assert devices.table([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]) == "a\tb\n1\t2\n3\t4\n"


@pytest.mark.parametrize(
    ("uri", "path"),
    [("http://mirror.example/debian/", "mirror.example/debian"), ("https://m.example/d", "HTTPS///m.example/d")],
)
def test_hosts_reach_the_mirror_through_the_cache(uri: str, path: str) -> None:
    assert mirror.through_cache(uri) == f"http://192.168.3.1:3143/{path}"


def test_only_the_distributions_own_archives_become_sources() -> None:
    text = "http://m/debian/|stable|main|Debian\nhttp://m/debian/|stable|contrib|Debian\nhttp://x/|cloud|main|x\n"
    assert mirror.parse_targets(text) == [mirror.Source("http://m/debian/", "stable", ("main", "contrib"))]


def test_recipe_changes_with_a_files_content_name_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "a"
    seen = set()
    for step in (lambda: file.write_text("1"), lambda: file.write_text("2"), lambda: file.chmod(0o755)):
        step()
        seen.add(digest(*folder_parts(tmp_path)))
    file.rename(tmp_path / "b")
    assert len(seen | {digest(*folder_parts(tmp_path))}) == 4


def test_a_pid_that_another_program_took_over_is_not_ours(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    file.write_text("1\n")
    assert pid_of(file, "no such word in its command line") is None
    file.write_text("torn")
    assert pid_of(file, "") is None


def test_waiting_ends_at_its_deadline_and_says_for_what() -> None:
    with pytest.raises(LabError, match="in vain for the moon"):
        wait_for("the moon", lambda: False, 0.01, pause=0.005)


def test_name_server_says_no_such_name_to_the_question_asked() -> None:
    question = b"\x07atlas01\0\0\1\0\1"
    reply = nameserver.answer(b"\x12\x34\x01\x20\0\1\0\0\0\0\0\1" + question + b"\0\0\x29\x04\xd0" + bytes(6))
    assert reply == b"\x12\x34\x81\x83\0\1" + bytes(6) + question
