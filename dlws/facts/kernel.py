"""Kernel modules and settings, now and at boot."""

from __future__ import annotations

from fnmatch import fnmatchcase

from dlws.facts.files import existing_files, text_of
from dlws.parse.host import modules, sysctl_conf
from dlws.parse.text import unparsable
from dlws.remote.host import Host

SHOWS = {
    "br_netfilter": "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
    "overlay": "/sys/module/overlay",
}
"""A module and what is there once the kernel has it, loaded or built in."""
LIST_SHOWN = f"for f in {' '.join(SHOWS.values())}; do test ! -e $f || echo $f; done"
AT_BOOT = "cat /etc/modules /etc/modules-load.d/*.conf /usr/lib/modules-load.d/*.conf"
MODPROBE = "cat /etc/modprobe.d/*.conf /lib/modprobe.d/*.conf"
SETTINGS_AT_BOOT = (
    "for f in /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do"
    ' if test -e "$f"; then echo "${f##*/}"; fi; done | LC_ALL=C sort -u | while read -r n; do'
    ' for d in /etc /run /usr/local/lib /usr/lib; do if test -e "$d/sysctl.d/$n"; then cat "$d/sysctl.d/$n" || exit;'
    " echo; break; fi; done; done"
)
"""The files of sysctl.d(5) in the order in which systemd-sysctl applies them: by name, whatever folder they are in; of
one name the first folder's, also where it is empty. /etc/sysctl.conf is among them by Debian's link."""
FORWARDING = "net.ipv4.ip_forward"
OTHER_NAMES = {FORWARDING: "net.ipv4.conf.all.forwarding"}
"""The kernel has one value under two names (ip-sysctl: who writes one changes the other)."""
SETTINGS = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables", FORWARDING)


def missing_modules(host: Host) -> list[str]:
    """Those of the modules that the kernel has neither loaded nor built in."""
    shown = host.lines(LIST_SHOWN)
    return [name for name, path in SHOWS.items() if path not in shown]


def forgotten_modules(host: Host) -> list[str]:
    """Loaded modules that no file loads at boot. What is built in needs none."""
    loaded = modules.loaded(text_of(host, "/proc/modules") or "")  # there is none in a kernel without modules
    return sorted(loaded & SHOWS.keys() - modules.at_boot(existing_files(host, AT_BOOT)))


def modules_kept_out(host: Host) -> list[str]:
    """The lines of modprobe.d that keep the next boot from loading one that is loaded: `install overlay /bin/false`."""
    needed = modules.loaded(text_of(host, "/proc/modules") or "") & SHOWS.keys()
    return [line for name, line in modules.kept_out(existing_files(host, MODPROBE)).items() if name in needed]


def setting(host: Host, key: str) -> int:
    """A kernel setting that is a number: `setting(host, "net.ipv4.ip_forward")`. Unparsable where it is none."""
    value = host.sysctl(key)
    if not isinstance(value, int):
        raise unparsable(key, value, "not a number")
    return value


def written_settings(host: Host) -> dict[str, str]:
    """All settings of sysctl.d(5), names and patterns, in the order in which a boot applies them."""
    return sysctl_conf.parse(host.read(SETTINGS_AT_BOOT))


def settings_at_boot(host: Host) -> dict[str, str]:
    """Those of SETTINGS that files of sysctl.d make at boot: `{"net.ipv4.ip_forward": "1"}`.

    The last line counts, by whichever name or pattern (sysctl.d(5)) it sets one; of a name that a line spells out no
    pattern does. The kernel reads a number up to a blank, so that what stands behind it is a comment.
    """
    written = written_settings(host)
    found: dict[str, str] = {}
    for pattern, value in written.items():  # in the order in which they are applied
        for key in SETTINGS:
            names = {key, OTHER_NAMES.get(key, key)}
            if any(pattern == name or (name not in written and fnmatchcase(name, pattern)) for name in names):
                found[key] = value.split()[0] if value else ""
    return found
