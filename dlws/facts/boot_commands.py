"""What a host's administrators have it run at boot, besides the units of packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dlws.facts.unit_files import unit_files
from dlws.parse.host import boot_commands
from dlws.parse.host.boot_commands import Command
from dlws.remote.host import Host

FILES: Final = (
    r"own=$(grep -hsE '^(/usr)?/lib/systemd/system/[^/]+[.]service$|^/etc/init[.]d/' /var/lib/dpkg/info/*.list"
    r" | tr '\n' ' ');"
    " always=$(grep -hs '' /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg /var/lib/cloud/instance/*cloud-config.txt"
    " | sed 's/#.*//; s/_/-/g' | tr -d '\"'\"'\" | tr -s '[:space:]' ' ' | grep -oE 'scripts-[a-z-]+ ?[,-] ?always');"
    " for f in /etc/rc.local /etc/rc.d/rc.local /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/*"
    " /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*.conf /usr/local/lib/systemd/system/*.service"
    " /lib/systemd/system/*.service /usr/lib/systemd/system/*.service /etc/init.d/*"
    " /etc/systemd/system-generators/* /usr/local/lib/systemd/system-generators/*"
    " /etc/network/if-pre-up.d/* /etc/network/if-up.d/* /etc/networkd-dispatcher/*.d/*"
    " /etc/NetworkManager/dispatcher.d/* /etc/NetworkManager/dispatcher.d/pre-up.d/*"
    " /var/lib/cloud/scripts/*/* /var/lib/cloud/instance/scripts/* /var/lib/cloud/instance/scripts/vendor/*"
    " /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg"
    " /var/lib/cloud/instance/cloud-config.txt /var/lib/cloud/instance/vendor-cloud-config.txt"
    " /etc/network/interfaces /etc/network/interfaces.d/*; do"
    ' [ -f "$f" ] || continue; case $f in /usr/lib/*) [ /lib -ef /usr/lib ] && continue;; esac;'
    ' case $f in /lib/*|/usr/lib/*|/etc/init.d/*) case $own in ""|*"/${f##*/} "*) continue;; esac;; esac;'
    " case $f in /etc/rc.local|/etc/rc.d/*|*-generators/*|/etc/network/if-*|/etc/networkd-dispatcher/*"
    '|/etc/NetworkManager/*|/var/lib/cloud/*/*/*|/etc/init.d/*) [ -x "$f" ] || continue;; esac;'
    " w=; case $f in /var/lib/cloud/scripts/*) w=${f#*/scripts/}; w=${w%/*};; */scripts/vendor/*) w=vendor;;"
    " /var/lib/cloud/instance/scripts/*) w=user;; esac;"
    ' case $w in ""|per-boot) ;; *) case $always in *"scripts-$w"*) ;; *) continue;; esac;; esac;'
    ' case $f in /etc/init.d/*) set -- /etc/rc[2-5S].d/S[0-9][0-9]"${f##*/}"; [ -e "$1" ] || continue;;'
    " /etc/cloud/*|/var/lib/cloud/*) [ -e /etc/cloud/cloud-init.disabled ] && continue;; esac;"
    ' if [ -L "$f" ]; then case $(readlink -f "$f") in /lib/*|/usr/lib/*|/usr/share/*|/etc/systemd/*) continue;; esac;'
    ' fi; grep -qI . "$f" || continue;'
    ' echo "== $f"; case $f in /etc/network/interfaces*) sed -n "/^[[:blank:]]*[a-z-]*up[[:blank:]]/p" "$f";;'
    " /etc/cloud/*|/var/lib/cloud/instance/*.txt) awk '/^[^ \\t#-]/ {on = /^bootcmd *:/} on' \"$f\";;"
    ' *) cat "$f";; esac'
    " || exit; echo; done"
)
"""Units and init scripts of packages are left out, and links to them. Scripts are run only where they are executable,
init scripts where a link S?? in /etc/rc?.d starts them, cloud-init's for one boot where a list of its modules says
`[scripts-user, always]`. Of interfaces(5) and of cloud-init's configuration no more is read than the commands, because
passwords may stand there."""
SCRIPTS: Final = (
    'for f in {}; do [ -f "$f" ] && grep -qI . "$f" || continue;'
    ' case $f in *.sh) ;; *) [ -x "$f" ] || [ "$(head -c 2 "$f")" = "#!" ] || continue;; esac;'
    ' echo "== $f"; cat "$f" || exit; echo; done'
)
"""The files among those that a command names which a shell may run."""
DEEPEST: Final = 3
"""Judgement: a script at boot that starts a script that starts another is as far as administrators go."""
OFF: Final = ("disabled", "linked", "masked")
"""States of a unit's file that no boot starts."""


def boot_commands_that(host: Host, concern: Callable[[Command], bool]) -> tuple[Command, ...]:
    """The commands that concern the caller, also those in scripts that others start; none of units that are off."""
    found = reached = _at_boot(host)
    seen: set[str] = set()
    for _ in range(DEEPEST):
        named = dict.fromkeys(path for command in reached for path in command.paths if path not in seen)
        if not named:
            break
        seen |= {*named}
        reached = boot_commands.parse(host.read(SCRIPTS.format(" ".join(["%s"] * len(named))), *named))
        found += reached
    return tuple(command for command in found if concern(command))


def _at_boot(host: Host) -> tuple[Command, ...]:
    """The commands of the files that a boot begins with, without those of units that no boot starts."""
    found = boot_commands.parse(host.read(FILES))
    units = {command.unit for command in found if command.unit}
    states = unit_files(host, *sorted(units)) if units else {}
    return tuple(command for command in found if states.get(command.unit) not in OFF)
