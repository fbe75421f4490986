"""What probe pods see from inside: other pods, names, a share."""

from __future__ import annotations

import ipaddress
import json
import re

from dlws.config.cluster import Cluster
from dlws.facts.files import text_of
from dlws.facts.probes.pods import APP, process_of
from dlws.facts.probes.share import READ
from dlws.inventory import Node
from dlws.kubernetes import objects
from dlws.kubernetes.objects import Object
from dlws.parse.kubernetes import kubelet
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown

PAUSE = re.compile(r"--pod-infra-container-image=([^\s\"]+)")
NAME = "kubernetes.default.svc.cluster.local"
LOOK = r"""
import errno, json, os, random, socket, struct, sys
told = json.loads(sys.argv[1])
def reached(address):
    door = socket.socket()
    door.settimeout(3)
    found = door.connect_ex((address, 9))
    return found in (0, errno.ECONNREFUSED)
def resolved(server, name):
    number = random.randrange(1 << 16)
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.settimeout(3)
    for turn in range(3):
        door.sendto(struct.pack(">HHHHHH", number, 256, 1, 0, 0, 0) + labels + b"\0\0\1\0\1", (server, 53))
        try:
            answer = door.recv(4096)
        except socket.timeout:
            continue
        if len(answer) > 12 and struct.unpack(">H", answer[:2])[0] == number:
            return answer[3] & 15 == 0 and struct.unpack(">H", answer[6:8])[0] > 0
    return False
wrong = ["no way to the pod on " + name for name, address in sorted(told["pods"].items()) if not reached(address)]
if not resolved(told["dns"], told["name"]):
    wrong.append("no address for " + told["name"] + " from " + told["dns"])
print(json.dumps(wrong))
"""
"""Looks out of a pod's network: a port that nobody listens on answers with a reset, if the pod can be reached."""
TOUCH = (
    'f="/proc/%s/root/share/.dlws-probe.%s"; rm -f "$f"; echo %s | dd of="$f" conv=excl status=none'
    f' && timeout -k 1 10 {READ}; r=$?; rm -f "$f"; exit $r'
)
"""Writes by way of a pod's own file system, and reads on the share of the host. A link of that name is not followed: it
would lead root to a file of the host."""


def start_time(probe: Object) -> float:
    """Seconds from a pod's being placed until it was ready; Kubernetes notes both in whole seconds."""
    when = {c["type"]: c.get("lastTransitionTime") for c in probe["status"]["conditions"] if c.get("status") == "True"}
    return (objects.instant(when.get("Ready")) - objects.instant(when.get("PodScheduled"))).total_seconds()


def seen_from(cluster: Cluster, node: Node, host: Host, addresses: dict[str, str], share: str) -> list[str]:
    """What the probe on a host does not reach."""
    process = process_of(host, f"{APP}-on-{node.name}")
    others = {name: address for name, address in addresses.items() if name != node.name}
    servers = str(ipaddress.IPv4Network(cluster.service_range, strict=False)[10])
    task = json.dumps({"pods": others, "dns": servers, "name": NAME}, sort_keys=True)
    answer = host.run_active(
        [0], "nsenter -t %s -n python3 - %s", process, task, stdin=LOOK, deadline=60.0 + 4 * len(others)
    )
    try:
        wrong = [str(line) for line in json.loads(answer.text)]
    except (ValueError, TypeError):
        raise unparsable("a probe's look around", answer.text) from None
    if share:
        mine = f"{share}/.dlws-probe.{node.name}"
        read_back = host.run_active([0, 1, 124], TOUCH, process, node.name, node.name, mine, deadline=20.0)
        if read_back.rc or read_back.text.strip() != node.name:
            said = read_back.error_text.strip()[-200:] or "different content"
            wrong.append(f"a file that a pod writes to {share} cannot be read on the host: {said}")
    return wrong


def pause_image(master: Host) -> str:
    """The image that every pod of the cluster has, so that it is on every host. Unknown where no flag names it."""
    found = PAUSE.search(text_of(master, kubelet.FLAGS) or "")
    if found is None:
        raise Unknown(f"{master.name}: {kubelet.FLAGS} does not set --pod-infra-container-image")
    return found[1]
