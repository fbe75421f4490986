"""The runbook's sample configuration and what lint says about it; invented secrets stand in for the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.cluster import inspect
from dlws.config.finding import Level
from dlws.upstream.published_secrets import KNOWN, Harm, Leak, digest, leak_of
from tests.kits.config_example import findings, no_dns, write

PUBLISHED = {
    "invented#mysql#word": Leak("the runbook's MySQL root password", Harm.OPEN),
    "Z[1?invented_client_secret": Leak("the runbook's Microsoft client secret", Harm.OPEN),
    "0123456789abcdef0123456789abcdef": Leak("the runbook's WeChat secret", Harm.OPEN),
    "inventedsmtpword": Leak("the runbook's SMTP password", Harm.OPEN),
    "Invented#456": Leak("the runbook's other SMTP password", Harm.OPEN),
    "00000000-1111-2222-3333-444444444444": Leak("the runbook's Microsoft tenant", Harm.STRANGER),
    "55555555-6666-7777-8888-999999999999": Leak("the runbook's Microsoft application", Harm.STRANGER),
    "wx0123456789abcdef": Leak("the runbook's WeChat application", Harm.STRANGER),
    "author@example.org": Leak("a mail address of the runbook's authors", Harm.STRANGER),
}
LEAKS = {digest(value): leak for value, leak in PUBLISHED.items()}

RUNBOOK = Path(__file__).parents[1] / "data" / "runbook"
"""The sample configuration (section 3.2), hosts file (2.4) and local.yaml (3.15), and what lint finds in them."""


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with the sample configuration, the hosts file and the local.yaml of the runbook."""
    monkeypatch.chdir(tmp_path)
    for name, mode in (("config.yaml", 0o600), ("hosts", 0o666), ("local.yaml", 0o644)):
        (tmp_path / name).write_bytes((RUNBOOK / name).read_bytes())
        (tmp_path / name).chmod(mode)
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "repair-manager: {prometheus-ip: 10.0.0.1, prometheus-port: 9091}\n",
        "infrastructure-dockerregistry: registry.example.org/\n",
    ],
)
def test_a_key_that_only_upstream_reads_is_no_finding(tmp_path: Path, line: str) -> None:
    assert findings(write(tmp_path, ("suite:\n", f"{line}suite:\n"))) == []


def test_the_runbooks_sample_gives_exactly_these_findings(sample: Path) -> None:
    _, found = inspect(
        "config.yaml", resolve=no_dns, hosts_path=Path("hosts"), local_yaml=Path("local.yaml"), known_leaks=LEAKS
    )
    assert [str(finding) for finding in found] == (RUNBOOK / "findings.txt").read_text(encoding="utf-8").splitlines()


def test_no_finding_repeats_a_secret(sample: Path) -> None:
    found = "".join(map(str, inspect("config.yaml", resolve=lambda _: [], known_leaks=LEAKS)[1]))
    assert not [secret for secret, leak in PUBLISHED.items() if leak.harm is Harm.OPEN and secret in found]


def test_the_corrected_sample_is_a_cluster(sample: Path) -> None:
    text = (sample / "config.yaml").read_text(encoding="utf-8")
    first, twice, rest = text.partition("admin_username: dlwsadmin\n")
    rest = rest[rest.index(twice) :].replace("datasource: MySQL\n", "").replace("atorage", "storage")
    path = sample / "corrected.yaml"
    path.write_text(first + rest, encoding="utf-8")
    cluster, found = inspect(path, resolve=no_dns, hosts_path=sample / "hosts", known_leaks={})
    assert cluster is not None, found
    assert [(node.name, node.address) for node in cluster.nodes] == [
        ("atlas02", "192.168.3.2"),
        ("atlas01", "192.168.3.6"),
        ("atlas-gpu01", "192.168.3.4"),
        ("atlas-gpu02", "192.168.3.3"),
    ]
    assert cluster.master.name == "atlas02"


def test_a_published_value_is_recognised_by_its_hash_alone() -> None:
    leak = Leak("a secret of this test", Harm.OPEN)
    known = {digest("a secret of this test"): leak}
    assert leak_of("a secret of this test", known) == leak
    assert leak_of("a secret of that test", known) is None


def test_the_eight_published_secrets_and_the_addresses_are_known() -> None:
    harms = [leak.harm for leak in KNOWN.values()]
    assert harms.count(Harm.OPEN) == 5
    assert harms.count(Harm.STRANGER) >= 3
    assert all(len(key) == 32 and int(key, 16) for key in KNOWN)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("suite:\n", "grafana: {url: http://altas.sigsus.cn/}\nsuite:\n", '"altas.sigsus.cn" is no name'),
        ("suite:\n", 'master_token: "<your token>"\nsuite:\n', "a placeholder or a password that is guessed"),
        ("invented-sign-key", "changeme", "a placeholder or a password that is guessed"),
        ("admin@example.org", "your_name@example.org", '"your_name@example.org" looks like a placeholder'),
        ("worker_node_num: 3", "worker_node_num: 1", "1, but the configuration has 3 workers"),
        ("  Wechat: {", "  WeChat: {", "unknown key"),
        ("192.168.3.6", "192.169.3.6", "not in 192.168.0.0/16, where the master is"),
        ('Microsoft: {TenantId: ""', "Microsoft: {TenantId: mine", "no GUID, so Microsoft sign-in cannot work"),
        ("sigsus.cn\n", "sigsus.cn\n  container-network-iprange: 192.168.0.1/16\n", "overlaps atlas01 (192.168.3.2)"),
    ],
)
def test_what_looks_wrong_is_mentioned(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in "\n".join(map(str, findings(write(tmp_path, (old, new)))))


def test_the_web_interface_must_sign_with_the_configured_key(tmp_path: Path) -> None:
    path = write(tmp_path)
    web = tmp_path / "local.yaml"
    web.write_text("sign: other-key\ncasUrl: http://atlas01/cas\n", encoding="utf-8")
    found = inspect(path, resolve=no_dns, local_yaml=web)[1]
    (finding,) = [one for one in found if one.file == str(web) and one.level is Level.WARNING]
    assert str(finding).startswith(f"{web}:1:7: warning: sign: differs from jwt.secret_key")


def test_the_master_may_be_counted_as_a_worker(tmp_path: Path) -> None:
    assert findings(write(tmp_path, ("worker_node_num: 3", "worker_node_num: 4"))) == []


def test_a_vendor_that_no_machine_has(tmp_path: Path) -> None:
    npu = ("type: gpu\n    vendor: nvidia", "type: npu\n    vendor: huawei")
    (finding,) = findings(write(tmp_path, npu))
    assert (finding.key, finding.message) == ("onpremise_cluster.gpu_type", "nvidia, but no machine has this vendor")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_configuration_that_others_may_read_or_write(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path)
    path.chmod(mode)
    (finding,) = findings(path)
    assert (finding.message, finding.fix) == (
        f"holds passwords and is open to other users (mode 0{mode:o})",
        "chmod 600",
    )


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_registry_login_that_others_may_read(tmp_path: Path, mode: int) -> None:
    login = tmp_path / "docker.json"
    login.touch(mode=0o600)
    path = write(tmp_path, ("suite:\n", "suite:\n  registry_config: docker.json\n"))
    assert findings(path) == []
    login.chmod(mode)
    (finding,) = findings(path)
    assert finding.key == "suite.registry_config"
    assert finding.message == f"{login} holds a login and is open to other users (mode 0{mode:o})"


def test_a_name_of_the_cluster_is_no_near_miss(tmp_path: Path) -> None:
    text = 'grafana: {url: "http://atlas.sigsus.cn/ http://ATLAS-gpu01.sigsus.cn http://mail.sigsus.cn"}\nsuite:\n'
    assert findings(write(tmp_path, ("suite:\n", text))) == []


@pytest.mark.parametrize("option", ["trusted=yes", "arch=amd64 allow-insecure=yes", "allow-downgrade-to-insecure=yes"])
def test_an_apt_source_that_nobody_signs(tmp_path: Path, option: str) -> None:
    line = f"    apt_source: deb [{option}] http://mirror/apt k8s main\n"
    [found] = findings(write(tmp_path, ("    cni_manifest:", f"{line}    cni_manifest:")))
    assert (found.key, found.level) == ("suite.kubernetes.apt_source", Level.WARNING)
    assert found.message == f"{option.split()[-1]}: whoever answers for this source is root on every host"


def test_each_apt_source_that_nobody_signs(tmp_path: Path) -> None:
    line = "  apt_sources: {docker: {line: 'deb [trusted=yes] http://mirror/docker ./'}}\n"
    [found] = findings(write(tmp_path, ("  name_resolution:", f"{line}  name_resolution:")))
    assert (found.key, found.fix) == (
        "suite.apt_sources.docker.line",
        "take it out and set suite.apt_sources.docker.key_file",
    )


@pytest.mark.parametrize(("name", "fix"), [("kubernetes", "suite.kubernetes.apt_source"), ("../x", "write it like")])
def test_the_name_of_an_apt_source_names_its_files(tmp_path: Path, name: str, fix: str) -> None:
    line = f"  apt_sources: {{'{name}': {{line: deb http://mirror/docker ./}}}}\n"
    [found] = findings(write(tmp_path, ("  name_resolution:", f"{line}  name_resolution:")))
    assert found.level is Level.ERROR
    assert fix in found.fix


def test_an_apt_source_that_is_verified_is_no_finding(tmp_path: Path) -> None:
    line = "    apt_source: deb [arch=amd64 trusted=no] http://mirror/apt k8s main\n"
    assert findings(write(tmp_path, ("    cni_manifest:", f"{line}    cni_manifest:"))) == []


@pytest.mark.parametrize(("series", "warned"), [("a910", True), ("a910-arm64", False)])
def test_a_series_must_not_hide_arm64_from_the_job_manager(tmp_path: Path, series: str, warned: bool) -> None:
    old = "private-ip: 192.168.3.6\n    archtype: arm64\n"
    found = findings(write(tmp_path, (old, f"{old}    series: {series}\n")))
    assert [f.key for f in found] == (["machines.atlas02.series"] if warned else [])
