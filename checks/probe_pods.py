"""Pods of our own that active checks start on the hosts, and look out of. They end by themselves after two minutes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from cluster.config import Cluster
from cluster.inventory import Node
from cluster.manifests import CONTROL_PLANE_TAINT, MASTER_TAINT
from cluster.membership import ADMIN_CONF
from cluster.parse.text import unparsable
from remote.host import Host
from remote.kubernetes import Object

APP = "dlws-probe"
LIFE = 120
"""Seconds that a probe may live, whoever started it."""
START = 60
"""Seconds for a probe to start, or to end: its image is on the host."""
CONTAINER = "probe"
KUBECTL = f'k="kubectl --kubeconfig {ADMIN_CONF} --request-timeout=20s -n default"; '
BEGIN = KUBECTL + (
    "$k delete pod %s --ignore-not-found --grace-period=1 >/dev/null && printf %%s %s | $k create -f - >/dev/null"
    " || exit 9; "
)
RUN = BEGIN + (
    f"n=0; while [ $n -lt {START} ]; do p=$($k get pod %s -o 'jsonpath={{.status.phase}}') || exit 9;"
    " case $p in Succeeded|Failed) break;; esac; n=$((n+1)); sleep 1; done;"
    ' $k get pod %s -o json || exit 9; echo "-- log"; if [ "$p" = Succeeded ]; then $k logs %s || exit 9; fi;'
    " $k delete pod %s --grace-period=1 --wait=false >/dev/null"
)
STAND = KUBECTL + (
    f"$k delete pod -l app={APP} --grace-period=1 >/dev/null && printf %%s %s | $k create -f - >/dev/null || exit 9;"
    f" $k wait pod -l app={APP} --for=condition=Ready --timeout={START}s >/dev/null;"
    f" $k get pods -l app={APP} -o json"
)
"""That not all become ready is no failure of the command: the pods say it."""
FALL = KUBECTL + f"$k delete pod -l app={APP} --grace-period=1 --wait=false >/dev/null"
DEADLINE = 2 * START + 60.0
PROCESS = (
    "docker inspect -f '{{.State.Pid}}' $(docker ps -q --filter label=io.kubernetes.pod.name=%s"
    f" --filter label=io.kubernetes.container.name={CONTAINER})"
)
"""The process of a probe's container: its network and its files can be looked at from the host."""


def pod(cluster: Cluster, node: Node, name: str, image: str, **more: Any) -> Object:
    """A pod for one host, the master included; `more` are fields of its container, or `volumes` of the pod."""
    volumes = more.pop("volumes", [])
    tolerated = [{"key": key, "operator": "Exists"} for key in (MASTER_TAINT, CONTROL_PLANE_TAINT)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": APP if name.startswith(f"{APP}-on-") else f"{APP}-device"}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node.name},
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIFE,
            "terminationGracePeriodSeconds": 1,
            "tolerations": tolerated,
            "automountServiceAccountToken": False,
            "containers": [{"name": CONTAINER, "image": image, "imagePullPolicy": "IfNotPresent", **more}],
            "volumes": volumes,
        },
    }


def ended(master: Host, manifest: Object) -> tuple[Object, str]:
    """Run a pod to its end: the pod as it was then, and what it printed. It is removed."""
    name = manifest["metadata"]["name"]
    names = [name, json.dumps(manifest), *[name] * 4]
    answer = master.touch([0], RUN, *names, deadline=DEADLINE)
    text, mark, log = answer.text.partition("-- log\n")
    if not mark:
        raise unparsable("kubectl get pod", answer.text[-200:], "cut off")
    return parsed(text), log


def standing(master: Host, manifests: Sequence[Object]) -> list[Object]:
    """Start pods and wait until they are ready, or have had their time; the pods as they are then."""
    whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    answer = master.touch([0], STAND, json.dumps(whole), deadline=DEADLINE)
    items = parsed(answer.text).get("items")
    if not isinstance(items, list):
        raise unparsable("kubectl get pods", why="no items")
    return items


def remove(master: Host) -> None:
    """Remove what `standing` started."""
    master.touch([0], FALL)


def process_of(host: Host, name: str) -> str:
    """The process of a probe on its host."""
    found = host.touch([0], PROCESS, name).text.strip()
    if not found.isdecimal() or found == "0":
        raise unparsable("docker inspect", found, "no process")
    return found


def parsed(text: str) -> Any:
    """JSON as kubectl prints it."""
    try:
        return json.loads(text)
    except ValueError:
        raise unparsable("kubectl", text[-200:], "not JSON, or cut off") from None


def names(pods: Iterable[Object]) -> set[str]:
    """The names of pods."""
    return {str(pod["metadata"]["name"]) for pod in pods}
