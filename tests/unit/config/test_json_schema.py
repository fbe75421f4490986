"""The JSON schema of config.yaml: it has the documentation's words, and forbids what lint forbids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlws.cli import main
from dlws.config.json_schema import PAGE, descriptions, json_schema, parts

SCHEMA = json_schema(PAGE.read_text("utf-8"))


def at(key: str) -> list[dict[str, Any]]:
    return list(parts(SCHEMA, SCHEMA, key.split(".")))


@pytest.mark.parametrize("key", sorted(descriptions(PAGE.read_text("utf-8"))))
def test_a_key_of_the_page_is_described(key: str) -> None:
    assert [part["description"] for part in at(key)], key


def test_the_words_are_the_pages() -> None:
    assert at("suite.ssh_port")[0]["description"] == "port of sshd on every host; default: 22"
    assert at("suite.kubernetes.cri_socket")[0]["description"].startswith("socket of the container runtime")
    assert at("machines.*.private-ip")[0]["description"] == "IPv4 address; required for the master; unique"
    assert at("jwt.token_ttl")
    assert at("suite.acceptance.two_hosts.*.image")


def test_sections_forbid_other_keys_where_lint_does() -> None:
    assert SCHEMA["$defs"]["Machine"]["additionalProperties"] is False
    assert SCHEMA["$defs"]["Suite"]["additionalProperties"] is False
    assert "additionalProperties" not in SCHEMA
    assert "additionalProperties" not in SCHEMA["$defs"]["Alert"]


def test_words_and_required_keys_are_in_it() -> None:
    machine = SCHEMA["$defs"]["Machine"]
    assert machine["required"] == ["role", "archtype", "type"]
    assert SCHEMA["$defs"]["Role"]["enum"] == ["infrastructure", "worker"]
    assert {"cluster_name", "machines", "mysql_password", "UserGroups"} <= {*SCHEMA["required"]}


def test_a_page_that_is_not_there_leaves_the_form() -> None:
    assert json_schema("")["$defs"]["Machine"]["required"] == ["role", "archtype", "type"]


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
