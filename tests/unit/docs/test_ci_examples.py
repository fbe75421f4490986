"""The CI examples of docs/ci, and the pre-commit hooks: what they run is there, and what must be kept is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bundle import folder, image

ROOT = Path(__file__).parents[3]
GITLAB, GITHUB = ROOT / "docs/ci/gitlab-ci.yml", ROOT / "docs/ci/github-workflow.yml"
SHARDS = ROOT / "docs/ci/shards-job.yaml"
AUDIT = '.venv/bin/pytest -m verify --cluster "$DLWS_HOME/config.yaml"'
EXAMPLES = pytest.mark.parametrize("file", [GITLAB, GITHUB], ids=lambda file: file.stem)


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def gitlab() -> Any:
    return read(GITLAB)["audit"]


def github() -> Any:
    return read(GITHUB)["jobs"]["audit"]


def commands() -> list[str]:
    return [step["run"] for step in github()["steps"] if "run" in step]


def test_both_make_the_environment_and_then_audit() -> None:
    for script in (gitlab()["script"], commands()):
        assert script.index("make env") < script.index(AUDIT)


def test_both_run_at_night_and_by_hand() -> None:
    sources = [rule["if"].split('"')[1] for rule in gitlab()["rules"]]
    assert sources == ["schedule", "web"]
    assert set(read(GITHUB)["on"]) == {"schedule", "workflow_dispatch"}


def test_both_run_on_the_runner_in_the_room() -> None:
    assert gitlab()["tags"] == ["dlws-atlas"]
    assert github()["runs-on"] == ["self-hosted", "dlws-atlas"]


def test_no_two_audits_run_at_a_time() -> None:
    assert gitlab()["resource_group"]
    assert read(GITHUB)["concurrency"]["group"]
    assert read(GITHUB)["concurrency"]["cancel-in-progress"] is False


def test_gitlab_keeps_junit_and_the_report_of_a_red_audit() -> None:
    kept = gitlab()["artifacts"]
    assert (kept["when"], kept["paths"], kept["reports"]["junit"]) == ("always", ["audit/"], "audit/junit.xml")
    assert any("audit" in line for line in gitlab()["after_script"])


def test_github_keeps_the_report_of_a_red_audit() -> None:
    upload = next(step for step in github()["steps"] if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "always()"
    assert upload["with"]["path"] == "audit/"


def test_a_red_audit_fails_the_job() -> None:
    assert "allow_failure" not in gitlab()
    assert not any("continue-on-error" in step for step in github()["steps"])
    assert not any("||" in command for command in [*gitlab()["script"], *commands()])


def test_the_configuration_is_a_secret_that_others_cannot_read() -> None:
    assert any(line.startswith('install -m 600 "$DLWS_CONFIG"') for line in gitlab()["script"])
    writing = next(step for step in github()["steps"] if "DLWS_CONFIG" in step.get("env", {}))
    assert writing["env"] == {"DLWS_CONFIG": "${{ secrets.DLWS_CONFIG }}"}
    assert writing["run"].startswith("umask 077;")
    assert "DLWS_CONFIG" not in github()["env"]


def test_a_workflow_may_only_read_the_repository() -> None:
    assert read(GITHUB)["permissions"] == {"contents": "read"}


@EXAMPLES
def test_the_page_shows_where_each_example_is(file: Path) -> None:
    assert f"(ci/{file.name})" in (ROOT / "docs/ci.md").read_text("utf-8")


def test_a_pod_of_the_job_audits_its_shard_of_as_many_as_there_are_pods() -> None:
    job = read(SHARDS)["spec"]
    [pod] = job["template"]["spec"]["containers"]
    assert (job["completionMode"], job["completions"]) == ("Indexed", job["parallelism"])
    assert pod["env"] == [{"name": "SHARDS", "value": str(job["completions"])}]
    assert '--shard "$((JOB_COMPLETION_INDEX + 1))/$SHARDS"' in pod["args"][0]


def test_the_job_runs_the_image_of_the_bundle() -> None:
    [pod] = read(SHARDS)["spec"]["template"]["spec"]["containers"]
    assert pod["image"] == f"dlws-suite:{folder.version()}-amd64"
    assert read(SHARDS)["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert f"\n/{image.PLACE}/dlws pytest " in pod["args"][0]


def test_an_older_cluster_gets_a_plain_job_of_each_shard() -> None:
    page = (ROOT / "docs/shards.md").read_text("utf-8")
    [script] = re.findall(r"sed -e '([^']+)'", page)
    gone = [
        line
        for line in SHARDS.read_text("utf-8").splitlines()
        for word in re.findall(r"/(\w+:)/d", script)
        if word in line
    ]
    assert [line.split(":")[0].strip() for line in gone] == ["completionMode", "completions", "parallelism"]


def test_each_make_target_is_one() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for file in (GITLAB, GITHUB):
        assert {*re.findall(r"make ([a-z]+)$", file.read_text("utf-8"), re.M)} <= {*targets}


def test_hooks_use_the_locked_tools_and_fetch_nothing() -> None:
    repositories = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert [hook["id"] for hook in hooks] == ["ruff-check", "ruff-format", "mypy"]
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)
