"""A stand-in for DLWS's GPU reporter: how much the cards did, asked of Prometheus."""


import standin

URL, PORT = standin.option("prometheus_url"), int(standin.option("port", "9092"))


def targets():
    return standin.ask(f"{URL}/prometheus/api/v1/query?query=count(up)")["data"]["result"]


def samples(request):
    try:
        found = targets()
        value = found[0]["value"][1] if found else 0
        return standin.metrics("# TYPE gpu_reporter_targets gauge", f"gpu_reporter_targets {value}")
    except OSError:
        return standin.metrics("# TYPE gpu_reporter_targets gauge", "gpu_reporter_targets 0")


if __name__ == "__main__":
    standin.serve({"/healthz": standin.healthy, "/metrics": samples}, PORT)
