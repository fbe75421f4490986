"""Where a cluster's state lies, and what a configuration says in types."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from dlws.config import values
from dlws.config.cluster import load
from dlws.config.schema import Configuration
from dlws.config.state import State, state_of
from dlws.config.validation import settings_of
from dlws.parse.mappings import merged
from dlws.upstream.known_keys import UPSTREAM_KEYS
from tests.kits.config_example import no_dns, write


def test_the_state_lies_beside_the_configuration(tmp_path: Path) -> None:
    state = state_of(tmp_path / "config.yaml", "atlas")
    assert state == State(tmp_path / "state" / "atlas")
    assert state.key == tmp_path / "state" / "atlas" / "deploy" / "sshkey" / "id_rsa"


def test_settings_come_again_from_the_document(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, ("suite:\n", "grafana: {port: 3001}\nsuite:\n")), resolve=no_dns)
    assert settings_of(cluster.document) == cluster.settings


def test_another_password_is_another_digest(tmp_path: Path) -> None:
    one = load(write(tmp_path), resolve=no_dns)
    other = load(write(tmp_path, ("invented-for-tests", "another-for-tests")), resolve=no_dns)
    assert one.digest == load(write(tmp_path), resolve=no_dns).digest != other.digest


@pytest.mark.parametrize("value", [3306, "3306"])
def test_a_port_may_stand_in_quotes(value: object) -> None:
    assert values.port(value) == 3306


@pytest.mark.parametrize("value", [0, 65536, "http", "", True, -1, 3306.0])
def test_no_port(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="is no port"):
        values.port(value)


def test_a_mapping_is_laid_over_another_key_by_key() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 1}, {"a": {"b": 3}, "d": {}}) == {"a": {"b": 3, "c": 2}, "d": {}}


def test_upstreams_keys_are_those_that_the_schema_has_not() -> None:
    assert {field.alias or name for name, field in Configuration.model_fields.items()} & UPSTREAM_KEYS == set()
