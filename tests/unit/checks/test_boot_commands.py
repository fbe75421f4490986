"""Commands at boot: the files of a host are asked about by the names that the host gives them."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from dlws.facts.boot_commands import FILES, boot_commands_that
from dlws.facts.unit_files import units_at_boot
from dlws.remote.host import Host
from tests.kits.scripted import Scripted

NAME = "x; touch owned #.service"


def test_a_file_s_name_is_one_word_of_the_next_command() -> None:
    files = f"== /etc/systemd/system/{NAME}\nExecStart=/sbin/swapon /swap.img\n"
    link = Scripted(
        "atlas01", {"f in /etc/rc": (0, files, ""), "list-unit-files": (1, "", ""), "for f in": (0, "", "")}
    )
    assert len(boot_commands_that(Host(link), lambda command: command.turns_swap_on)) == 1
    assert shlex.split(link.asked[1])[-1] == NAME


def swap_of(files: str, *scripts: str, states: str = "") -> list[str]:
    """The commands that turn swap on, of files at boot and the scripts that are found in one look after the other."""
    answers = {"f in /etc/rc": files, "list-unit-files": states}
    answers |= {f"for f in {script.split()[1]}": script for script in scripts} | {"for f in": ""}
    link = Scripted("atlas01", {key: (0, text, "") for key, text in answers.items()})
    return [str(command) for command in boot_commands_that(Host(link), lambda c: c.turns_swap_on)]


def test_a_script_that_a_boot_starts_is_followed_and_one_that_that_starts() -> None:
    first, second = "== /opt/site/boot.sh\n. /etc/site/swap\n", "== /etc/site/swap\nswapon /swap.img\n"
    found = swap_of("== /etc/rc.local\n/opt/site/boot.sh start\n", first, second)
    assert found == ["/etc/site/swap: swapon /swap.img"]


def test_a_script_in_a_circle_is_read_once() -> None:
    script = "== /root/a.sh\n/root/a.sh &\nswapon /swap.img\n"
    assert swap_of("== /etc/cron.d/a\n@reboot root bash /root/a.sh\n", script) == ["/root/a.sh: swapon /swap.img"]


def test_a_script_of_a_unit_that_is_off_is_not_followed() -> None:
    files = "== /etc/systemd/system/a.service\nExecStart=/opt/a.sh\n"
    script = "== /opt/a.sh\nswapon /swap.img\n"
    assert swap_of(files, script, states="a.service enabled enabled\n") == ["/opt/a.sh: swapon /swap.img"]
    assert swap_of(files, script, states="a.service disabled enabled\n") == []


def test_what_an_init_script_starts_is_started_by_its_link() -> None:
    files = "ferm.service generated\nfirehol.service generated\nzramswap.service enabled\nx.swap generated\n"
    script = {"list-unit-files": (0, files, ""), "find /etc/rc2.d": (0, "S01ferm\nS20firehol.old\nS01x.swap\n", "")}
    assert units_at_boot(Host(Scripted("atlas01", script)), "*.swap") == ["ferm.service", "zramswap.service"]


@pytest.mark.parametrize(
    ("modules", "files"),
    [
        ("cloud_final_modules:\n - [scripts-user, always]\n", ["instance/scripts/part-001"]),
        ("cloud_final_modules:\n- - scripts_user\n  - always\n", ["instance/scripts/part-001"]),
        ("cloud_final_modules:\n - ['scripts-vendor', \"always\"]\n", ["instance/scripts/vendor/a"]),
        ("cloud_final_modules: [[scripts-per-instance, always]]\n", ["scripts/per-instance/b"]),
        ("cloud_final_modules:\n - scripts-user\n#- [scripts-user, always]\n - [ssh, always]\n", []),
    ],
)
def test_scripts_of_cloud_init_run_at_each_boot_where_their_module_does(
    tmp_path: Path, modules: str, files: list[str]
) -> None:
    scripts = ("instance/scripts/part-001", "instance/scripts/vendor/a", "scripts/per-instance/b", "scripts/per-boot/c")
    for name in scripts:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("swapon /swap.img\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cloud.cfg").write_text(modules)
    own = FILES.replace("/var/lib/cloud", str(tmp_path)).replace("/etc/cloud", str(tmp_path)).replace("/etc/", "/none/")
    shown = subprocess.run(["/bin/sh", "-c", own], capture_output=True, text=True, check=True).stdout
    found = [line.removeprefix(f"== {tmp_path}/") for line in shown.splitlines() if line.startswith(f"== {tmp_path}")]
    assert [name for name in found if name in scripts] == sorted([*files, "scripts/per-boot/c"], key=found.index)
