"""What the lab gives a cluster works for its pods: the pod network, DNS, services, node ports, devices of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab import daemon, hosts
from lab.plan import ALL_HOSTS, IMAGES
from lab.process import LabError
from tests.lab.suite import HOSTS, KUBECTL, MASTER, Finished, kubectl, on

pytestmark = [pytest.mark.lab]

OTHER = "atlas-gpu01"
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 8000, targetPort: 80, nodePort: 49999}]}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: on-{host}, labels: {{app: {app}}}}}
spec:
  nodeName: {host}
  terminationGracePeriodSeconds: 1
  containers:
    - name: web
      image: busybox:1
      command: [sh, -c, "echo {host} > /tmp/index.html; httpd -f -h /tmp"]
      resources: {{limits: {{{resource}: 1}}}}
"""


@pytest.fixture(scope="module")
def pods(first_install: Finished) -> Iterator[dict[str, str]]:
    """A pod with one device on the master, one on another host: the host's name -> the pod's address."""
    for host in (MASTER, OTHER):  # a pod's own image; nobody pulls in the lab
        load = ("exec", "--interactive", ALL_HOSTS[host].container, "docker", "load", "--quiet")
        daemon.docker(*load, stdin=(IMAGES / "busybox-1.tar").read_bytes(), timeout=120)
    manifest = SERVICE + POD.format(host=MASTER, app="web", resource="npu.huawei.com/NPU")
    manifest += POD.format(host=OTHER, app="other", resource="nvidia.com/gpu")
    hosts.execute(ALL_HOSTS[MASTER], f"{KUBECTL} apply -f -", stdin=manifest)
    kubectl("wait --for=condition=Ready pod --all --timeout=150s")
    items = json.loads(kubectl("get pods -o json"))["items"]
    yield {item["spec"]["nodeName"]: item["status"]["podIP"] for item in items}
    hosts.execute(ALL_HOSTS[MASTER], f"{KUBECTL} delete --timeout=150s -f -", stdin=manifest, timeout=180)


def inside(host: str, command: str) -> str:
    return kubectl(f"exec on-{host} -- {command}")


def test_a_pod_reaches_the_pod_of_another_node(pods: dict[str, str]) -> None:
    assert " 0% packet loss" in inside(OTHER, f"ping -c 2 {pods[MASTER]}")
    assert " 0% packet loss" in inside(MASTER, f"ping -c 2 {pods[OTHER]}")


def test_a_service_has_a_name_and_an_address_that_answers(pods: dict[str, str]) -> None:
    assert inside(OTHER, "wget -q -O - http://web.default.svc.cluster.local:8000").strip() == MASTER


def test_a_name_that_nobody_has_is_refused(pods: dict[str, str]) -> None:
    with pytest.raises(LabError, match="exit status 1"):
        hosts.execute(ALL_HOSTS[MASTER], f"{KUBECTL} exec on-{MASTER} -- nslookup nobody.default.svc.cluster.local")


def test_a_node_port_at_the_end_of_the_range_answers_on_every_node(pods: dict[str, str]) -> None:
    for host in HOSTS:
        assert on(MASTER, f"curl -sf -m 5 http://{ALL_HOSTS[host].address}:49999").strip() == MASTER
