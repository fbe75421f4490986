"""Field by field: what a checkout says by its own rules against what the suite would send to hosts and the cluster."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from dlws.config.cluster import Cluster
from dlws.kubernetes import device_plugins, labels
from dlws.platform import image_names, services, web_files
from dlws.platform.renderings import Platform
from tests.upstream.oracle import BOOTSTRAP, IMAGES, Upstream

ABSENT: Final = "absent"
LONGEST: Final = 100
"""Characters of a value that are shown."""
PLUGINS: Final = ("nvidia-device-plugin", "a910-device-plugin")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same; the values as JSON, or `absent`."""

    place: str
    upstream: str
    suite: str

    def __str__(self) -> str:
        """`object DaemonSet kube-system/mysql: spec.minReadySeconds: absent -> 5`."""
        return f"{self.place}: {self.upstream} -> {self.suite}"


def differences(cluster: Cluster, upstream: Upstream, platform: Platform) -> list[Difference]:
    """Everything that differs, in a fixed order."""
    cnf = platform.renderer.cnf
    found = list(fields("parameter", upstream.cnf, cnf))
    for service in services.SERVICES:
        theirs = [document for _, document in upstream.objects(service.name)]
        found += _objects(theirs, [manifest.object for manifest in platform.manifests(service.name)])
    their_plugins = [document for name in PLUGINS for _, document in upstream.objects(name)]
    found += _objects(their_plugins, [plugin.manifest for plugin in device_plugins.plugins(cluster)])
    their_labels = upstream.labels()
    for node in cluster.nodes:
        found += fields(f"label {node.name}", their_labels[node.name], labels.for_node(cluster, node))
    found += _files(cluster, upstream, platform)
    found += _images(cluster, upstream, platform)
    return found


def _objects(theirs: Iterable[Any], ours: Iterable[Any]) -> Iterator[Difference]:
    left, right = ({key_of(document): document for document in documents} for documents in (theirs, ours))
    for key in dict.fromkeys([*left, *right]):
        if key in left and key in right:
            yield from fields(f"object {key}", _comparable(left[key]), _comparable(right[key]))
        else:
            yield Difference(f"object {key}", *("present" if key in side else ABSENT for side in (left, right)))


def key_of(document: Mapping[str, Any]) -> str:
    """Kind, namespace and name of an object: `DaemonSet kube-system/mysql`."""
    metadata = document["metadata"]
    return f"{document['kind']} {metadata.get('namespace', 'default')}/{metadata['name']}"


def _comparable(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object with its namespace; of a ConfigMap whose files are YAML or JSON what they say, not how."""
    document = {**document, "metadata": {"namespace": "default", **document["metadata"]}}
    data = document.get("data") or {}
    return {**document, "data": {name: _parsed(name, text) for name, text in data.items()}} if data else document


def _parsed(name: str, text: str) -> Any:
    try:
        if name.endswith(".json"):
            return json.loads(text)
        return yaml.load(text, Loader=yaml.BaseLoader) if name.endswith((".rules", ".yml", ".yaml")) else text
    except (yaml.YAMLError, ValueError):
        return text


def _files(cluster: Cluster, upstream: Upstream, platform: Platform) -> Iterator[Difference]:
    ours = {file.source.template: (file.path, file.text) for file in platform.host_files}
    ours[web_files.NGINX_ROUTES] = (web_files.NGINX_FILE, platform.routes)
    for template, (path, text) in ours.items():
        theirs = upstream.text(Path(template)) or ""
        if template.endswith(".yaml"):
            sides = (yaml.load(side, Loader=yaml.BaseLoader) for side in (theirs, text))
            yield from fields(f"file {path}", *sides)
        else:
            yield from _lines(f"file {path}", theirs, text)
    for folder in ("WebUI", "RestfulAPI", "UserDashboard"):
        for file in sorted((upstream.root / BOOTSTRAP / "template" / folder).iterdir()):
            if str(file.relative_to(upstream.root)) not in ours:
                yield Difference(f"file of {folder}/{file.name}", "present", ABSENT)
    yield from fields(
        f"file {web_files.FQDN_FILE}",
        {name: upstream.full_name(name) for name in upstream.cnf["machines"]},
        {node.name: node.fqdn for node in cluster.nodes},
    )


def _images(cluster: Cluster, upstream: Upstream, platform: Platform) -> Iterator[Difference]:
    for arch in cluster.archs:
        for build in platform.builds(arch):
            folder = Path(platform.renderer.checkout.image_folder(build.image.name)).name
            theirs = {"name": upstream.image_name(folder, arch), "dockerfile": upstream.dockerfile(folder, arch)}
            ours = {"name": build.full_name, "dockerfile": build.dockerfile}
            yield from fields(f"image {build.image.name} {arch}", theirs, ours)
    for image in image_names.BUILT:
        folder = Path(platform.renderer.checkout.image_folder(image.name)).name
        yield from _context(folder, image, upstream, platform)


def _context(folder: str, image: image_names.Image, upstream: Upstream, platform: Platform) -> Iterator[Difference]:
    """The files of an image's own folder. Those that prebuild.sh copies are not looked at: it is not run."""
    copied = {target.split("/")[0] for _, target in image.copies}
    ours = {file.path: file.content for file in image_names.context(platform.renderer, image)}
    root = upstream.root / IMAGES / folder
    theirs = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    for name in sorted(name for name in ours.keys() | theirs.keys() if name.split("/")[0] not in copied):
        place = f"image {image.name}: {name}"
        if name not in ours or name not in theirs:
            yield Difference(place, *("present" if name in side else ABSENT for side in (theirs, ours)))
            continue
        rendered = upstream.text(theirs[name].relative_to(upstream.root))
        before = theirs[name].read_bytes() if rendered is None else rendered.encode()
        if before.rstrip(b"\n") != ours[name].rstrip(b"\n"):
            yield from _lines(place, before.decode(errors="replace"), ours[name].decode(errors="replace"))


def _lines(place: str, theirs: str, ours: str) -> Iterator[Difference]:
    """The lines that differ, not counting empty ones at the end: Jinja2 drops one."""
    for line in difflib.ndiff(theirs.rstrip("\n").splitlines(), ours.rstrip("\n").splitlines()):
        if line.startswith("- "):
            yield Difference(place, _shown(line[2:]), ABSENT)
        elif line.startswith("+ "):
            yield Difference(place, ABSENT, _shown(line[2:]))


def fields(place: str, theirs: Any, ours: Any) -> Iterator[Difference]:
    """The plain values of two things that are not the same, each by its path."""
    left, right = dict(_leaves(theirs, "")), dict(_leaves(ours, ""))
    for path in dict.fromkeys([*left, *right]):
        before, after = left.get(path, ABSENT), right.get(path, ABSENT)
        if before != after:
            yield Difference(f"{place}: {path}", before, after)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every plain value by its path; the members of a list by their name, key or port where they have one."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple | set) and value:
        members = list(value) if not isinstance(value, set) else sorted(value, key=str)
        seen: Counter[str] = Counter()
        for place, member in enumerate(members):
            name = _name(member, place)
            seen[name] += 1
            yield from _leaves(member, f"{path}[{name}]" if seen[name] == 1 else f"{path}[{name} again]")
    else:
        yield path, _shown(value)


def _name(member: Any, place: int) -> str:
    """What tells a member from its neighbours."""
    if not isinstance(member, Mapping):
        return str(place)
    given = [
        str(member[key]) for key in ("mountPath", "name", "key", "containerPort", "port", "alert") if key in member
    ]
    return given[0] if given else str(place)


def _shown(value: Any) -> str:
    """A value as JSON. Plain ones as text: Kubernetes' YAML and the suite's may differ in 1 and "1" alone."""
    if value is None or value in ({}, [], ()):
        return "empty"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    shown = json.dumps(text, ensure_ascii=False)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}... ({len(text)} characters)"
