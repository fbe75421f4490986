"""A stand-in for DLWS's watchdog: asks the API server how it is, and what devices its nodes have; says so as metrics."""

import json
import ssl
import sys
import time
import urllib.request
from pathlib import Path

import standin

PORT, INTERVAL = int(standin.option("port", "9101")), float(standin.option("interval", "30"))
CA = standin.option("ca", str(standin.ACCOUNT / "ca.crt"))
BEARER = standin.option("bearer", str(standin.ACCOUNT / "token"))
SERVERS = [word for word in sys.argv[1:] if word.startswith("https://")]
DEVICES = ("npu.huawei.com/NPU", "nvidia.com/gpu")
STATE = {"error": "not asked yet", "since": time.time(), "nodes": []}


def asked(path):
    question = urllib.request.Request(f"{SERVERS[0]}{path}", headers={"Authorization": f"Bearer {Path(BEARER).read_text()}"})
    with urllib.request.urlopen(question, timeout=10, context=ssl.create_default_context(cafile=CA)) as answer:
        return answer.read()


def look():
    try:
        STATE["error"] = "ok" if asked("/healthz") == b"ok" else "unhealthy"
        STATE["nodes"] = [node_sample(node) for node in json.loads(asked("/api/v1/nodes"))["items"]]
    except OSError as error:
        STATE["error"] = type(error).__name__
        standin.say(f"error: {SERVERS[0]}: {error}")
    STATE["since"] = time.time()


def node_sample(node):
    """As the real one: 0 for a node that takes no pods."""
    address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
    capacity = node["status"]["capacity"]
    device = next((name for name in DEVICES if name in capacity), DEVICES[-1])
    total = capacity.get(device, 0) if ready and not node["spec"].get("unschedulable") else 0
    kind = node["metadata"]["labels"].get("gpuType", "")
    return f'k8s_node_device_total{{host_ip="{address}",device_type="{kind}",device_str="{device}"}} {total}'


def samples(request):
    server = f'k8s_api_server_count{{error="{STATE["error"]}"}} 1'
    return standin.metrics("# TYPE k8s_api_server_count gauge", server, *STATE["nodes"])


def healthz(request):
    """Unhealthy when it no longer looks, whatever it sees."""
    idle = time.time() - STATE["since"]
    return standin.Answer("ok" if idle < 3 * INTERVAL + 15 else "hangs", 200 if idle < 3 * INTERVAL + 15 else 500)


if __name__ == "__main__":
    if len(SERVERS) != 1:
        standin.fatal("the API server's URL is missing: https://ADDRESS:PORT")
    for path in (CA, BEARER):
        if not Path(path).is_file():
            standin.fatal(f"{path}: no such file")
    standin.every(INTERVAL, look)
    standin.serve({"/healthz": healthz, "/metrics": samples}, PORT)
