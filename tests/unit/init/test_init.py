"""`dlws init`, from bare hosts to a configuration: what is asked, sent and written, and what it says in trouble."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlws.cli import main
from dlws.config.cluster import Cluster, load
from dlws.config.state import state_of
from dlws.inventory import Device, Role
from dlws.remote.hostkeys import Remark, keys_of
from tests.kits.bare_hosts import AMD, ARM, PASSWORD, PLAIN, Bare, site
from tests.kits.config_example import no_dns
from tests.kits.ssh_server import WORKS


@dataclass(frozen=True)
class Done:
    """What a command has come to."""

    exit_code: int
    output: str


def run(*words: str, says: str = "") -> Done:
    """`dlws ...`, whose questions are answered with lines."""
    with CliRunner().isolation(input=says) as (_, _, both):
        status = main(words)
        return Done(status, both.getvalue().decode())


Init = Callable[..., Done]
NAMED = ("--cluster-name", "demo", "--domain", "site.example", "--admin-user", "op", "--admin-mail", "a@site.example")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
def init(config: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    monkeypatch.delenv("DLWS_ROOT_PASSWORD", raising=False)
    return lambda *words, says="": run("init", "-o", str(config), *words, says=says)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[int, list[Bare]]]:
    with site(tmp_path / "hosts", atlas01=ARM, gpu01=AMD) as made:
        yield made


def port(made: tuple[int, list[Bare]]) -> tuple[str, ...]:
    return ("--hosts", "127.1.0.1-2", "--ssh-port", str(made[0]))


def written(config: Path) -> Cluster:
    return load(config, resolve=no_dns)


def test_two_bare_hosts_become_a_configuration(init: Init, config: Path, hosts: tuple[int, list[Bare]]) -> None:
    done = init(*NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\ny\n")
    assert done.exit_code == 0, done.output
    cluster = written(config)
    assert (cluster.name, cluster.domain, cluster.admin_username) == ("demo", "site.example", "op")
    found = [(n.name, n.address, n.role, n.kind, n.device_count) for n in cluster.nodes]
    assert found == [
        ("atlas01", "127.1.0.1", Role.INFRASTRUCTURE, "npu-arm64", 8),
        ("gpu01", "127.1.0.2", Role.WORKER, "gpu-amd64", 4),
    ]
    assert "next: dlws pytest -m preflight" in done.output


def test_by_default_it_is_config_yaml_where_one_is(
    hosts: tuple[int, list[Bare]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own := tmp_path / "own").mkdir()
    monkeypatch.chdir(own)
    done = run("init", *NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\ny\n")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("next: dlws pytest -m preflight\n")
    assert sorted(path.name for path in own.iterdir()) == ["config.yaml", "state"]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("none/config.yaml", "there is no folder none (make it,"),
        ("shut/config.yaml", "may not write into "),
        ("used/config.yaml", "/used/state (call it in a folder of your own, or name another file with --output)"),
        ("nowhere.yaml", "is a link that leads nowhere (remove it,"),
    ],
)
def test_where_no_file_can_be_made_nobody_is_asked(
    place: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shut").mkdir()
    (tmp_path / "used/state").mkdir(parents=True)
    (tmp_path / "nowhere.yaml").symlink_to("nothing")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name not in ("shut", "state"))
    done = run("init", "-o", place, *NAMED, "--hosts", "127.1.0.1")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert done.output.startswith(f"{place}: ")
    assert why in done.output


@pytest.mark.parametrize("output", [(), ("-o", "site.yaml")])
def test_it_writes_where_it_is_called(output: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "own").mkdir()
    (folder / "hosts.csv").write_text("name,private-ip,archtype,type,devices\natlas01,192.168.3.2,arm64,npu,8\n")
    monkeypatch.chdir(folder)
    done = run("init", *NAMED, "--csv", "hosts.csv", "--no-login", "--yes", *output)
    assert done.exit_code == 0, done.output
    assert {path.name for path in folder.iterdir()} == {"hosts.csv", *(output[1:] or ("config.yaml",))}


def test_every_key_is_shown_and_pinned_once_it_is_confirmed(
    init: Init, config: Path, hosts: tuple[int, list[Bare]]
) -> None:
    done = init(*NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\nn\n")
    cluster = written(config)
    for bare, node in zip(hosts[1], cluster.nodes, strict=True):
        assert f"{bare.key}" in done.output
        assert keys_of(cluster).voucher(node, bare.key) == "known_hosts"
    assert "ssh-keygen -lf" in done.output


def test_nothing_is_sent_where_a_key_is_not_right(init: Init, config: Path, hosts: tuple[int, list[Bare]]) -> None:
    done = init(*NAMED, *port(hosts), says="n\n")
    assert (done.exit_code, [bare.ssh.tried for bare in hosts[1]]) == (1, [[], []])
    assert not config.exists()
    assert not state_of(config, "demo").folder.exists()


def test_secrets_are_in_the_file_alone_and_new_each_time(
    init: Init, config: Path, hosts: tuple[int, list[Bare]], tmp_path: Path
) -> None:
    done = init(*NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\nn\n")
    first = written(config)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert PASSWORD not in done.output
    assert not any(secret in done.output for secret in first.secrets)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert files == []
    config.unlink()
    init(*NAMED, *port(hosts), says=f"{PASSWORD}\n\nn\n")
    assert not {*first.secrets} & {*written(config).secrets}


def test_the_password_is_kept_where_the_install_looks(init: Init, config: Path, hosts: tuple[int, list[Bare]]) -> None:
    init(*NAMED, *port(hosts), "--keep-password", says=f"y\n{PASSWORD}\n\n")
    kept = state_of(config, "demo").root_password
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (f"{PASSWORD}\n", 0o600)
    assert stat.S_IMODE(state_of(config, "demo").folder.stat().st_mode) == 0o700


def test_another_user_than_root_is_kept_beside_the_password(init: Init, config: Path, tmp_path: Path) -> None:
    with site(tmp_path / "hosts", atlas01={**ARM, "sudo": WORKS}) as made:
        words = ("--hosts", "127.1.0.1", "--ssh-port", str(made[0]), "--user", "maint", "--keep-password")
        done = init(*NAMED, *words, says=f"y\n{PASSWORD}\n\n")
    assert done.exit_code == 0, done.output
    assert made[1][0].ssh.tried == [f"maint:{PASSWORD}"]
    assert state_of(config, "demo").root_user.read_text() == "maint\n"


def test_a_wrong_password_is_one_line_and_is_tried_at_one_host(
    init: Init, config: Path, hosts: tuple[int, list[Bare]]
) -> None:
    done = init(*NAMED, *port(hosts), says="y\nwrong\n")
    assert done.exit_code == 1
    line = next(line for line in done.output.splitlines() if "no login works" in line)
    assert line.startswith("127.1.0.1: no login works: root with a password: refused (give the right password")
    assert [bare.ssh.tried for bare in hosts[1]] == [["root:wrong"], []]
    assert "wrong" not in line
    assert not config.exists()


def test_a_host_out_of_reach_is_one_line_with_the_fix(init: Init, hosts: tuple[int, list[Bare]]) -> None:
    done = init(*NAMED, "--hosts", "127.1.0.9,127.1.0.1", "--ssh-port", str(hosts[0]))
    assert done.exit_code == 1
    first = done.output.splitlines()[0]
    assert first.startswith(f"127.1.0.9: unreachable at 127.1.0.9:{hosts[0]}: cannot connect: Connection refused (is")
    assert [bare.ssh.tried for bare in hosts[1]] == [[], []]


def test_installers_names_are_asked_for(init: Init, config: Path, tmp_path: Path) -> None:
    with site(tmp_path / "hosts", ubuntu=PLAIN, ubuntu_=PLAIN) as made:
        done = init(*NAMED, *port(made), says=f"y\n{PASSWORD}\none\none\ntwo\n\nn\n")
    assert "Name of 127.1.0.1, which calls itself ubuntu" in done.output
    assert '"one" is another host\'s name' in done.output
    assert [(n.name, n.device) for n in written(config).nodes] == [("one", Device.CPU), ("two", Device.CPU)]


def test_ranges_that_meet_the_sites_networks_are_moved(init: Init, config: Path, tmp_path: Path) -> None:
    routes = (
        'case "$*" in *addr*) echo "2: e inet 127.1.0.1/24 scope global e\\  valid_lft forever";; *) echo "{}";; esac'
    )
    with site(tmp_path / "hosts", a1={**PLAIN, "ip": routes.format("10.2.7.0/24 dev e scope link")}) as made:
        done = init(*NAMED, "--hosts", "127.1.0.1", "--ssh-port", str(made[0]), says=f"y\n{PASSWORD}\n\nn\n")
    assert "the pod range is 10.4.0.0/16, because 10.2.0.0/16 meets 10.2.7.0/24, to which a1 has a route" in done.output
    assert (written(config).pod_range, written(config).service_range) == ("10.4.0.0/16", "10.3.0.0/16")


def test_a_second_time_nothing_is_written(init: Init, config: Path, hosts: tuple[int, list[Bare]]) -> None:
    init(*NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\ny\n")
    before = config.read_bytes()
    same = init("--yes")
    assert (same.exit_code, config.read_bytes()) == (0, before)
    assert "says what its hosts are; it was left as it is" in same.output
    config.write_text(config.read_text().replace("archtype: arm64", "archtype: amd64"))
    other = init("--yes")
    assert other.exit_code == 1
    assert "machines.atlas01.archtype: amd64 in the file, arm64 on the host" in other.output


def test_a_host_that_has_taken_a_key_is_told_no_password(
    init: Init, config: Path, hosts: tuple[int, list[Bare]], monkeypatch: pytest.MonkeyPatch
) -> None:
    init(*NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\nn\n")
    cluster, bare = written(config), hosts[1][0]
    keys_of(cluster).pin(cluster.nodes[0], bare.key, Remark.KEY_LOGIN)
    bare.ssh.tried.clear()
    monkeypatch.setenv("DLWS_ROOT_PASSWORD", PASSWORD)
    done = init("--yes")
    assert done.exit_code == 1
    assert "atlas01: not sent, because atlas01 has accepted an SSH key since" in done.output
    assert bare.ssh.tried == []


def test_a_host_that_the_file_has_not_is_shown_as_its_line(init: Init, hosts: tuple[int, list[Bare]]) -> None:
    init(*NAMED, "--hosts", "127.1.0.1", "--ssh-port", str(hosts[0]), says=f"y\n{PASSWORD}\n\ny\n")
    done = init("--hosts", "127.1.0.2", says="y\n")
    entry = "gpu01: {role: worker, private-ip: 127.1.0.2, archtype: amd64, type: gpu, vendor: nvidia}"
    assert entry in done.output
    assert "machines.atlas01 (127.1.0.1) is in the file, and not among the hosts that were named" in done.output


def test_without_questions_all_comes_from_options_and_a_table(
    init: Init, config: Path, hosts: tuple[int, list[Bare]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLWS_ROOT_PASSWORD", PASSWORD)
    rows = "".join(f"{bare.address},{bare.key.fingerprint}\n" for bare in hosts[1])
    (tmp_path / "hosts.csv").write_text(f"IP,host_key\n{rows}")
    done = init("--yes", "--csv", str(tmp_path / "hosts.csv"), "--ssh-port", str(hosts[0]), "--master", "gpu01")
    assert done.exit_code == 0, done.output
    assert written(config).master.name == "gpu01"
    assert written(config).suite.host_keys == {
        n: b.key.fingerprint for n, b in zip(("atlas01", "gpu01"), hosts[1], strict=True)
    }


def test_without_questions_a_key_that_nobody_compared_is_refused(init: Init, hosts: tuple[int, list[Bare]]) -> None:
    done = init("--yes", *port(hosts))
    assert done.exit_code == 2
    assert "Are these 2 host keys right? Nobody is asked with --yes (put the fingerprints" in done.output
    assert [bare.ssh.tried for bare in hosts[1]] == [[], []]


def test_another_key_than_the_tables_is_refused(init: Init, hosts: tuple[int, list[Bare]], tmp_path: Path) -> None:
    (tmp_path / "hosts.csv").write_text(f"IP,host_key\n127.1.0.1,SHA256:{'A' * 43}\n")
    done = init(*NAMED, "--csv", str(tmp_path / "hosts.csv"), "--ssh-port", str(hosts[0]))
    assert done.exit_code == 1
    assert "not the confirmed host key" in done.output
    assert hosts[1][0].ssh.tried == []


@pytest.mark.parametrize(
    ("column", "value", "why"), [("archtype", "amd64", "the host is arm64"), ("devices", "7", "the host has 8")]
)
def test_a_table_that_the_host_contradicts_is_an_error_at_its_line(
    column: str, value: str, why: str, init: Init, hosts: tuple[int, list[Bare]], tmp_path: Path, config: Path
) -> None:
    (tmp_path / "hosts.csv").write_text(f"IP,{column}\n127.1.0.1,{value}\n")
    done = init(*NAMED, "--csv", str(tmp_path / "hosts.csv"), "--ssh-port", str(hosts[0]), says=f"y\n{PASSWORD}\n")
    assert "hosts.csv:2 has " in done.output
    assert why in done.output
    assert not config.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--hosts", "192.168.3.9-2"), "is empty (write the lower address first)"),
        (("--hosts", "1.2.3.4", "--csv", "x"), "name the hosts in one way"),
        (("--csv", "none.csv"), "none.csv: No such file or directory"),
        (("--from-cluster", "none.conf"), "none.conf: No such file or directory"),
        (("--no-login",), "add --csv FILE"),
        (("--cluster-name", "Big"), '--cluster-name: "Big" is no host name'),
        (("--admin-user", "root"), "root cannot be the admin user"),
        (("--set", "mysql_password=x"), "a secret shows on a command line"),
        (("--set", "suite"), "write it like"),
        (("--set", "suite={"), "is not YAML"),
        (("--set", "alert-manager={smtp_auth_password: hunter2}"), "a secret shows on a command line"),
        (("--set", "Authentications={Wechat: {AppSecret: hunter2}}"), "a secret shows on a command line"),
        ((), "Addresses of the hosts"),
    ],
)
def test_wrong_options_are_one_line(words: tuple[str, ...], why: str, init: Init, config: Path) -> None:
    done = init("--yes", *words)
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
    assert why in done.output
    assert not config.exists()


@pytest.mark.parametrize(
    ("words", "says", "why"),
    [
        (
            (),
            "",
            '"Name of the cluster" was not answered, because the input has ended (add --cluster-name, or --yes to',
        ),
        (NAMED, "", "has ended (add --hosts LIST, --csv FILE or --from-cluster KUBECONFIG)"),
        (
            (*NAMED, "hosts"),
            "",
            '"Are these 2 host keys right?" was not answered, because the input has ended (put the',
        ),
        (
            (*NAMED, "hosts"),
            "y\n",
            "because the input has ended (set DLWS_ROOT_PASSWORD, or name a key with --key FILE)",
        ),
        ((*NAMED, "hosts"), f"y\n{PASSWORD}\n", '"Master, by name or address" was not answered'),
    ],
)
def test_an_input_that_ends_at_a_question_is_one_line_with_the_fix(
    words: tuple[str, ...], says: str, why: str, init: Init, config: Path, hosts: tuple[int, list[Bare]]
) -> None:
    given = [*words[:-1], *port(hosts)] if words[-1:] == ("hosts",) else words
    done = init(*given, says=says)
    assert done.exit_code == 2
    assert why in done.output.splitlines()[-1]
    assert not config.exists()


def test_a_password_that_nobody_says_to_keep_is_not_kept(
    init: Init, config: Path, hosts: tuple[int, list[Bare]]
) -> None:
    done = init(*NAMED, *port(hosts), says=f"y\n{PASSWORD}\n\n")
    assert done.exit_code == 0, done.output
    assert not state_of(config, "demo").root_password.exists()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", 'IP\n"192.168.3.2\n'])
def test_a_table_that_is_none_is_told_before_anything_is_asked(
    content: str, init: Init, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "hosts.csv").write_text(content)
    done = init("--csv", str(tmp_path / "hosts.csv"))
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
    assert "hosts.csv:" in done.output
    assert not config.exists()


def test_options_that_an_existing_file_leaves_unread_are_named(init: Init, config: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.csv").write_text("name,IP,archtype,type,devices\nn1,10.1.0.1,arm64,npu,8\n")
    words = ("--yes", "--no-login", "--csv", str(tmp_path / "hosts.csv"))
    init(*words)
    done = init(*words, "--set", "suite.images=prebuilt", "--master", "n9")
    assert f"not read, as the file exists: --master, --set (edit {config} instead)" in done.output
    assert init(*words, "--set", "suite").exit_code == 2


@pytest.mark.parametrize(("images", "told"), [("prebuilt", True), ("build", False)])
def test_the_key_that_an_image_has_already_is_asked_for(
    init: Init, config: Path, tmp_path: Path, images: str, told: bool
) -> None:
    (tmp_path / "hosts.csv").write_text("name,IP,archtype,type,devices\nn1,10.1.0.1,arm64,npu,8\n")
    done = init("--yes", "--no-login", "--csv", str(tmp_path / "hosts.csv"), "--set", f"suite.images={images}")
    assert config.exists(), done.output
    assert ("jwt.secret_key: write there the key that the prebuilt" in done.output) is told


def test_a_hundred_hosts_are_a_hundred_lines(init: Init, config: Path, tmp_path: Path) -> None:
    rows = "".join(f"n{i},10.1.0.{i},arm64,npu,8\n" for i in range(1, 101))
    (tmp_path / "hosts.csv").write_text("name,IP,archtype,type,devices\n" + rows)
    keys = ("--set", "suite.images=prebuilt", "--set", "dockers.tag='2.0'")
    done = init("--yes", "--no-login", "--csv", str(tmp_path / "hosts.csv"), *keys)
    assert done.exit_code == 0, done.output
    assert len(config.read_text().splitlines()) < 150
    cluster = written(config)
    assert (len(cluster.nodes), cluster.suite.images, cluster.settings.dockers.tag) == (100, "prebuilt", "2.0")
    table = run("csv", str(config))
    assert table.output.splitlines()[100] == "n100,10.1.0.100,worker,arm64,npu,huawei,,8,"
