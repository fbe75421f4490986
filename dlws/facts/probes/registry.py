"""Asks a registry for images from a host, as its Docker would: over the Registry HTTP API V2, with Docker's own logins,
CAs and insecure registries. Prints for each image, with tabs between: name, `found`, digest, architectures; or name,
`none`; or name, `unclear`, why. Standard library only; runs under Python 3.5 and newer on the host.

`docker manifest inspect` does not serve: it is an experimental command in the Docker of the runbook (19.03).
"""

from __future__ import annotations

PROBE = r"""
import base64, ipaddress, json, os, re, socket, ssl, subprocess, sys
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
V2, OCI = "application/vnd.docker.distribution.manifest.", "application/vnd.oci.image."
KINDS = ", ".join([V2 + "v2+json", V2 + "list.v2+json", OCI + "manifest.v1+json", OCI + "index.v1+json"])
TOKENS = {}
try:
    AUTHS = json.load(open("/root/.docker/config.json")).get("auths") or {}
except (OSError, ValueError):
    AUTHS = {}
def insecure():
    out = subprocess.check_output(["docker", "info", "-f", "{{json .RegistryConfig}}"])
    told = json.loads(out.decode()) or {}
    names = [n for n, c in (told.get("IndexConfigs") or {}).items() if not c.get("Secure", True)]
    return names, [ipaddress.ip_network(r) for r in told.get("InsecureRegistryCIDRs") or ()]
NAMES, RANGES = insecure()
def is_open(where):
    try:
        found = socket.getaddrinfo((where.rpartition(":")[0] or where).strip("[]"), None)
    except OSError:
        found = []
    there = [ipaddress.ip_address(one[4][0].partition("%")[0]) for one in found]
    return where in NAMES or any(address in each for address in there for each in RANGES)
def split(image):
    first, slash, rest = image.partition("/")
    own = slash and ("." in first or ":" in first or first == "localhost")
    where, path = (first, rest) if own and first != "docker.io" else ("registry-1.docker.io", rest if own else image)
    name, colon, tag = path.rpartition(":")
    name, tag = (name, tag) if colon and "/" not in tag else (path, "latest")
    return where, name if "/" in name or where != "registry-1.docker.io" else "library/" + name, tag
def login(where):
    for key in (where, "https://" + where, "https://" + where + "/v1/", "https://index.docker.io/v1/"):
        if key in AUTHS and (key != "https://index.docker.io/v1/" or where == "registry-1.docker.io"):
            return AUTHS[key].get("auth")
def fetch(url, where, headers):
    context = ssl.create_default_context() if url.startswith("https") else None
    folder = "/etc/docker/certs.d/" + where
    for name in os.listdir(folder) if context and os.path.isdir(folder) else ():
        if name.endswith(".crt"):
            context.load_verify_locations(os.path.join(folder, name))
    if context and is_open(where):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answer = urlopen(Request(url, headers=headers), timeout=10, context=context)
    return answer.headers, answer.read(1 << 22)
def bearer(where, challenge):
    told = dict(re.findall('([a-z]+)="([^"]*)"', challenge))
    basic = login(where)
    if challenge.lower().startswith("basic"):
        return "Basic " + basic if basic else None
    if not told.get("realm", "").startswith(("https://", "http://")):
        return None
    query = urlencode({k: told[k] for k in ("service", "scope") if k in told})
    plain = told["realm"].startswith("http://") and not is_open(where)
    head = {"Authorization": "Basic " + basic} if basic and not plain else {}
    found = json.loads(fetch(told["realm"] + "?" + query, where, head)[1].decode())
    return "Bearer " + (found.get("token") or found["access_token"])
def ask(where, path, kinds):
    schemes = ["https", "http"] if is_open(where) or re.match("localhost|127[.]", where) else ["https"]
    for scheme in schemes:
        url = scheme + "://" + where + "/v2/" + path
        for turn in (0, 1):
            head = {"Accept": kinds}
            if TOKENS.get(where):
                head["Authorization"] = TOKENS[where]
            try:
                return fetch(url, where, head)
            except HTTPError as error:
                challenge = error.headers.get("WWW-Authenticate") or ""
                TOKENS[where] = bearer(where, challenge) if error.code == 401 and not turn else None
                if error.code != 401 or not TOKENS[where]:
                    raise
            except (URLError, OSError, ssl.SSLError):
                if scheme == schemes[-1]:
                    raise
                break
def about(image):
    where, name, tag = split(image)
    TOKENS.pop(where, None)
    headers, body = ask(where, name + "/manifests/" + tag, KINDS)
    found = json.loads(body.decode())
    if "manifests" in found:
        archs = [m.get("platform", {}).get("architecture", "") for m in found["manifests"]]
    else:
        config = json.loads(ask(where, name + "/blobs/" + found["config"]["digest"], "*/*")[1].decode())
        archs = [config.get("architecture", "")]
    return "found", headers.get("Docker-Content-Digest") or "", ",".join(sorted(set(a for a in archs if a)))
for image in sys.argv[1:]:
    try:
        told = about(image)
    except HTTPError as error:
        told = ("none",) if error.code == 404 else ("unclear", "status %d" % error.code)
    except Exception as error:
        told = ("unclear", " ".join(str(getattr(error, "reason", None) or error or type(error).__name__).split()))
    print("\t".join((image,) + told))
"""
"""Run as `python3 - IMAGE...`."""
