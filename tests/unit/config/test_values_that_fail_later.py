"""Values that are well-formed, and with which something breaks long after the lint."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.config_example import example, findings, write

SHARES = "mountpoints:\n  nfs: {type: nfs, server: %s, filesharename: %s, curphysicalmountpoint: %s, mountpoints: ''}\n"


def shared(folder: Path, server: str, export: str, point: str) -> list[str]:
    """What the lint says of a configuration with this share alone."""
    before, old, after = example().partition("mountpoints:\n")
    kept = after.split("\n")
    while kept and kept[0].startswith((" ", "#")):
        kept.pop(0)
    rest = "\n".join(kept)
    edit = (old + after, SHARES % (server, export, point) + rest)
    return [found.message for found in findings(write(folder, edit))] if old and before else []


@pytest.mark.parametrize("folder", ["/dev/share", "/run/x", "/tmp/x", "/var/lib/docker/nfs", "/etc/exported"])
def test_a_share_is_not_served_from_a_folder_of_the_system(tmp_path: Path, folder: str) -> None:
    [message] = shared(tmp_path, "atlas02", folder, "/mntdlws")
    assert message.startswith(f'"{folder}" is in ')


@pytest.mark.parametrize(
    ("point", "hidden"), [("/var", "/var/lib/docker"), ("/var/lib", "/var/lib/docker"), ("/home", "/home")]
)
def test_a_share_hides_no_folder_of_the_system(tmp_path: Path, point: str, hidden: str) -> None:
    assert shared(tmp_path, "atlas02", "/mnt/local", point) == [f'a file system on "{point}" hides {hidden}']


def test_the_links_to_the_shares_do_not_lie_on_a_share(tmp_path: Path) -> None:
    message = "the links in /dlwsdata would lie on the share itself"
    assert shared(tmp_path, "atlas02", "/mnt/local", "/dlwsdata") == [message]
    assert shared(tmp_path, "atlas02", "/mnt/local", "/dlwsdata/nfs") == []


@pytest.mark.parametrize(("server", "count"), [("atlas02", 1), ("192.168.3.2", 1), ("nas.example.org", 0)])
def test_the_admin_user_s_keys_are_not_served(tmp_path: Path, server: str, count: int) -> None:
    found = shared(tmp_path, server, "/home", "/mntdlws")
    assert found == ['"/home" holds the admin user\'s keys: whoever may mount it may log in as root'] * count
    assert shared(tmp_path, server, "/home/share", "/mntdlws") == []


@pytest.mark.parametrize("server", ["atlas02", "atlas02.sigsus.cn", "192.168.3.2"])
@pytest.mark.parametrize(("export", "point"), [("/mnt", "/mnt"), ("/mnt", "/mnt/nfs"), ("/mnt/local", "/mnt")])
def test_a_share_does_not_hide_itself(tmp_path: Path, server: str, export: str, point: str) -> None:
    assert shared(tmp_path, server, export, point) == [f'"{point}" and the served folder "{export}" lie in each other']


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('tag: "1.9"', "tag: \u201c1.9\u201d", "is no tag of an image"),
        ('tag: "1.9"', 'tag: "1.9 beta"', "is no tag of an image"),
        ("private-ip: 192.168.3.6", "private-ip: 192.168.3.6\n    series: Tesla V100", "value of a Kubernetes label"),
        (
            "private-ip: 192.168.3.6",
            "private-ip: 192.168.3.6\n    series: \u5347\u817e910",
            "value of a Kubernetes label",
        ),
        ("suite:\n", "suite:\n  required_gpu_driver: latest\n", "is no version of a driver"),
        ("suite:\n", "suite:\n  required_npu_driver: '>= 20.1'\n", "is no version of a driver"),
        ("suite:\n", "kube-vip: {vip: 192.168.3.100}\nsuite:\n", "leaves the address out of the certificate"),
        ('uid: "20000"', "uid: 020001", "an octal number, 8193, for its leading 0"),
        ("gpu_count_per_node: 8", "gpu_count_per_node: 010", "YAML reads 010 as 8"),
        ("gpu_count_per_node: 8", "gpu_count_per_node: 1:30", "YAML reads 1:30 as 90"),
        ("gpu_count_per_node: 8", "gpu_count_per_node: 0x8", "YAML reads 0x8 as 8"),
        ("invented-for-tests", "kT7-unheard #9", "mysql_password: ends before the `#`, which begins a comment"),
        ("role: worker", "role:\u00a0worker", "a no-break or a full-width blank"),
        ("suite:\n", "suite:\n  platforms: [{os: ubuntu, relase: '20.04'}]\n", "unknown key"),
        ("suite:\n", "suite:\n  platforms: [{os: ubuntu, release: focal}]\n", "is no release of Ubuntu or Debian"),
    ],
)
def test_what_would_fail_later_is_said_now(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in "\n".join(map(str, findings(write(tmp_path, (old, new)))))


def test_a_misspelt_key_of_a_row_is_compared_with_the_keys_of_a_row(tmp_path: Path) -> None:
    [found] = findings(write(tmp_path, ("suite:\n", "suite:\n  platforms: [{os: debian, release: '12', kind: gpu}]\n")))
    assert found.fix == "known here: archtype, os, release, type"


def test_sign_in_by_dingtalk_is_the_templates_own(tmp_path: Path) -> None:
    edit = ("Authentications:\n", "Authentications:\n  DingTalk: {AppId: a, AppSecret: b}\n")
    assert findings(write(tmp_path, edit)) == []


def test_a_quoted_password_may_have_a_comment_behind_it(tmp_path: Path) -> None:
    quoted = ("mysql_password: invented-for-tests", "mysql_password: 'kT7-unheard #9'   # changed in March")
    assert findings(write(tmp_path, quoted)) == []


@pytest.mark.parametrize(
    ("section", "key", "message"),
    [
        ("{receiver: [a@x.example, b@x.example]}", "receiver", "must be text"),
        ("{smtp_auth_password: 1234567}", "smtp_auth_password", "must be text"),
        ("{smtp_from: null}", "smtp_from", "must be text"),
    ],
)
def test_a_mail_setting_of_alertmanager_is_a_text(tmp_path: Path, section: str, key: str, message: str) -> None:
    path = write(tmp_path, ("suite:\n", f"alert-manager: {section}\nsuite:\n"))
    [finding] = [found for found in findings(path) if found.key.startswith("alert-manager")]
    assert (str(finding.level), finding.key) == ("error", f"alert-manager.{key}")
    assert finding.message.startswith(message)


def test_lint_names_all_that_a_configured_alertmanager_lacks(tmp_path: Path) -> None:
    path = write(tmp_path, ("suite:\n", "alert-manager: {configured: true, smtp_url: m:25, receiver: a@x}\nsuite:\n"))
    found = {one.message.split()[-2]: str(one.level) for one in findings(path) if "Alertmanager" in one.message}
    assert found == dict.fromkeys(["smtp_from", "smtp_auth_username", "smtp_auth_password"], "warning")
