"""The images that a cluster of the lab runs, as `docker load` archives, named as kubeadm names them.

Control plane: the commands built by lab.kubernetes, etcd of the distribution, pause of the source tree. Stand-ins:
CoreDNS, the pod network, and the two device plugins (lab/go).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lab import debs, image_archive, kubernetes
from lab.image import digest
from lab.image_archive import Image, write
from lab.plan import IMAGES, cache
from lab.process import LabError, run, say

REGISTRY = "k8s.gcr.io"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
NET_TOOLS = ("iptables", "conntrack", "busybox")
ETCD = ("etcd-server", "etcd-client")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"

KUBE_PROXY = """#!/bin/sh
# In a nested container nf_conntrack_max belongs to another kernel's owner and cannot be written; kube-proxy would give
# up over it. So that its own configuration may stay as kubeadm writes it, the limit is taken out of a copy.
config=/var/lib/kube-proxy/config.conf
limit=/proc/sys/net/netfilter/nf_conntrack_max
if ! (cat $limit > $limit) 2> /dev/null; then
    sed -e 's/^\\( *\\)maxPerCore: .*/\\1maxPerCore: 0/' "$config" > /tmp/config.conf
    for word; do
        shift
        [ "$word" = "--config=$config" ] && word=--config=/tmp/config.conf
        set -- "$@" "$word"
    done
fi
exec /usr/local/bin/kube-proxy.real "$@"
"""


def ensure() -> None:
    """Write the archives unless they are there, made by this recipe; hard links from the cache, so `state` is cheap."""
    binaries = kubernetes.ensure()
    makers = [Path(path).read_bytes() for path in (__file__, image_archive.__file__, debs.__file__)]
    recipe = digest(binaries.name.encode(), *makers)
    kept = cache() / "images" / recipe
    if not kept.is_dir():
        _make(binaries, kept)
        kubernetes.keep_newest(kept.parent)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for archive in kept.iterdir():
        place = IMAGES / archive.name
        if not place.exists() or not place.samefile(archive):
            place.unlink(missing_ok=True)
            try:
                place.hardlink_to(archive)
            except OSError:  # another file system
                shutil.copyfile(archive, place)


def _make(binaries: Path, kept: Path) -> None:
    say("writing the cluster's images")
    (cache() / "build").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache() / "build") as folder:
        work = Path(folder)
        images = cluster_images(binaries, work)
        kubeadm, version = str(binaries / "kubeadm"), f"v{kubernetes.VERSION}"
        wanted = run(kubeadm, "config", "images", "list", "--kubernetes-version", version)
        if missing := set(wanted.split()) - {image.reference for image in images}:
            raise LabError(f"kubeadm wants images that the lab does not make: {', '.join(sorted(missing))}")
        (work / "out").mkdir()
        for image in images:
            write(image, work / "out")
        kept.parent.mkdir(parents=True, exist_ok=True)
        (work / "out").rename(kept)


def cluster_images(binaries: Path, work: Path) -> list[Image]:
    """Everything a cluster runs; `work` takes unpacked packages."""
    net = debs.extract(work / "net", *debs.closure(*NET_TOOLS))
    etcd = debs.extract(work / "etcd", *ETCD)
    return [
        *(_one(f"{REGISTRY}/{name}:v{kubernetes.VERSION}", binaries / name) for name in CONTROL_PLANE),
        _kube_proxy(binaries, net),
        _etcd(etcd, net),
        Image(f"{REGISTRY}/pause:3.2", {"pause": binaries / "pause"}, entrypoint=["/pause"]),
        Image(
            f"{REGISTRY}/coredns:1.7.0",
            {"coredns": binaries / "coredns", "etc/passwd": PASSWD},
            entrypoint=["/coredns"],
        ),
        _pod_network(binaries, net),
        _device_plugin("nvidia/k8s-device-plugin:1.11", "gpu", binaries, {"NVIDIA_VISIBLE_DEVICES": "all"}),
        _device_plugin("apulistech/a910-device-plugin:devel3", "npu", binaries, {}),
        _busybox(net),
    ]


def _one(reference: str, binary: Path) -> Image:
    """A static command at the place where kubeadm's static pods call it."""
    return Image(reference, {f"usr/local/bin/{binary.name}": binary, "etc/passwd": PASSWD})


def _tree(root: Path) -> dict[str, Path | str]:
    """The unpacked packages of `root` as they are, without their documentation."""
    shutil.rmtree(root / "usr" / "share" / "doc", ignore_errors=True)
    return {path.name: path for path in root.iterdir()}


def _shell(*applets: str) -> dict[str, str]:
    return {f"bin/{applet}": "busybox" for applet in ("sh", *applets)}


def _iptables() -> dict[str, str]:
    """Debian's alternatives make these links when the package is installed."""
    names = [f"{family}{rest}" for family in ("iptables", "ip6tables") for rest in ("", "-save", "-restore")]
    return {f"usr/sbin/{name}": "xtables-nft-multi" for name in names}


def _kube_proxy(binaries: Path, net: Path) -> Image:
    place = "usr/local/bin/kube-proxy"
    return Image(
        f"{REGISTRY}/kube-proxy:v{kubernetes.VERSION}",
        {**_tree(net), place: KUBE_PROXY, f"{place}.real": binaries / "kube-proxy"},
        {**_shell("cat", "sed"), **_iptables()},
    )


def _etcd(etcd: Path, net: Path) -> Image:
    """etcd with the C library that it is linked to."""
    content: dict[str, Path | str] = {name: net / name for name in ("lib", "lib64")}
    content |= {f"usr/local/bin/{name}": etcd / "usr" / "bin" / name for name in ("etcd", "etcdctl")}
    return Image(f"{REGISTRY}/etcd:3.4.13-0", content, _shell(), folders=("tmp", "var/lib/etcd"))


def _pod_network(binaries: Path, net: Path) -> Image:
    content = {**_tree(net), "usr/local/bin/cni": binaries / "cni"}
    return Image("dlws-lab/cni:1", content, {**_shell(), **_iptables()}, entrypoint=["/usr/local/bin/cni"])


def _device_plugin(reference: str, kind: str, binaries: Path, extra: dict[str, str]) -> Image:
    content: dict[str, Path | str] = {"usr/bin/device-plugin": binaries / "device-plugin", "etc/passwd": PASSWD}
    environment = {"DEVICE_KIND": kind, **extra}
    return Image(reference, content, entrypoint=["/usr/bin/device-plugin"], environment=environment)


def _busybox(net: Path) -> Image:
    """For pods that probe. Not the static one: its name look-ups want libraries that it would then have to load."""
    names = run(str(net / "bin" / "busybox"), "--list").split()
    content: dict[str, Path | str] = {name: net / name for name in ("bin", "lib", "lib64")}
    content |= {"etc/passwd": PASSWD, "etc/nsswitch.conf": "hosts: files dns\n"}
    return Image(
        "busybox:1", content, _shell(*(name for name in names if name not in ("busybox", "sh"))), command=["sh"]
    )
