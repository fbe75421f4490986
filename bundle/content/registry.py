"""Images of either architecture from a registry, over the OCI distribution API, without a container runtime.

`docker pull --platform` needs a daemon, and writes the image into it; skopeo is not in Ubuntu 18.04 or 20.04. Here are
four kinds of request, each answer held to its SHA-256. Source: OCI distribution specification 1.1 (pull), Docker's
token authentication. Proxies are the environment's (http_proxy, https_proxy, no_proxy).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final

from dlws.content.lock import ContentError
from dlws.inventory import Arch

HUB: Final = "registry-1.docker.io"
HUB_LOGINS: Final = ("https://index.docker.io/v1/", "docker.io", "index.docker.io")
MANIFESTS: Final = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
LARGEST_JSON: Final = 16 << 20  # bytes
PATIENCE: Final = 60.0  # seconds without a byte
PIECE: Final = 1 << 20  # bytes
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750, b64token."""


@dataclass(frozen=True, slots=True)
class Place:
    """An image's registry, repository and tag: `registry-1.docker.io`, `library/redis`, `5.0.6-alpine`."""

    registry: str
    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A configuration or a layer in a registry: its digest, its bytes, its media type."""

    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image for one architecture as its registry has it: the digest of its manifest, configuration and layers."""

    place: Place
    digest: str
    config: bytes = field(repr=False)
    layers: tuple[Blob, ...]


def place_of(image: str) -> Place:
    """Where Docker would pull an image from. ContentError for a name with a digest, which no archive keeps."""
    if "@" in image:
        raise ContentError(f"{image}: name it by its tag: docker load does not keep a digest")
    first, slash, rest = image.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if has_registry and first != "docker.io" else (HUB, rest if has_registry else image)
    name, colon, tag = path.rpartition(":")
    repository, tag = (name, tag) if colon else (path, "latest")
    return Place(registry, f"library/{repository}" if registry == HUB and "/" not in repository else repository, tag)


def mirrored(place: Place, mirrors: Mapping[str, str]) -> Place:
    """The same image in the mirror of its registry, `HOST:PORT` or `HOST/PATH`, if it has one."""
    name = "docker.io" if place.registry == HUB else place.registry
    registry, slash, path = mirrors.get(name, "").partition("/")
    return Place(registry, f"{path}{slash}{place.repository}", place.tag) if registry else place


@dataclass(slots=True)
class Client:
    """Asks registries for images. `auths` are logins in Docker's form; `plain` are registries that speak http.

    `mirrors` are asked instead of a registry: `{"docker.io": "192.168.3.9:5000", "k8s.gcr.io": "mirror.example/k8s"}`.
    """

    auths: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    plain: frozenset[str] = frozenset()
    mirrors: Mapping[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def image(self, name: str, arch: Arch) -> RemoteImage:
        """An image for an architecture. ContentError if the registry has none, or answers something else."""
        place = mirrored(place_of(name), self.mirrors)
        digest, manifest = self._manifest(place, place.tag)
        if "manifests" in manifest:
            digest, manifest = self._manifest(place, _entry(manifest, arch, name))
        try:
            head, layers = _blob(manifest["config"]), tuple(map(_blob, manifest["layers"]))
        except (KeyError, TypeError, ValueError):
            raise ContentError(
                f"{name}: the registry's manifest is of a kind that Docker 1.10 had; push it anew"
            ) from None
        config = self._whole(place, f"blobs/{head.digest}", "*/*")
        _demand(config, head.digest, name)
        found = _architecture(config, name)
        if found != arch:
            raise ContentError(f"{name}: the registry has it for {found}, not for {arch}")
        return RemoteImage(place, digest, config, layers)

    def download(self, image: RemoteImage, blob: Blob, target: Path) -> None:
        """Write a blob to a file, whole and with its digest, or not at all. ContentError."""
        part, digest = target.with_name(f"{target.name}.part"), hashlib.sha256()
        with self._opened(image.place, f"blobs/{blob.digest}", "*/*") as answer, part.open("wb") as file:
            while piece := answer.read(PIECE):
                digest.update(piece)
                file.write(piece)
                if file.tell() > blob.size:
                    break
        if f"sha256:{digest.hexdigest()}" != blob.digest:
            part.unlink()
            raise ContentError(f"{image.place.registry}: {blob.digest} arrived as something else: try again")
        part.replace(target)

    def _manifest(self, place: Place, reference: str) -> tuple[str, dict[str, Any]]:
        body = self._whole(place, f"manifests/{reference}", ", ".join(MANIFESTS))
        if DIGEST.fullmatch(reference):
            _demand(body, reference, place.repository)
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ContentError(f"{place.registry}: no manifest for {place.repository}:{reference}")
        return f"sha256:{hashlib.sha256(body).hexdigest()}", found

    def _whole(self, place: Place, what: str, kinds: str) -> bytes:
        with self._opened(place, what, kinds) as answer:
            body = answer.read(LARGEST_JSON + 1)
        if len(body) > LARGEST_JSON:
            raise ContentError(
                f"{place.registry}: {what} of {place.repository} is larger than {LARGEST_JSON >> 20} MiB"
            )
        return body

    @contextmanager
    def _opened(self, place: Place, what: str, kinds: str) -> Iterator[HTTPResponse]:
        """The answer to a GET, after a login where the registry asks for one. ContentError."""
        url = f"{self._scheme(place.registry)}://{place.registry}/v2/{place.repository}/{what}"
        scope = f"{place.registry}/{place.repository}"
        try:
            try:
                answer = _get(url, kinds, self._tokens.get(scope))
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
                self._tokens[scope] = self._login(place.registry, error.headers.get("WWW-Authenticate") or "")
                answer = _get(url, kinds, self._tokens[scope])
            with answer:
                yield answer
        except urllib.error.HTTPError as error:
            words = "there is none" if error.code == 404 else f"the registry answers {error.code} {error.reason}"
            raise ContentError(f"{place.registry}/{place.repository}: {what.partition(':')[0]}: {words}") from None
        except (OSError, HTTPException, ssl.SSLError) as error:
            raise ContentError(f"{place.registry}: {getattr(error, 'reason', None) or error}") from None
        except ValueError:  # of urllib, for an address that is none
            raise ContentError(f"{place.registry}: it leads to an address that is not understood") from None

    def _scheme(self, registry: str) -> str:
        host = registry.partition(":")[0]
        return "http" if registry in self.plain or host == "localhost" or host.startswith("127.") else "https"

    def _login(self, registry: str, challenge: str) -> str:
        """The Authorization that a registry's challenge asks for. A login goes to no place without encryption."""
        basic = self._basic(registry)
        told = dict(re.findall(r'([a-z]+)="([^"]*)"', challenge))
        if challenge.lower().startswith("basic"):
            if basic is None:
                raise ContentError(f"{registry} asks for a login: name it in suite.registry_config")
            return f"Basic {basic}"
        realm = told.get("realm", "")
        safe = realm.startswith("https://") or (realm.startswith("http://") and self._scheme(registry) == "http")
        if not safe:
            raise ContentError(f"{registry} asks for a login in a way that is not understood")
        query = urllib.parse.urlencode({k: told[k] for k in ("service", "scope") if k in told})
        with _get(f"{realm}?{query}", "application/json", f"Basic {basic}" if basic else None) as answer:
            body = answer.read(LARGEST_JSON)
        try:
            found = json.loads(body)
            token = found.get("token") or found.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise ContentError(f"{registry}: its token service gave none")
        return f"Bearer {token}"

    def _basic(self, registry: str) -> str | None:
        names = HUB_LOGINS if registry == HUB else (registry, f"https://{registry}", f"https://{registry}/v1/")
        login = next((self.auths[name].get("auth") for name in names if name in self.auths), None)
        try:
            base64.b64decode(login or "", validate=True)
        except ValueError:
            raise ContentError(f"suite.registry_config: the login to {registry} is not base64") from None
        return login


def _get(url: str, kinds: str, authorization: str | None) -> HTTPResponse:
    request = urllib.request.Request(url, headers={"Accept": kinds})
    if authorization:
        request.add_unredirected_header("Authorization", authorization)  # a layer's storage is another's server
    return urllib.request.urlopen(request, timeout=PATIENCE)  # type: ignore[no-any-return]


def _entry(index: Mapping[str, Any], arch: Arch, name: str) -> str:
    """The digest of an architecture's manifest in an index."""
    try:
        kinds = [(m["platform"]["os"], m["platform"]["architecture"], str(m["digest"])) for m in index["manifests"]]
    except (KeyError, TypeError):
        raise ContentError(f"{name}: the registry's index of architectures is not understood") from None
    found = [digest for system, its, digest in kinds if (system, its) == ("linux", arch) and DIGEST.fullmatch(digest)]
    if not found:
        there = ", ".join(sorted({str(its) for system, its, _ in kinds if system == "linux"})) or "none"
        raise ContentError(f"{name}: the registry does not have it for {arch}, only for {there}")
    return found[0]


def _blob(entry: Mapping[str, Any]) -> Blob:
    if not DIGEST.fullmatch(str(entry["digest"])):
        raise ValueError(entry["digest"])
    return Blob(str(entry["digest"]), int(entry["size"]), str(entry["mediaType"]))


def _architecture(config: bytes, name: str) -> str:
    try:
        return str(json.loads(config)["architecture"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ContentError(f"{name}: its configuration in the registry names no architecture") from None


def _demand(body: bytes, digest: str, name: str) -> None:
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
        raise ContentError(f"{name}: the registry's answer is not {digest}")
