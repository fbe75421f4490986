"""A stand-in for DLWS's watchdog: asks the API server how it is and says so as a metric."""

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
STATE = {"error": "not asked yet", "since": time.time()}


def look():
    question = urllib.request.Request(f"{SERVERS[0]}/healthz", headers={"Authorization": f"Bearer {Path(BEARER).read_text()}"})
    try:
        with urllib.request.urlopen(question, timeout=10, context=ssl.create_default_context(cafile=CA)) as answer:
            STATE["error"] = "ok" if answer.read() == b"ok" else "unhealthy"
    except OSError as error:
        STATE["error"] = type(error).__name__
        standin.say(f"error: {SERVERS[0]}: {error}")
    STATE["since"] = time.time()


def samples(request):
    return standin.metrics("# TYPE k8s_api_server_count gauge", f'k8s_api_server_count{{error="{STATE["error"]}"}} 1')


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
