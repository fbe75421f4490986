"""A stand-in for DLWS's job manager: its processes' ports, and what the node manager writes about the cluster."""

import json
import subprocess
import sys
import time

sys.path.insert(0, "/DLWorkspace/src/utils")
from database import Database
from standin import every, healthy, metrics, serve

DATABASE = Database()
MANAGERS = range(9200, 9209)
RESOURCES = {"nvidia.com/gpu": "nvidia", "npu.huawei.com/NPU": "huawei"}
SEEN = {"time": 0.0}


def watch_nodes():
    """Ask the API server, through kubectl, what machines and cards there are; write it down for the REST API."""
    said = subprocess.run(["kubectl", "get", "nodes", "-o", "json"], capture_output=True, check=True, timeout=30)
    nodes = json.loads(said.stdout)["items"]
    DATABASE.do("INSERT INTO clusterstatus (status) VALUES (%s)", json.dumps(summary(nodes)))
    DATABASE.do("DELETE FROM clusterstatus WHERE time < NOW() - INTERVAL 1 DAY")
    for kind, found in devices(nodes).items():
        detail = json.dumps(found["detail"])
        DATABASE.do("REPLACE INTO devicestatus VALUES (%s, %s, %s, %s)", kind, found["name"], found["capacity"], detail)
    SEEN["time"] = time.time()


def devices(nodes):
    """Cards by type (the node's label gpuType), as GetAllDevice tells them."""
    found = {}
    for node in nodes:
        kind = node["metadata"]["labels"].get("gpuType")
        for resource in RESOURCES:
            count = int(node["status"]["allocatable"].get(resource, 0))
            if kind and count:
                one = found.setdefault(kind, {"name": resource, "capacity": 0, "detail": []})
                one["capacity"] += count
                one["detail"].append({"nodeName": node["metadata"]["name"], "capacity": count})
    return found


def summary(nodes):
    """The cluster's state, as GetClusterStatus tells it."""
    rows = []
    for node in nodes:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        rows.append({"name": node["metadata"]["name"], "unschedulable": bool(node["spec"].get("unschedulable")),
                     "ready": ready, "gpuType": node["metadata"]["labels"].get("gpuType", "")})
    return {"node_status": rows, "TotalJobNum": 0, "AvaliableJobNum": 0, "user_status": [], "gpu_used": {}}


def samples(request):
    return metrics("# TYPE jobmanager_nodes_seen_timestamp gauge", f"jobmanager_nodes_seen_timestamp {SEEN['time']:.0f}")


if __name__ == "__main__":
    DATABASE.make()
    every(15, watch_nodes)
    serve({"/healthz": healthy, "/metrics": samples}, *MANAGERS)
