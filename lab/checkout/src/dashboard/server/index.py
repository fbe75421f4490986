"""A stand-in for DLWS's web interface: the page, and what it shows, asked of the REST API of each cluster."""

from pathlib import Path
from urllib.parse import quote

import standin

CONFIG = "/usr/src/app/config/local.yaml"
BUILD = Path("/usr/src/app/build")
PORT = 3081
USER = "Administrator"


def page(request):
    return standin.Answer((BUILD / "index.html").read_bytes(), kind=standin.HTML)


def clusters(request):
    """Every cluster of the configuration and what its REST API says; its error where it says nothing."""
    return standin.Answer({"signIn": sign_in(), "clusters": [one(name) for name in SETTINGS["clusters"]]})


def sign_in():
    return [kind for kind, wanted in (SETTINGS.get("authEnabled") or {}).items() if wanted]


def one(name):
    url = SETTINGS["clusters"][name]["restfulapi"]
    try:
        asked = {what: standin.ask(f"{url}/{what}?userName={quote(USER)}") for what in ("GetClusterStatus", "GetAllDevice", "ListVCs")}
    except (OSError, ValueError) as error:
        return {"name": name, "error": f"{url}: {error}"}
    return {"name": name, "nodes": asked["GetClusterStatus"]["node_status"], "devices": asked["GetAllDevice"],
            "vcs": [vc["vcName"] for vc in asked["ListVCs"]["result"]]}


if __name__ == "__main__":
    SETTINGS = standin.settings(CONFIG, "sign", "domain", "clusters")
    for name in SETTINGS["clusters"]:
        standin.settings(CONFIG, f"clusters.{name}.restfulapi", f"clusters.{name}.workStorage")
    standin.serve({"/": page, "/api/": lambda request: standin.Answer({"error": "not found"}, 404), "/api/clusters": clusters}, PORT)
