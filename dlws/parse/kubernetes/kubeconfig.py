"""A kubeconfig as kubeadm writes it (admin.conf): one server, its CA, one client certificate with its key."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from dlws.parse import plain_yaml
from dlws.parse.text import unparsable

SOURCE = "kubeconfig"
_KEY = "(?:client-certificate|certificate-authority)"
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """`name` and `port` are from the server's URL; the certificates and the key are PEM and hidden from the repr."""

    name: str
    port: int
    ca: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


def parse(text: str) -> Kubeconfig:
    """The current context of a kubeconfig. Raises Unparsable if it is truncated or has other kinds of credentials."""
    try:
        config = plain_yaml.load(text)
        context = _named(config, "contexts", str(config["current-context"]))["context"]
        cluster = _named(config, "clusters", str(context["cluster"]))["cluster"]
        user = _named(config, "users", str(context["user"]))["user"]
        url = urlsplit(str(cluster["server"]))
        name, port = url.hostname, url.port or 443
        pems = [
            _decoded(section[key])
            for section, key in (
                (cluster, "certificate-authority-data"),
                (user, "client-certificate-data"),
                (user, "client-key-data"),
            )
        ]
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise unparsable(
            SOURCE, why=f"not understood ({type(error).__name__})"
        ) from None  # the error's text may contain the key
    except LookupError as error:
        raise unparsable(SOURCE, why=f"there is no {error.args[0]}") from None
    if url.scheme != "https" or not name:
        raise unparsable(SOURCE, str(cluster["server"]), "the server is not an https URL")
    return Kubeconfig(name, port, *pems)


def certificates(text: str) -> tuple[bytes, ...]:
    """The certificates (PEM) of a kubeconfig's lines: of its `*-data` keys, and the files behind those with a path.

    It does not need `client-key-data`, so the key need not leave its host. Raises Unparsable if there are none, and if
    there are fewer files than paths.
    """
    lines = re.findall(rf"^[ \t]*{_KEY}-data:\s*(\S+)\s*$", text, re.MULTILINE)
    paths = re.findall(rf"^[ \t]*{_KEY}:\s*(\S.*)$", text, re.MULTILINE)
    files = _BLOCK.findall(text)
    if not lines and not paths:
        raise unparsable(SOURCE, text.strip().partition("\n")[0], "no certificate in")
    if len(files) < len(paths):
        raise unparsable(SOURCE, paths[-1], "no certificate in a file that it names")
    try:
        return tuple(_decoded(line) for line in lines) + tuple(block.encode() for block in files)
    except ValueError:
        raise unparsable(SOURCE, why="a certificate in it is not base64") from None


def _named(config: Any, section: str, name: str) -> Any:
    for entry in config[section]:
        if entry["name"] == name:
            return entry
    raise LookupError(f"{name!r} among its {section}")


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
