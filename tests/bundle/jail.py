"""An empty root for a bundle: /bin/sh, /proc and /dev, the bundle read-only; nobody's user, and no network but what a
test lays into it. The shell is a static bash: a busybox would bring the tools that a bundle must have itself.

Where the bundle is for another architecture, programs of it run under qemu, known to the kernel in this namespace alone
(binfmt_misc belongs to a user namespace from Linux 6.7 on).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
_MAGIC = r"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00{}\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
MAGICS = {"arm64": _MAGIC.format(r"\xb7"), "amd64": _MAGIC.format(r"\x3e")}
_ENTER = """
set -e
echo
read -r _
mount --make-rprivate /
mount --bind "$bundle" "$root/opt/dlws"
mount -o remount,bind,ro "$root/opt/dlws"
mount --bind "$home" "$root/home"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
[ -z "$qemu" ] || {
    mount -t binfmt_misc binfmt_misc "$root/proc/sys/fs/binfmt_misc"
    printf %s ":bundle:M::$magic:$mask:$qemu:F" > "$root/proc/sys/fs/binfmt_misc/register"
}
cd "$root/home"
exec env -i PATH=/bin HOME=/home TERM=dumb "$(command -v chroot)" --userspec=65534:65534 "$root" \\
    /bin/sh -c 'cd /home && exec "$@"' sh "$@"
"""


@dataclass(frozen=True)
class Jail:
    """`home` is the only folder that can be written; `qemu` is empty for this machine's own architecture.

    `connect` is called with the process whose network namespace is the jail's, before anything is started there.
    """

    bundle: Path
    home: Path
    root: Path
    qemu: str
    magic: str
    connect: Callable[[int], None] = lambda pid: None

    def run(self, *words: str, deadline: float = 900) -> subprocess.CompletedProcess[str]:
        """Run a program of the root in /home."""
        enter = ["unshare", "--user", "--net", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", _ENTER]
        places = {"bundle": self.bundle, "home": self.home, "root": self.root, "qemu": self.qemu, "mask": _MASK}
        env = {name: str(value) for name, value in places.items()}
        env |= {"magic": self.magic, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*enter, "sh", *words], env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as started:
            try:
                assert started.stdout
                started.stdout.readline()  # the namespace is there, and waits for its users
                self.connect(started.pid)
                for users in ("uid_map", "gid_map"):
                    Path(f"/proc/{started.pid}/{users}").write_text("0 0 65536")
                out, err = started.communicate("\n", timeout=deadline)
            finally:
                started.kill()
        return subprocess.CompletedProcess(words, started.returncode, out, err)


def empty_root(bundle: Path, folder: Path, arch: str, native: str) -> Jail:
    """A root below `folder` for a bundle that is unpacked."""
    root, home = folder / "root", folder / "home"
    for name in ("bin", "proc", "dev", "tmp", "home", "opt/dlws"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    home.mkdir()
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(
        f"nobody:x:{NOBODY}:{NOBODY}::/home:/bin/sh\n"
    )  # OpenSSH refuses who is nobody at all
    shutil.chown(home, NOBODY, NOBODY)
    shutil.copy("/bin/bash-static", root / "bin/sh")
    machine = {"arm64": "aarch64", "amd64": "x86_64"}[arch]
    qemu = "" if arch == native else shutil.which(f"qemu-{machine}-static") or ""
    return Jail(bundle, home, root, qemu, MAGICS[arch])
