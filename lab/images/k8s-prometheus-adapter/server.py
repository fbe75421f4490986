"""A stand-in for the metrics adapter: the API custom.metrics.k8s.io/v1beta1, which has no metric here.

It wants the arguments that the real one is given, and rules in its file.
"""

from __future__ import annotations

import subprocess
import sys

import standin

GROUP = "custom.metrics.k8s.io/v1beta1"
CERTIFICATE, KEY = "/tmp/adapter.crt", "/tmp/adapter.key"


def resources(request: standin.Request) -> standin.Answer:
    """The list of metrics: an empty one."""
    return standin.Answer({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": []})


def argument(name: str) -> str:
    """The value of `--name=VALUE`; the end without one."""
    given = [word.partition("=")[2] for word in sys.argv if word.startswith(f"--{name}=")]
    return given[-1] if given else standin.fatal(f"--{name} is missing")


if __name__ == "__main__":
    argument("prometheus-url")
    standin.settings(argument("config"), "rules")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=adapter"]
    subprocess.run([*words, "-keyout", KEY, "-out", CERTIFICATE], check=True, capture_output=True)
    routes = {"/healthz": standin.healthy, f"/apis/{GROUP}": resources}
    standin.serve(routes, 443, tls=(CERTIFICATE, KEY))
