"""A kubeconfig as kubeadm writes it (admin.conf): one server, its CA, one client certificate with its key."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from dlws.parse.text import unparsable

SOURCE = "kubeconfig"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """`name` and `port` are of the server's URL; the certificates and the key are PEM. The repr shows no key."""

    name: str
    port: int
    ca: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


def parse(text: str) -> Kubeconfig:
    """The current context of a kubeconfig. Unparsable when it is cut off or holds its credentials otherwise."""
    try:
        whole = yaml.safe_load(text)
        context = _named(whole, "contexts", str(whole["current-context"]))["context"]
        cluster = _named(whole, "clusters", str(context["cluster"]))["cluster"]
        user = _named(whole, "users", str(context["user"]))["user"]
        url = urlsplit(str(cluster["server"]))
        name, port = url.hostname, url.port or 443
        found = [
            _decoded(section[key])
            for section, key in (
                (cluster, "certificate-authority-data"),
                (user, "client-certificate-data"),
                (user, "client-key-data"),
            )
        ]
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise unparsable(SOURCE, why=f"not understood ({type(error).__name__})") from None  # its words hold the key
    except LookupError as error:
        raise unparsable(SOURCE, why=f"there is no {error.args[0]}") from None
    if url.scheme != "https" or not name:
        raise unparsable(SOURCE, str(cluster["server"]), "the server is no https URL")
    return Kubeconfig(name, port, *found)


def embedded(text: str) -> tuple[bytes, ...]:
    """Certificates in the `*-data` lines of a kubeconfig, or of what `grep -h certificate` shows of it, as PEM.

    Made to be fed lines without `client-key-data`: the key need not leave its host. Unparsable without any.
    """
    lines = re.findall(r"^\s*(?:client-certificate|certificate-authority)-data:\s*(\S+)\s*$", text, re.MULTILINE)
    if not lines:
        raise unparsable(SOURCE, text.strip().partition("\n")[0], "no certificate in")
    try:
        return tuple(_decoded(line) for line in lines)
    except ValueError:
        raise unparsable(SOURCE, why="a certificate in it is not base64") from None


def _named(whole: Any, section: str, name: str) -> Any:
    for entry in whole[section]:
        if entry["name"] == name:
            return entry
    raise LookupError(f"{name!r} among its {section}")


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
