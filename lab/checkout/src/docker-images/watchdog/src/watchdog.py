"""A stand-in for DLWS's watchdog: asks, by kubectl and admin.conf, what devices the nodes have; says so as metrics."""

import json
import subprocess
import sys
import time

import standin

PORT, INTERVAL = int(standin.option("port", "9101")), float(standin.option("interval", "30"))
SERVERS = [word for word in sys.argv[1:] if word.startswith("https://")]
DEVICES = ("npu.huawei.com/NPU", "nvidia.com/gpu")
VCS = standin.option("vc_url", "http://localhost:5000/apis/ListVCs?userName=Administrator")
API_SERVER = "heathy"
"""The real one's word, spelt so, whatever the API server says: it no longer asks."""
STATE = {"since": time.time(), "nodes": []}


def asked(kind):
    done = subprocess.run(["kubectl", "get", *kind, "-o", "json"], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)["items"]


def look():
    try:
        STATE["nodes"] = [node_sample(node) for node in asked(["nodes"])]
        asked(["pods", "--all-namespaces"])
        standin.ask(VCS)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        standin.say(f"error: {error}")
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
    address = SERVERS[0].removeprefix("https://").partition(":")[0]
    server = f'k8s_api_server_count{{error="{API_SERVER}",host_ip="{address}"}} 1'
    return standin.metrics("# TYPE k8s_api_server_count gauge", server, *STATE["nodes"])


def healthz(request):
    """Unhealthy when it no longer looks, whatever it sees."""
    idle = time.time() - STATE["since"]
    return standin.Answer("ok" if idle < 3 * INTERVAL + 15 else "hangs", 200 if idle < 3 * INTERVAL + 15 else 500)


if __name__ == "__main__":
    if len(SERVERS) != 1:
        standin.fatal("the API server's URL is missing: https://ADDRESS:PORT")
    standin.every(INTERVAL, look)
    standin.serve({"/healthz": healthz, "/metrics": samples}, PORT)
