"""The fleet's API server: HTTPS, answering from the recorded objects, with nodes and pods for each copy of a host."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.fleet.members import Member, Names
from benchmarks.fleet.recording import Recording
from dlws.record.answer import Answer
from dlws.record.evidence import file_name
from dlws.remote.kubernetes import NAME

COPIED = ("/nodes", "/pods")
COUNTS = re.compile(r"(desired|current|updated)?Number(Scheduled|Ready|Available|Unavailable)?|number\w+|\w+Scheduled")


class Objects:
    """What the API answers at a path."""

    def __init__(self, names: Names, recording: Recording) -> None:
        self._names = names
        self._first = [member for member in names.fleet if not member.copy]
        self._answers: Mapping[str, Answer] = recording.answers[NAME]
        self._pages: dict[str, list[str]] = {}

    def answer(self, url: str) -> tuple[int, str, str]:
        """Status, `Date` and body; 404 for what is not in the recording."""
        query = parse_qs(urlsplit(url).query)
        recorded = self._answers.get("GET " + re.sub(r"&continue=[^&]*", "", url))
        if recorded is None:
            return 404, "", json.dumps({"kind": "Status", "message": "not recorded"})
        date = (re.search(r"^Date: (.+)$", recorded.error_text, re.MULTILINE) or ["", ""])[1]
        text = self._names.of(recorded.text, self._first[0])
        path = urlsplit(url).path
        if path.endswith(COPIED):
            text = self._page(path, text, int(query["limit"][0]), int(query.get("continue", ["0"])[0]))
        elif '"numberReady"' in text:
            text = json.dumps(self._scaled(json.loads(text)), separators=(",", ":"))
        return recorded.rc or 200, date, text

    def _page(self, path: str, text: str, limit: int, start: int) -> str:
        """`limit` objects of a list from `start` on."""
        if path not in self._pages:
            self._pages[path] = list(self._copied(json.loads(text)["items"]))
        items = self._pages[path]
        token = str(start + limit) if start + limit < len(items) else ""
        head = json.loads(text) | {"items": [], "metadata": {"continue": token}}
        shown = ",".join(items[start : start + limit])
        return json.dumps(head, separators=(",", ":")).replace('"items":[]', f'"items":[{shown}]')

    def _copied(self, items: list[dict[str, Any]]) -> Iterator[str]:
        """Each object, and one more for each copy of its host: nodes, and pods of DaemonSets and of the node itself."""
        for item in items:
            yield json.dumps(item, separators=(",", ":"))
            owners = {owner["kind"] for owner in item["metadata"].get("ownerReferences", ())}
            if "status" in item and (not item["spec"].get("nodeName") or owners & {"DaemonSet", "Node"}):
                yield from (self._copy(item, member) for member in self._copies(item))

    def _copies(self, item: dict[str, Any]) -> list[Member]:
        host = item["spec"].get("nodeName") or item["metadata"]["name"]
        return [member for member in self._names.fleet if member.original.name == host and member.copy]

    def _copy(self, item: dict[str, Any], member: Member) -> str:
        name = item["metadata"]["name"]
        uids = [item["metadata"]["uid"], name if member.original.name not in name else ""]
        text = json.dumps(item, separators=(",", ":"))
        first = self._names.by_name[member.original.name]
        text = re.sub(rf"\b{re.escape(first.address)}\b", member.address, text)
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(first.name)}(?![A-Za-z0-9])", member.name, text)
        text = text.replace(uids[0], f"{uids[0][:-6]}{member.copy:06}")
        return text.replace(f'"name":"{uids[1]}"', f'"name":"{uids[1]}-{member.copy}"') if uids[1] else text

    def _scaled(self, document: dict[str, Any]) -> dict[str, Any]:
        """A DaemonSet, or a list of them, that counts its copied pods too."""
        for item in document.get("items", [document]):
            status = item.get("status", {})
            if "numberReady" in status:
                copies = self._pods_of(item["metadata"]["uid"])
                status |= {key: n + copies for key, n in status.items() if COUNTS.fullmatch(key) and n}
        return document

    def _pods_of(self, uid: str) -> int:
        """How many more pods a DaemonSet has than were recorded."""
        pods = json.loads(self._names.of(self._answers["GET /api/v1/pods?limit=500"].text, self._first[0]))["items"]
        owned = [pod for pod in pods if any(o["uid"] == uid for o in pod["metadata"].get("ownerReferences", ()))]
        return sum(len(self._copies(pod)) for pod in owned)


def certificates(folder: Path, name: str) -> None:
    """A CA, a server's certificate for `name` and an administrator's, made by openssl in `folder`. OSError."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=kubernetes")
    for who, also in (("server", f"subjectAltName=DNS:{name}"), ("admin", "keyUsage=digitalSignature")):
        (folder / f"{who}.ext").write_text(also)
        openssl("req", "-new", *curve[:-2], "-keyout", f"{who}.key", "-out", f"{who}.csr", "-subj", f"/CN={who}")
        files = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{who}.ext")
        openssl("x509", "-req", "-days", "2", *files, "-in", f"{who}.csr", "-out", f"{who}.pem")


def replaced(recording: Recording, folder: Path) -> dict[str, str]:
    """The recorded CA and the one in `folder`, as PEM and as kubeconfigs hold it."""
    master = recording.answers[file_name(recording.cluster.master.name)]
    old, new = master["cat /etc/kubernetes/pki/ca.crt"].out, (folder / "ca.pem").read_bytes()
    return {old.decode(): new.decode(), base64.b64encode(old).decode(): base64.b64encode(new).decode()}


def admin_conf(folder: Path, server: str) -> str:
    """A kubeconfig in kubeadm's form, with the certificates in `folder`; JSON is YAML too."""
    ca, certificate, key = (
        base64.b64encode((folder / file).read_bytes()).decode() for file in ("ca.pem", "admin.pem", "admin.key")
    )
    return (
        f"apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n"
        f"    server: {server}\n  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n"
        "    user: kubernetes-admin\n  name: kubernetes-admin@kubernetes\n"
        "current-context: kubernetes-admin@kubernetes\nusers:\n- name: kubernetes-admin\n  user:\n"
        f"    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
    )


def server(address: str, port: int, folder: Path, objects: Objects) -> ThreadingHTTPServer:
    """The API server, not yet serving."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, date, text = objects.answer(self.path)
            body = text.encode()
            self.send_response_only(status)
            self.send_header("Date", date or self.date_time_string())
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    api = ThreadingHTTPServer((address, port), Handler)
    api.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    api.socket = context.wrap_socket(api.socket, server_side=True, do_handshake_on_connect=False)
    return api
