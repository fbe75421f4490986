"""Pods of our own that active checks start on the hosts: they are run to their end, or stand and are looked out of.

They are removed in any case but the master's loss; and they end by themselves, most after two minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlws.config.cluster import Cluster
from dlws.inventory import Node
from dlws.kubernetes.labels import MASTER_TAINTS
from dlws.kubernetes.membership import KUBECTL
from dlws.kubernetes.objects import Object
from dlws.parse.text import unparsable
from dlws.remote.host import Host

APP = "dlws-probe"
LIFE = 120
"""Seconds that a probe may live, whoever started it, where its check asks for no longer life."""
START = 60
"""Seconds for a probe to be placed, and to have its image or a good reason to wait for it."""
TAIL = 5
"""Seconds for the other pods to fail too where one has: what says why is seldom the first to end."""
CONTAINER = "probe"
END = "-- end\n"
ASK = f'k="{KUBECTL} --request-timeout=20s -n default"; '
STAND = ASK + (
    f"$k delete pod -l app={APP} --grace-period=1 >/dev/null && printf %%s %s | $k create -f - >/dev/null || exit 9;"
    f" $k wait pod -l app={APP} --for=condition=Ready --timeout={START}s >/dev/null;"
    f" $k get pods -l app={APP} -o json"
)
"""That not all become ready is no failure of the command: the pods say it."""
FALL = ASK + f"$k delete pod -l app={APP} --grace-period=1 --wait=false >/dev/null"
SLOW = 60.0
"""Seconds for kubectl itself."""
STATE = "{.status.phase}/{.spec.nodeName}/{.status.containerStatuses[*].state.waiting.reason}"
PROCESS = (
    "docker inspect -f '{{.State.Pid}}' $(docker ps -q --filter label=io.kubernetes.pod.name=%s"
    f" --filter label=io.kubernetes.container.name={CONTAINER})"
)
"""The process of a probe's container: its network and its files can be looked at from the host."""


def pod(
    cluster: Cluster, node: Node, name: str, image: str, spec: Mapping[str, Any] | None = None, **container: Any
) -> Object:
    """A pod for one host, the master included; `spec` and `container` are more fields of the pod and its container."""
    tolerated = [{"key": key, "operator": "Exists"} for key in MASTER_TAINTS]
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
            "containers": [{"name": CONTAINER, "image": image, "imagePullPolicy": "IfNotPresent", **container}],
            **(spec or {}),
        },
    }


def ended(master: Host, manifests: Sequence[Object]) -> list[tuple[Object, str]]:
    """Run pods to their end, together: each as it was then, and what it printed if it succeeded. They are removed.

    It is not waited longer than can help: where one has failed, is placed nowhere or gets no image, that is the end.
    """
    names = [str(manifest["metadata"]["name"]) for manifest in manifests]
    life = max(manifest["spec"]["activeDeadlineSeconds"] for manifest in manifests)
    whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    deadline = 2 * START + life + SLOW
    answer = master.run_active([0], run(len(names), life), *names, stdin=json.dumps(whole), deadline=deadline)
    head, *found = answer.text.split("-- pod\n")
    if head or len(found) != len(names) or not found[-1].endswith(END):
        raise unparsable("kubectl get pod", answer.text[-200:], "cut off")
    found[-1] = found[-1].removesuffix(END)
    parts = [text.partition("-- log\n") for text in found]
    return [(parsed(pod), log) for pod, _, log in parts]


def run(count: int, life: int) -> str:
    """The command that runs so many pods to their end: it takes their names, and is fed their manifests as a List.

    They are no part of it, as what cannot be known quotes the command; the evidence has the pods with all they were.
    """
    return ASK + (
        f"set --{' %s' * count}; w=true; trap 'exit 9' HUP INT PIPE TERM;"
        ' away() { $k delete pod "$@" --ignore-not-found --grace-period=1 --wait=$w >/dev/null; };'
        ' away "$@" || exit 9; w=false; trap \'r=$?; away "$@" || r=9; exit $r\' EXIT;'
        " $k create -f - >/dev/null || exit 9; b=$(date +%%s); while s=; do"
        f" for p; do s=\"$s $($k get pod $p -o 'jsonpath={STATE}')\" || exit 9; done; t=$(($(date +%%s)-b));"
        f' case "$s" in *Failed/*) [ $# = 1 ] || sleep {TAIL}; break;; *Pending/*|*Running/*) ;; *) break;; esac;'
        f' [ $t -lt {START} ] || case "$s" in *Pending//*|*ImagePull*) break;; esac;'
        f" [ $t -lt {life} ] || break; sleep 1; done;"
        " for p; do echo \"-- pod\"; $k get pod $p -o json || exit 9; q=$($k get pod $p -o 'jsonpath={.status.phase}')"
        ' || exit 9; echo "-- log"; [ "$q" != Succeeded ] || $k logs $p || exit 9; done; echo "-- end"'
    )


def standing(master: Host, manifests: Sequence[Object]) -> list[Object]:
    """Start pods and wait until they are ready, or have had their time; the pods as they are then."""
    whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    answer = master.run_active([0], STAND, json.dumps(whole), deadline=2 * START + SLOW)
    items = parsed(answer.text).get("items")
    if not isinstance(items, list):
        raise unparsable("kubectl get pods", why="no items")
    return items


def remove(master: Host) -> None:
    """Remove what `standing` started."""
    master.run_active([0], FALL)


def process_of(host: Host, name: str) -> str:
    """The process of a probe on its host."""
    found = host.run_active([0], PROCESS, name).text.strip()
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
