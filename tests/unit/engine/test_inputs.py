"""What a run keeps of its configuration: no secret under whatever name, and no text that only templates understand."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, inspect
from dlws.engine import inputs
from dlws.engine.inputs import Inputs
from dlws.engine.waivers import Waivers
from dlws.record.run_folder import RunFolder
from tests.kits.config_example import no_dns, write

KEYS = [
    "passphrase",
    "smtp_pass",
    "pwd",
    "accessKey",
    "accessKeyId",
    "access_key",
    "secretAccessKey",
    "jwtToken",
    "encryptionKey",
    "signing_key",
    "storage_account_key",
    "connection_string",
    "webhook",
    "webhook_url",
    "cookie",
    "bearer",
    "license",
    "registry_auth",
    "auth",
    "api-key",
    "private_key",
    "shared-key",
    "credential",
    "sqlserver-password",
    "master_token",
    "ldap_bind_pw",
    "fernet_key",
    "session-key",
    "license_key",
]


def saved(folder: Path, yaml: str, *edits: tuple[str, str]) -> tuple[Cluster, str]:
    """The cluster of the example with more keys at its end, and inputs.json of a run on it."""
    path = write(folder, *edits)
    path.write_text(f"{path.read_text()}\n{yaml}\n")
    cluster, findings = inspect(path, resolve=no_dns)
    assert cluster is not None, findings
    run = RunFolder(folder / "run")
    run.path.mkdir()
    inputs.save(run, Inputs(cluster, Waivers(), whole=True))
    assert inputs.load(run) is not None
    return cluster, run.inputs.read_text()


@pytest.mark.parametrize("key", KEYS)
def test_the_value_of_a_key_that_names_a_secret_is_one(tmp_path: Path, key: str) -> None:
    cluster, text = saved(tmp_path, f"grafana: {{{key}: canary-4711}}")
    assert "canary-4711" in cluster.secrets
    assert "canary" not in text


@pytest.mark.parametrize(
    "key", ["private_key_path", "token_ttl", "enable_custom_registry_secrets", "bypass", "keyboard"]
)
def test_other_keys_hold_no_secret(tmp_path: Path, key: str) -> None:
    cluster, _ = saved(tmp_path, f"grafana: {{{key}: plain-4711}}")
    assert "plain-4711" not in cluster.secrets


@pytest.mark.parametrize(
    "yaml",
    [
        'basic_auth: "canary4711,admin,1000"',
        "proxy: http://user:canary4711@proxy.example.org:3128",
        "smtp: {connection_string: 'Server=db;Password=canary4711;Port=1'}",
    ],
)
def test_a_secret_inside_a_value_is_known_alone(tmp_path: Path, yaml: str) -> None:
    cluster, text = saved(tmp_path, yaml)
    assert "canary4711" in cluster.secrets
    assert "canary" not in text


@pytest.mark.parametrize("yaml", ["alert-manager: {configured: true, x: [canary]}", "i18n: {a: {b: canary}}"])
def test_a_text_that_only_templates_read_is_not_kept(tmp_path: Path, yaml: str) -> None:
    assert "canary" not in saved(tmp_path, yaml)[1]


def test_nor_is_one_beside_keys_that_are_known(tmp_path: Path) -> None:
    assert "canary" not in saved(tmp_path, "", ("dockers:\n", "dockers:\n  unknown: canary\n"))[1]
