"""kubeadm's images by kubeadm's own word: the fetched package is unpacked, and its program asked on this machine."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bundle.debian import files_of
from bundle.process import BundleError, output_of
from dlws.config.cluster import Cluster
from dlws.content.lock import ContentError, LockedFile
from dlws.inventory import Arch
from dlws.kubernetes import kubeadm
from dlws.verdict import Unparsable

PROGRAM: Final = "usr/bin/kubeadm"


def ask(cluster: Cluster, folder: Path, files: Iterable[LockedFile], work: Path) -> tuple[str, ...]:
    """What `kubeadm config images list` prints for this configuration; nothing without a kubeadm for this machine.

    ContentError if the package has no program, or the program does not answer.
    """
    package = next((one for one in files if one.name == "kubeadm" and one.arch == this_arch()), None)
    if package is None:
        return ()
    work.mkdir(parents=True, exist_ok=True)
    work.chmod(0o700)
    program, config = work / "kubeadm", work / "kubeadm.yaml"
    try:
        content = dict(files_of(folder / package.path)).get(PROGRAM)
        if content is None:
            raise ContentError(f"{package.path}: no {PROGRAM} in it")
        program.write_bytes(content)
        program.chmod(0o700)
        config.write_text(kubeadm.init_config(cluster, cgroup_driver="cgroupfs", resolv_conf_path="/etc/resolv.conf"))
        printed = output_of([str(program), "config", "images", "list", "--config", str(config)])
        return kubeadm.images(printed.decode("utf-8", "replace"))
    except (BundleError, Unparsable) as error:
        raise ContentError(f"{package.path}: {error}") from None
    finally:
        program.unlink(missing_ok=True)
        config.unlink(missing_ok=True)


def this_arch() -> Arch | None:
    """This machine's architecture; None for one that no host has."""
    return next((arch for arch in Arch if arch.machine == platform.machine()), None)
