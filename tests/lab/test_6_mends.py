"""What each mend for V0.1.6.1 is for: without it these stages and checks are red, and with it again none.

The suite is run without some of its mends at a time (`tests.lab.unmended`), against stand-ins that read what the real
applications read; what is in images and in the cluster is put there as a fault. Then it is run as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dlws.platform.services import by_name
from lab.plan import LAB
from tests.lab.suite import CONFIG, MASTER, Finished, broken, configured, on, run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.long]

RULES = "src/ClusterBootstrap/services/monitor/alerting/k8s.rules"
ALERTS = "http://127.0.0.1:9093/alert-manager/api/v2/alerts"
SERIES = "http://127.0.0.1:9091/prometheus/api/v1/query?query=huaweismi_utilization_npu"
SHOWN = 400
"""Seconds for a trial to show: after a restart Prometheus answers for five minutes with what it had before."""
WEBUI3, NGINX = by_name("webui3").id, by_name("nginx").id


@dataclass(frozen=True)
class Trial:
    """Mends to undo at a time, the faults that go with them, and what a run says then.

    `installs` and `audits` have by the id of a check or the name of a stage words of its finding, red or not.
    """

    without: tuple[str, ...]
    audits: Mapping[str, str]
    installs: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    shows: str = "true"
    """A command of the master that succeeds once a scrape or a rule has come to it."""


TRIALS = {
    "F1 F4 F7 F8": Trial(
        ("sign_ins_kept", "npu_files_as_read", "own_passwords"),
        installs={"webui3": 'Configuration property "wechat" is not defined'},
        audits={
            WEBUI3: "CrashLoopBackOff",
            "D12": "wechat: missing: the web interface's server reads it at its start",
            "X27": "lab-watchdog: lab-watchdog for kube-system/default",
            "D09": "NPUs with a huaweismi_utilization_npu series: expected 8, found 0",
            "D45": "request to the REST API's port without a token: expected 401 or 403 or 404, found 200",
            "D46": "/etc/UserDashboard/local.config: ADMINISTRATOR_PASSWORD",
        },
        faults=("open_route", "rights_for_all"),
        shows=f"curl -sf {SERIES} | grep -q '\"result\":\\[\\]'",
    ),
    "F3 F5": Trial(
        ("silent_pods_unscraped", "standing_alert_known", "inner_names"),
        audits={
            "D06": 'http://192.168.3.2:80/metrics: "INVALID" is not a valid start token',
            "D07": "firing alerts: expected none, found k8sApiServerNotOk",
            "N02": "atlas.sigsus.cn -> 192.168.3.250",
            "D47": "http://atlas.sigsus.cn/custom-user-dashboard-backend/auth/currentUser: 000",
        },
        faults=("public_name_outside",),
        shows=f"curl -sf {ALERTS} | grep -q k8sApiServerNotOk",
    ),
    "F2": Trial(
        ("nginx_started",),
        installs={"nginx": "nginx (asked for :80/"},
        audits={NGINX: "nginx (asked for :80/"},
    ),
    "F6": Trial(
        ("broken_containers_left_out",),
        installs={"platform": "is no image name for Docker"},
        audits={"D26": "is no image name for Docker", "R24": "//atlas_/reaper:latest: missing"},
    ),
    "F6, seen by Docker alone": Trial(
        ("broken_containers_left_out", "pods_judged"),
        installs={"platform_images": "invalid reference format"},
        audits={"R24": "//atlas_/reaper:latest: missing"},
    ),
}


@pytest.fixture(scope="module")
def impatient(first_install: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The lab's configuration with a checkout whose rule for the API server fires at once, not after half an hour."""
    checkout = tmp_path_factory.mktemp("impatient") / "checkout"
    shutil.copytree(LAB / "checkout", checkout)
    rules = checkout / RULES
    rules.write_text(rules.read_text().replace("for: 30m", "for: 0m", 1))
    with configured(CONFIG.read_text().replace("dlworkspace: checkout", f"dlworkspace: {checkout}")) as path:
        yield path
    assert run("-m", "install").exit_status == 0


@pytest.fixture(autouse=True)
def whole(impatient: Path) -> Iterator[None]:
    yield
    assert run("-m", "install", config=impatient).exit_status == 0
    wait_until("the mended cluster to be healthy", lambda: is_healthy(impatient), 300)


def is_healthy(config: Path) -> bool:
    audit = run("-m", "verify", config=config)
    return audit.exit_status == 0 and not {"D07", "D09", "D12", "X27"} & audit.warned


def told(finished: Finished) -> dict[str, str]:
    """By the id of a check or the name of a stage, its findings in words, of whatever weight."""
    found: dict[str, str] = {}
    for result in finished.ledger.results:
        found[result.id or result.name] = f"{found.get(result.id or result.name, '')}{result.sentence}\n"
    return found


def missing(finished: Finished, expected: Mapping[str, str]) -> dict[str, str]:
    """What a run said in place of the words that were expected."""
    said = told(finished)
    return {name: said.get(name, "nothing") for name, words in expected.items() if words not in said.get(name, "")}


@pytest.mark.parametrize("trial", TRIALS.values(), ids=list(TRIALS))
def test_without_its_mends_the_suite_is_red(impatient: Path, trial: Trial) -> None:
    unmended = ("-p", "tests.lab.unmended", f"--without={','.join(trial.without)}")
    install = run(*unmended, "-m", "install", config=impatient)
    assert (missing(install, trial.installs), {name for name, _, _ in install.red}) == ({}, set(trial.installs))
    with ExitStack() as stack:
        for fault in trial.faults:
            stack.enter_context(broken(fault, MASTER))
        wait_until("a scrape", lambda: "yes" in on(MASTER, f"{{ {trial.shows}; }} && echo yes || true"), SHOWN)
        audit = run(*unmended, "-m", "verify", config=impatient)
    assert missing(audit, trial.audits) == {}
    assert {name for name, _, _ in audit.red} <= set(trial.audits), audit.output
