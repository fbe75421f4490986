"""`dlws render`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dlws.cli import main
from tests.kits.checkout import STAND_IN, WEBUI3, spoilt
from tests.kits.config_example import write

Output = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(write(tmp_path, ("suite:\n", f"dlworkspace: {STAND_IN}\nsuite:\n")))


def test_a_service_is_printed_as_it_would_be_applied(config: str, capsys: Output) -> None:
    assert main(["render", "webui3", "--cluster", config]) == 0
    out = capsys.readouterr().out
    assert [document["metadata"]["name"] for document in yaml.safe_load_all(out)] == ["webui3", "webui3-arm64"]
    assert f"# {WEBUI3}\n# runs on atlas01\n" in out
    assert "# runs on no machine: left out" in out


def test_one_file_of_a_service_can_be_asked_for(config: str, capsys: Output) -> None:
    assert main(["render", "jobmanager2", "dlws-scripts.yaml", "--cluster", config]) == 0
    out = capsys.readouterr().out
    assert yaml.safe_load(out)["metadata"]["name"] == "dlws-scripts"
    assert "  bootstrap.sh: |\n    #!/bin/sh\n" in out


@pytest.mark.parametrize("service", ["mysql", "webui"])
def test_secrets_are_shown_only_when_asked_for(config: str, service: str, capsys: Output) -> None:
    assert main(["render", service, "--cluster", config]) == 0
    assert "invented" not in capsys.readouterr().out
    assert main(["render", service, "--cluster", config, "--show-secrets"]) == 0
    assert "invented-for-tests" in capsys.readouterr().out


def test_a_masked_file_is_still_yaml(config: str, capsys: Output) -> None:
    assert main(["render", "webui", "local.yaml", "--cluster", config]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["sign"] == "<secret_key>"


def test_without_a_service_they_are_listed(config: str, capsys: Output) -> None:
    assert main(["render", "--cluster", config]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["mysql", "2", "objects"]
    assert "webui3                  1 object, 1 for no machine here" in lines
    assert lines[-1].startswith("14 images to build: apulistech/atlas_restfulapi2:latest-arm64, ")


def test_the_list_says_what_does_not_render_and_what_differs(tmp_path: Path, capsys: Output) -> None:
    spoilt(tmp_path, WEBUI3, "kind: x\n{% endif %}\n")
    config = str(write(tmp_path, ("suite:\n", "dlworkspace: checkout\nsuite:\n")))
    assert main(["render", "--cluster", config]) == 1
    assert f"    {WEBUI3}:2: broken template: " in capsys.readouterr().out


def test_a_broken_template_is_exit_1_and_one_line(tmp_path: Path, capsys: Output) -> None:
    spoilt(tmp_path, WEBUI3, "a: {{cnf['webuiprt']}}\n")
    config = str(write(tmp_path, ("suite:\n", "dlworkspace: checkout\nsuite:\n")))
    assert main(["render", "webui3", "--cluster", config]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{WEBUI3}:1: webuiprt is missing")


def test_no_checkout_and_no_configuration_are_exit_2_and_one_line(tmp_path: Path, capsys: Output) -> None:
    assert main(["render", "--cluster", str(write(tmp_path))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("dlworkspace is not set; name your DLWorkspace checkout there (branch V0.1.6.1)")
    assert main(["render", "--cluster", str(tmp_path / "none.yaml")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_file_that_a_service_has_not_says_which_it_has(config: str, capsys: Output) -> None:
    assert main(["render", "webui", "remote.yaml", "--cluster", config]) == 2
    assert "webui has no file remote.yaml; there are config.yaml, local.yaml, local.config" in capsys.readouterr().err


def test_a_container_that_is_left_out_is_named(tmp_path: Path, capsys: Output) -> None:
    about: dict[str, object] = dict.fromkeys(
        ("smtp_url", "smtp_from", "smtp_auth_username", "receiver"), "x@example.org"
    )
    alerting = yaml.safe_dump({"alert-manager": {**about, "configured": True, "smtp_auth_password": "invented"}})
    config = str(write(tmp_path, ("suite:\n", f"{alerting}dlworkspace: {STAND_IN}\nsuite:\n")))
    assert main(["render", "--cluster", config]) == 0
    line = (
        'Deployment kube-system/alert-manager without container reaper, whose image "apulistech//atlas_/reaper:latest"'
    )
    assert line in capsys.readouterr().out
    assert main(["render", "monitor", "alert-manager.yaml", "--cluster", config]) == 0
    assert "# without container reaper" in capsys.readouterr().out
