"""The apt sources of a host that the suite adds, and what apt could install from all of its sources."""

from __future__ import annotations

from dlws.config import shares
from dlws.config.cluster import Cluster
from dlws.facts import kube_host
from dlws.facts.files import configured_file, text_of
from dlws.facts.network import resolver_of
from dlws.facts.packages import missing_packages
from dlws.hostfiles import apt_source
from dlws.hostfiles.apt_source import AptSource
from dlws.inventory import Device, Node
from dlws.parse.host import apt_policy
from dlws.remote.host import Host
from dlws.verdict import Unknown

MISSING_PROGRAMS = "for p in {}; do command -v $p >/dev/null || echo $p; done"
SEARCH_DOMAIN = ("resolvconf",)
"""The package that keeps a host's search domain (runbook 2.4)."""
ANY_LIST = "find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit"


def keyring(source: AptSource) -> bytes:
    """The configured key of a source in the form of a keyring, empty for none. Unknown when the file is none."""
    if source.key is None:
        return b""
    try:
        return apt_source.binary(configured_file(source.key))
    except ValueError as error:
        raise Unknown(f"the configuration names {source.key}: {error}") from None


def keys_trusted_for_all(host: Host, source: AptSource) -> list[str]:
    """The files that earlier versions of the suite left of a source's key, where it vouches for every source."""
    return [path for path in source.former_keyrings if host.file(path).exists]


def all_sources(cluster: Cluster, node: Node) -> tuple[AptSource, ...]:
    """Every source that the configuration adds to a host: of `suite.apt_sources`, and Kubernetes'."""
    return (*cluster.apt_sources(node), *([cluster.kubernetes_source] if cluster.kubernetes_source else []))


def absent_sources(cluster: Cluster, node: Node, host: Host) -> list[str]:
    """The names of those that apt on the host does not have yet."""
    return [s.name for s in all_sources(cluster, node) if (text_of(host, s.path) or "").strip() != s.text]


def packages_by_stage(cluster: Cluster, node: Node) -> dict[str, tuple[str, ...]]:
    """What each stage of the runbook installs by apt on a host that has nothing yet: `name` or `name=version`."""
    packages = cluster.suite.packages
    return {
        "node_packages": packages.node,
        "docker": packages.docker,
        "gpu_runtime": packages.gpu_runtime if node.device is Device.GPU else (),
        "nfs_server": packages.nfs_server if shares.served_by(cluster, node) else (),
        "kube_packages": () if cluster.packages_folder else tuple(kube_host.packages_of(cluster)),
        "search_domain": SEARCH_DOMAIN,
    }


def packages_to_install(cluster: Cluster, node: Node, host: Host) -> list[str]:
    """What the stages of the runbook would install on a host now, `name` or `name=version`.

    Like the stages it leaves Docker and the GPU runtime alone where they are there already, by whatever package.
    """
    programs = ["dockerd", *(["nvidia-container-runtime"] if node.device is Device.GPU else [])]
    lacking = host.lines(MISSING_PROGRAMS.format(" ".join(programs)))
    wanted = packages_by_stage(cluster, node)
    if "dockerd" not in lacking:
        wanted["docker"] = ()
    if "nvidia-container-runtime" not in lacking:
        wanted["gpu_runtime"] = ()
    if resolver_of(host).searches(cluster.domain):
        wanted["search_domain"] = ()
    return missing_packages(host, list(dict.fromkeys(name for names in wanted.values() for name in names)))


def without_candidate(host: Host, packages: list[str]) -> list[str]:
    """Those of the packages, `name` or `name=version`, that apt could not install from the lists that it has."""
    if not packages:
        return []
    names = list(dict.fromkeys(entry.partition("=")[0] for entry in packages))
    known = apt_policy.parse(host.read("apt-cache policy " + " ".join(["%s"] * len(names)), *names))
    offered = {entry: known.get(entry.partition("=")[0]) for entry in packages}
    return [e for e, policy in offered.items() if policy is None or not policy.offers(e.partition("=")[2])]


def has_lists(host: Host) -> bool:
    """Whether apt has a list of packages at all; a fresh image often has none until the first `apt-get update`."""
    return bool(host.read(ANY_LIST).strip())
