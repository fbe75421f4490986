"""W, active: what the platform is for, from end to end: a job is submitted, runs on an accelerator, its log is read.

By the REST API of upstream V0.1.6.1 (JobRestAPIUtils.py, job_manager.py). The job stays in its user's history.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from checks.jobs import pods
from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, active, check, expect, expect_that
from dlws.engine.targets import platform_master
from dlws.facts import samples
from dlws.facts.platform import NO_ANSWER, REST
from dlws.facts.probes.job_api import awaited_answer, json_object
from dlws.kubernetes import device_plugins, labels
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable

NAME = "dlws-probe"
SAYS = f"{NAME} 42"
COMMAND = f"echo {NAME} $((6 * 7))"
"""What the job runs: its log has `SAYS` only if a shell has done it."""
POST = "curl -fsS -m 20 -H 'Content-Type: application/json' -d %s %s"
ENDED = r'"jobStatus": *"(finished|failed|error|[Kk]illed)"'
END_TURNS, LOG_TURNS = 150, 45
"""Turns of two seconds or more: for the job to be placed and to end, and for its log to be collected."""


@active
@check(
    "W11",
    section="3.16",
    source="product checklist",
    on=platform_master,
    sample=samples.first_kind,
    title_zh="业务流程：提交作业、运行完成、日志可读",
    causes=[*(RUNS[name] for name in ("nginx", "restfulapi2", "jobmanager2")), pods.test_pod_gets_one_device],
    fix="see the job's page for why it waits, kubectl logs of the jobmanager pod, and kubectl describe of"
    " the job's pod",
)
def test_job_runs(cluster: Cluster, host: Host) -> None:
    """A one-accelerator job submitted through the REST API finishes, and its log can be read."""
    image, user = cluster.suite.acceptance.job_image, cluster.suite.acceptance.job_user
    workers = device_plugins.hosts(cluster)
    if image is None or user is None:
        raise NotApplicable("suite.acceptance does not set both job_image and job_user")
    if not workers:
        raise NotApplicable("no host offers accelerators to jobs")
    job = submitted(host, job_of(cluster, image, user, labels.for_node(cluster, workers[0])["gpuType"]))
    ended = awaited_answer(host, f"{REST}/GetJobStatus?jobId={quote(job)}", ENDED, END_TURNS)
    if ended.get("jobStatus") != "finished":  # it must not run when nobody looks any more
        host.run_active(range(256), "curl -fsS -m 10 %s", f"{REST}/KillJob?userName={quote(user)}&jobId={quote(job)}")
    expect("job status", found=f"{ended.get('jobStatus')} {ended.get('errorMsg') or ''}".strip(), expected="finished")
    log = awaited_answer(host, f"{REST}/GetJobLog?userName={quote(user)}&jobId={quote(job)}", SAYS, LOG_TURNS).get(
        "log"
    )
    expect_that(SAYS in json.dumps(log), "job log", found="not the output of the job", expected=SAYS)


def job_of(cluster: Cluster, image: str, user: str, device: str) -> dict[str, Any]:
    """The job, as the web interface submits one."""
    return {
        "jobName": NAME,
        "userName": user,
        "vcName": cluster.settings.virtual_cluster,
        "jobType": "training",
        "jobtrainingtype": "RegularJob",
        "gpuType": device,
        "resourcegpu": 1,
        "image": image,
        "cmd": COMMAND,
        "workPath": "./",
        "dataPath": "./",
        "jobPath": "",
        "enableworkpath": True,
        "enabledatapath": True,
        "enablejobpath": True,
        "containerUserId": 0,
        "isPrivileged": False,
        "hostNetwork": False,
        "preemptionAllowed": False,
    }


def submitted(host: Host, job: dict[str, Any]) -> str:
    """The id of a job that the platform has taken. Mismatch when it takes none."""
    answer = host.run_active([0, *NO_ANSWER], POST, json.dumps(job, sort_keys=True), f"{REST}/PostJob", deadline=30.0)
    if answer.rc:
        raise Mismatch("REST API PostJob", found=answer.error_text.strip()[-200:], expected="an answer")
    found = json_object(answer.text, "PostJob")
    if "error" in found:
        raise Mismatch("job submission", found=str(found["error"]), expected="accepted")
    if not isinstance(found.get("jobId"), str) or not found["jobId"]:
        raise unparsable("PostJob", answer.text)
    return str(found["jobId"])
