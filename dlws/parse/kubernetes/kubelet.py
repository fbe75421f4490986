"""A kubelet's configuration: /var/lib/kubelet/config.yaml, overridden by its flags.

kubeadm's drop-in starts it with `$KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS`, from kubeadm-flags.env and then
/etc/default/kubelet: a variable of the second file replaces that of the first, and of two equal flags the last counts.
Another drop-in may set a variable, which either file replaces, or start the kubelet with other words (systemd.exec(5)).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import yaml

from dlws.parse import plain_yaml, switches
from dlws.parse.text import clean, lines, unparsable

CONFIG = "/var/lib/kubelet/config.yaml"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
DEFAULTS = "/etc/default/kubelet"
UNIT = "kubelet.service"
START = "ExecStart=/usr/bin/kubelet $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS"
"""What kubeadm's drop-in says of how it starts, as far as it is of interest here."""
_WORDS = re.compile(r"\$(\w+)")
_PART = re.compile(r"\$(?:\{(?P<name>\w+)\}|\$)")
"""A variable on a command line of systemd.service(5): as many words as it has, or a part of one; `$$` is a `$`."""
_READ = "KUBELET_"
"""How the variables begin that are read of a unit wherever it sets them; of others not all are (`facts.kube_host`)."""
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Kubelet:
    """The values in force, including kubelet's own defaults; `node_ip` is empty if not set.

    `resolv_conf` is empty where a flag says so: then pods inherit no name servers (kubelet --help). `cluster_dns` and
    `cluster_domain` are what pods are given instead of the host's. `client_ca` is empty where no client certificate is
    taken; `gc_threshold` is the usage of the images' disk, in percent, from which on images are deleted.
    """

    cgroup_driver: str
    resolv_conf: str
    node_ip: str
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = ""
    rotates_certificates: bool = False
    protects_kernel: bool = False
    lets_anybody_ask: bool = False
    authorization: str = "Webhook"
    client_ca: str = ""
    read_only_port: str = "0"
    gc_threshold: str = "85"


def parse(config: str, flags: str, defaults: str = "", unit: str = START) -> Kubelet:
    """How the kubelet starts next: by config.yaml, kubeadm-flags.env, /etc/default/kubelet and its unit.

    Of the unit with its drop-ins, in systemd's order, these are the lines `Environment=` and `ExecStart=`.
    """
    from_files = _environment(FLAGS, flags)
    if "KUBELET_KUBEADM_ARGS" not in from_files:
        raise unparsable(FLAGS, flags.strip().partition("\n")[0])
    from_files |= _environment(DEFAULTS, defaults)
    variables, command = _of_unit(unit)
    return _kubelet(config, _words(command, variables | from_files))


def running(config: str, command_line: str) -> Kubelet:
    """How the kubelet runs: by config.yaml and its command line, one word in each line."""
    return _kubelet(config, clean("kubelet's command line", command_line).split("\n")[1:])


def _kubelet(config: str, words: list[str]) -> Kubelet:
    try:
        from_file = _content(clean(CONFIG, config))
    except yaml.YAMLError as error:
        raise unparsable(CONFIG, str(error).splitlines()[0]) from error
    if not isinstance(from_file, dict) or from_file.get("kind") != "KubeletConfiguration":
        raise unparsable(CONFIG, config.strip().partition("\n")[0])
    from_flags = _flags(words)
    if (path := from_flags.get("config", CONFIG)) != CONFIG:
        raise unparsable("the kubelet's command line", path, f"it reads another file than {CONFIG}")
    full = from_file.get("imageGCHighThresholdPercent") or 85
    asks, decides = _section(from_file, "authentication"), _section(from_file, "authorization")
    return Kubelet(
        cgroup_driver=from_flags.get("cgroup-driver") or str(from_file.get("cgroupDriver") or "cgroupfs"),
        resolv_conf=from_flags.get("resolv-conf", str(from_file.get("resolvConf") or "/etc/resolv.conf")),
        node_ip=from_flags.get("node-ip", ""),
        cluster_dns=_addresses(from_flags.get("cluster-dns") or from_file.get("clusterDNS") or ()),
        cluster_domain=from_flags.get("cluster-domain") or str(from_file.get("clusterDomain") or ""),
        rotates_certificates=_is_on(from_flags.get("rotate-certificates"), from_file.get("rotateCertificates")),
        protects_kernel=_is_on(from_flags.get("protect-kernel-defaults"), from_file.get("protectKernelDefaults")),
        lets_anybody_ask=_is_on(from_flags.get("anonymous-auth"), _section(asks, "anonymous").get("enabled")),
        authorization=from_flags.get("authorization-mode") or str(decides.get("mode") or "Webhook"),
        client_ca=from_flags.get("client-ca-file", str(_section(asks, "x509").get("clientCAFile") or "")),
        read_only_port=from_flags.get("read-only-port") or str(from_file.get("readOnlyPort") or 0),
        gc_threshold=from_flags.get("image-gc-high-threshold") or str(full),
    )


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name) or {}
    if not isinstance(found, dict):
        raise unparsable(CONFIG, why=f"{name} is no mapping")
    return found


def _is_on(flag: str | None, written: object) -> bool:
    """Whether a switch is on, by its flag if there is one: by itself, before whatever word, that is yes."""
    return written is True if flag is None else flag not in switches.OFF


def _addresses(value: str | Iterable[object]) -> tuple[str, ...]:
    """Name servers: of a flag with commas between them, of the file a list."""
    return tuple(map(str, value.split(",") if isinstance(value, str) else value))


def settings(text: str) -> Mapping[str, Any]:
    """The settings in the kubelet's configuration file. Raises Unparsable if it is not a YAML mapping."""
    try:
        content = _content(text)
    except yaml.YAMLError:
        raise unparsable(CONFIG, why="not YAML") from None
    if not isinstance(content, dict):
        raise unparsable(CONFIG, text.partition("\n")[0])
    return content


@lru_cache(maxsize=64)
def _content(text: str) -> Any:
    """What the file says. kubeadm writes the same one on every host, and six checks of each read it: 5 ms a time.

    By PyYAML's own parser: libyaml's overflows the stack on what a hostile host can write. Raises yaml.YAMLError.
    """
    return plain_yaml.load(text)


def _flags(words: list[str]) -> dict[str, str]:
    """The values of flags; pflag takes the next word as that of one without `=`, and `_` for `-` in its name."""
    found: dict[str, str] = {}
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--"):
            found[name.replace("_", "-")] = value if equals else following
    return found


def _environment(source: str, text: str) -> dict[str, str]:
    """The variables of an EnvironmentFile (systemd.exec(5)): comments, values in either quotes or none."""
    found: dict[str, str] = {}
    for line in (line.strip() for line in clean(source, text).replace("\\\n", "").split("\n")):
        if not line or line.startswith(("#", ";")):
            continue
        row = _VARIABLE.fullmatch(line)
        value = row["value"].strip() if row else ""
        quote = value[:1] if value[:1] in ("'", '"') else ""
        if row is None or (quote and (len(value) < 2 or not value.endswith(quote))):
            raise unparsable(source, line)
        found[row["name"]] = value[1:-1] if quote else value
    return found


def _of_unit(text: str) -> tuple[dict[str, str], str]:
    """The variables that a unit sets, and its command line. An empty line takes back those before it."""
    variables: dict[str, str] = {}
    command = ""
    for line in lines(UNIT, text):
        name, _, value = line.partition("=")
        if name == "ExecStart":
            command = value.strip()
        elif name == "Environment":
            pairs = [word.partition("=") for word in _split(value, UNIT)]
            variables = variables | {key: word for key, _, word in pairs} if pairs else {}
        else:
            raise unparsable(UNIT, line)
    if not command:
        raise unparsable(UNIT, why="no ExecStart")
    return variables, command


def _words(command: str, variables: Mapping[str, str]) -> list[str]:
    """The words of a command line with those of its variables, without the program itself."""
    found: list[str] = []
    for word in _split(command, UNIT)[1:]:
        if several := _WORDS.fullmatch(word):
            found += _split(_value(several[1], variables))
        else:
            found.append(_PART.sub(lambda part: _value(part["name"], variables) if part["name"] else "$", word))
    return found


def _value(name: str, variables: Mapping[str, str]) -> str:
    """A variable, empty where nobody sets it. Raises Unparsable for one that may be set where nothing is read."""
    if name not in variables and not name.startswith(_READ):
        raise unparsable(UNIT, name, "no value of the variable")
    return variables.get(name, "")


def _split(value: str, source: str = FLAGS) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise unparsable(source, value, str(error)) from error
