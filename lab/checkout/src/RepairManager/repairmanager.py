"""A stand-in for DLWS's repair manager: asks Prometheus again and again how the machines are."""

import os
import signal
import sys
import time

import standin

CONFIG = "/DLWorkspace/src/RepairManager/config"

standin.settings(f"{CONFIG}/ecc-config.yaml", "cluster_name")
standin.settings(f"{CONFIG}/email-config.yaml", "smtp_url")
standin.settings(f"{CONFIG}/rule-config.yaml", "rule_wait_time")
url = os.environ.get("PROMETHEUS_URL") or standin.fatal("PROMETHEUS_URL is not set")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    try:
        found = standin.ask(f"{url}/prometheus/api/v1/query?query=up")["data"]["result"]
        down = [row["metric"].get("instance") for row in found if row["value"][1] != "1"]
        standin.say(f"{len(found)} targets, down: {', '.join(map(str, down)) or 'none'}")
    except (OSError, ValueError, KeyError) as error:
        standin.say(f"error: {url}: {error}")
    time.sleep(30)
