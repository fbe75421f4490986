"""A stand-in for DLWS's web interface: the page, and what it shows, asked of the REST API of each cluster."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import standin

CONFIG = "/usr/src/app/config/local.yaml"
BUILD = Path("/usr/src/app/build")
PORT = 3081
USER = "Administrator"
READ_AT_START = {
    "domain": (), "sign": (), "masterToken": (), "clusters": (), "administrators": (), "userGroup": (),
    "wechat": ("appId", "appSecret"), "activeDirectory": ("tenant", "clientId", "clientSecret"),
}
"""The properties that the real server asks node-config for when its modules are loaded, and their parts. It throws for
one that is not there, whatever sign-in is offered; an empty text is a value."""


def configured(path):
    """The configuration; the end, in node-config's words, if a property is not there."""
    found = standin.settings(path)
    for name, parts in READ_AT_START.items():
        if not isinstance(found, dict) or name not in found:
            standin.fatal(f'Configuration property "{name}" is not defined')
        for part in parts:
            if not isinstance(found[name], dict) or part not in found[name]:
                standin.fatal(f'Configuration property "{name}.{part}" is not defined')
    return found


def page(request):
    return standin.Answer((BUILD / "index.html").read_bytes(), kind=standin.HTML)


def about(request):
    """The root of the API answers, and nothing else below it that is not there."""
    there = request.path == "/api/"
    return standin.Answer("webui3" if there else {"error": "not found"}, 200 if there else 404)


def clusters(request):
    """Every cluster of the configuration and what its REST API says; its error where it says nothing."""
    return standin.Answer({"signIn": sign_in(), "clusters": [one(name) for name in SETTINGS["clusters"]]})


def bootstrap(request):
    """Who asks, by the cookie `token`: the server itself asks the user dashboard, by the name in the configuration."""
    token = re.search(r"(?:^|;\s*)token=([^;\s]+)", request.headers.get("Cookie", ""))
    user = current_user(token[1]) if token else {}
    shown = {**user, "administrators": SETTINGS["administrators"], "userGroupPath": SETTINGS["userGroup"]["frontEndPath"]}
    return standin.Answer(f"bootstrap({json.dumps(shown)})", kind="application/javascript")


def current_user(token):
    """The user dashboard's answer about a token; nobody where it gives none, as with the real one."""
    group = SETTINGS["userGroup"]
    try:
        said = standin.ask(f"{group['domain']}{group['backEndPath']}/auth/currentUser", {"Authorization": f"Bearer {token}"})
    except (OSError, ValueError) as error:
        standin.say(f"error: in cookie authentication: {error}")
        return {}
    return {key: value for key, value in said.items() if key != "success"} if said.get("success") is True else {}


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
    SETTINGS = configured(CONFIG)
    for name in SETTINGS["clusters"]:
        standin.settings(CONFIG, f"clusters.{name}.restfulapi", f"clusters.{name}.workStorage")
    standin.serve({"/": page, "/api/": about, "/api/clusters": clusters, "/api/bootstrap.js": bootstrap}, PORT)
