"""What goes wrong in a cluster: each fault turns exactly the right checks red, and `heal` makes all of it green again.

Several at a time, on different hosts or in different parts, as each needs a minute to show; and each alone, after which
only what was not green is asked again: what `heal` left behind would be a finding of the next audit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dlws.platform.services import by_name
from dlws.verdict import Verdict
from lab import kube_faults, platform_faults
from lab.platform_faults import FAULTS as FAULTS_OF_LAB
from tests.lab.suite import Finished, broken, kubectl, on, run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.usefixtures("first_install")]

FAULTS = {
    ("kubelet_stopped", "atlas-gpu01"): {("K09", "atlas-gpu01", Verdict.FAIL)},
    ("node_cordoned", "atlas-gpu02"): {("K05", "atlas-gpu02", Verdict.FAIL)},
    ("label_removed", "atlas01"): {("K06", "atlas01", Verdict.FAIL)},
    ("plugin_reports_7", "atlas02"): {("K08", "atlas02", Verdict.FAIL)},
    ("nfs_server_down", "atlas02"): {("S05", "atlas02", Verdict.FAIL)},
    ("work_plain_folder", "atlas01"): {("S18", "atlas01", Verdict.FAIL)},
    ("nodeport_range_in_configmap_missing", "atlas02"): {("C16", "cluster", Verdict.FAIL)},
    ("cert_expires_soon", "atlas02"): {("T01", "atlas02", Verdict.FAIL)},
    ("swapped_addresses", "atlas01"): {("U01", host, Verdict.UNREACHABLE) for host in ("atlas01", "atlas-gpu02")},
    ("apiserver_down", "atlas02"): {("C01", "atlas02", Verdict.FAIL)},
    ("foreign_ca", "atlas-gpu02"): {("T08", "atlas-gpu02", Verdict.FAIL)},
    ("coredns_scaled_to_0", "atlas02"): {("C09", "cluster", Verdict.FAIL)},
    ("image_wrong_arch", "atlas02"): {("R23", "atlas02", Verdict.FAIL)},
    ("image_missing", "atlas02"): {("R23", "atlas02", Verdict.FAIL)},
    ("mysql_password", "atlas02"): {("D03", "atlas02", Verdict.FAIL)},
    ("nginx_config", "atlas02"): {("D24", "atlas02", Verdict.FAIL)},
    ("service_crashes", "atlas02"): {(by_name("monitor").id, "cluster", Verdict.FAIL)},
    ("port_taken", "atlas02"): {("N26", "atlas02", Verdict.FAIL)},
    ("npu_info_dead", "atlas01"): {("P23", "atlas01", Verdict.FAIL)},
    ("target_down", "atlas01"): {  # the rule that keeps Prometheus out, and what that one misses
        ("N07", "atlas01", Verdict.FAIL),
        ("D06", "atlas02", Verdict.FAIL),
    },
    ("jwt_key", "atlas02"): {("D40", "atlas02", Verdict.FAIL)},
    ("fqdn_folder", "atlas02"): {("D25", "atlas02", Verdict.FAIL)},
    ("webhook_dead", "atlas02"): {("C18", "atlas02", Verdict.FAIL)},
    ("quota_used_up", "atlas02"): {("W14", "cluster", Verdict.FAIL)},
    ("policy_denies_all", "atlas02"): {("N30", "cluster", Verdict.FAIL)},
    ("api_service_dead", "atlas02"): {("C24", "cluster", Verdict.FAIL)},
    ("namespace_stuck", "atlas02"): {("C22", "cluster", Verdict.FAIL)},
    ("forward_drop", "atlas-gpu01"): {("N29", "atlas-gpu01", Verdict.FAIL)},
    ("mysql_open_account", "atlas02"): {("D43", "atlas02", Verdict.FAIL)},
    ("mysql_anonymous", "atlas02"): {("D43", "atlas02", Verdict.FAIL)},
    ("mutating_webhook_dead", "atlas02"): {("C18", "atlas02", Verdict.FAIL)},
    ("quota_without_gpus", "atlas02"): {("W14", "cluster", Verdict.FAIL)},
    ("policy_denies_egress", "atlas02"): {("N30", "cluster", Verdict.FAIL)},
    ("volume_stuck", "atlas02"): {("C22", "cluster", Verdict.FAIL)},
    ("forward_site_chain", "atlas01"): {("N29", "atlas01", Verdict.FAIL)},
    ("kube_forward_drop", "atlas-gpu02"): {("N29", "atlas-gpu02", Verdict.FAIL)},
}
ALSO = {"N19"}
"""A true consequence where CoreDNS happens to run on a host that cannot be reached: names do not resolve."""
TOGETHER = [
    ["kubelet_stopped", "label_removed", "plugin_reports_7", "foreign_ca", "cert_expires_soon"],
    ["node_cordoned", "work_plain_folder", "nodeport_range_in_configmap_missing", "coredns_scaled_to_0"],
    ["nfs_server_down"],
    ["swapped_addresses"],
    ["apiserver_down"],
    ["image_missing", "npu_info_dead", "target_down", "jwt_key"],
    ["image_wrong_arch", "nginx_config"],
    ["mysql_password", "service_crashes"],  # apart from the images: one that is wrong explains what does not run
    ["port_taken"],
    ["fqdn_folder"],
    ["quota_used_up", "policy_denies_all", "forward_drop", "mysql_open_account"],
    ["namespace_stuck", "webhook_dead"],
    ["quota_without_gpus", "policy_denies_egress", "forward_site_chain", "kube_forward_drop", "mysql_anonymous"],
    ["volume_stuck", "mutating_webhook_dead"],
    ["api_service_dead"],  # apart: no namespace goes away while it is there
]
READY = "{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=='Ready')].status} {end}"
TARGETS = "http://127.0.0.1:9091/prometheus/api/v1/targets"
SERVED = "openssl s_client -connect 127.0.0.1:6443 < /dev/null 2> /dev/null | openssl x509 -noout -checkend 518400"


def readiness() -> str:
    return kubectl(f'get nodes -o "jsonpath={READY}"')


def allocatable(host: str) -> dict[str, str]:
    return dict(json.loads(kubectl(f"get node {host} -o json"))["status"]["allocatable"])


# What a fault takes time to do. The others show at once.
SHOWS = {
    "kubelet_stopped": lambda: "atlas-gpu01=Unknown" in readiness(),
    "plugin_reports_7": lambda: allocatable("atlas02")["npu.huawei.com/NPU"] == "7",
    "cert_expires_soon": lambda: "will expire" in on("atlas02", f"{SERVED} || true"),
    "target_down": lambda: '"health":"down"' in on("atlas02", f"curl -sf {TARGETS}"),
    "service_crashes": lambda: "CrashLoopBackOff" in kubectl("-n kube-system get pods -l app=prometheus"),
    "coredns_scaled_to_0": lambda: "coredns" not in kubectl("-n kube-system get pods -o name"),
}


def audited(faults: list[tuple[str, str]]) -> Finished:
    """The audit of a cluster with these faults in it, once they show; then whole again."""
    with ExitStack() as stack:
        for fault, host in faults:
            stack.enter_context(broken(fault, host))
        for fault, _ in faults:
            wait_until(f"{fault} to show", SHOWS.get(fault, lambda: True), 180)
        return run("-m", "verify")


def without_consequences(audit: Finished) -> set[tuple[str, str, Verdict]]:
    lost = any(verdict is Verdict.UNREACHABLE for _, _, verdict in audit.red)
    return {finding for finding in audit.red if not (lost and finding[0] in ALSO)}


def is_whole() -> bool:
    return run("-m", "verify").exit_status == 0


def is_mended(audit: Finished) -> bool:
    not_green = {r.name for r in audit.ledger.results if r.verdict not in (Verdict.PASS, Verdict.NA)}
    return run("-m", "verify", "-k", " or ".join(sorted(not_green))).exit_status == 0


@pytest.fixture(scope="module", autouse=True)
def whole(first_install: Finished) -> Iterator[None]:
    yield
    wait_until("the healed cluster to be healthy", is_whole, 300)


def test_every_fault_of_a_cluster_is_tested() -> None:
    places = {kube_faults.__name__, platform_faults.__name__}
    names = {name for name, fault in FAULTS_OF_LAB.items() if fault.do.__module__ in places}
    assert {fault for fault, _ in FAULTS} == names == {name for names in TOGETHER for name in names}


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
def test_faults_side_by_side_are_told_apart(names: list[str]) -> None:
    faults = [key for key in FAULTS if key[0] in names]
    audit = audited(faults)
    assert without_consequences(audit) == set().union(*(FAULTS[key] for key in faults)), audit.output
    assert audit.exit_status == 1
    wait_until("the healed cluster to be healthy", is_whole, 300)


@pytest.mark.parametrize(("fault", "host"), [key for key in FAULTS if [key[0]] not in TOGETHER])
def test_a_fault_alone_is_what_it_is_and_no_more(fault: str, host: str) -> None:
    audit = audited([(fault, host)])
    assert (without_consequences(audit), audit.exit_status) == (FAULTS[fault, host], 1), audit.output
    wait_until("what was not green to be", lambda: is_mended(audit), 300)
