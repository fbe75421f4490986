"""`dlws lab`: see lab/README.md."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from typing import Any

import click

from dlws.cli import Failed
from lab import (
    cluster_files,
    daemon,
    dlws_images,
    faults,
    hosts,
    image,
    kube_images,
    kube_packages,
    kubernetes,
    login,
    nfs,
    offline,
    packages,
    record,
    registry,
)
from lab.plan import ALL_HOSTS, HOSTS, LAB, PROBE_ARCHIVE, ROOT_PASSWORD, SPARE, LabHost
from lab.process import LabError, say
from lab.upstream_faults import FAULTS


def up(fresh: str, network: str) -> int:
    """Start everything that is not running; `fresh` says which hosts to recreate: `all` or `none`.

    `network` is `offline` for hosts that reach nothing but each other, else `online`.
    """
    began = time.monotonic()
    daemon.install_packages()
    with record.lock():
        daemon.start()
        tag = image.ensure()
        packages.ensure([*packages.OWN, *nfs.packages()])
        image.ensure_probe(PROBE_ARCHIVE)
        lab = record.load_lab()
        if fresh == "all" or lab is None:
            lab = record.new_lab(tag)
            record.save_lab(lab)
            faults.forget()
            for host in ALL_HOSTS.values():
                hosts.remove(host)
            image.remove_others()
        if lab.image != tag:
            say("the hosts' image has changed since they were created: `dlws lab up --fresh` recreates them")
        switch_on(lab, HOSTS.values())
        cluster_files.write(lab)
        for host in HOSTS.values():
            cluster_files.pin_key(host)
    kubernetes.ensure()
    with record.lock():
        packages.ensure(kube_packages.packages())
        kube_images.ensure()
        if dlws_images.wanted():
            dlws_images.ensure()
        first = connect(network)
    say(f"up after {time.monotonic() - began:.0f} s; root's password is in {ROOT_PASSWORD}")
    config = os.path.relpath(offline.CONFIG if first else LAB / "config.yaml")
    steps = [*first, f"pytest -m preflight --cluster {config}", f"pytest -m install --cluster {config}"]
    print("\nNext:  " + "\n       ".join([*steps, "dlws lab ssh atlas02      dlws lab break      dlws lab down"]))
    return 0


def connect(network: str) -> list[str]:
    """Connect the hosts to what is on the gateway, or cut them off from all; return what then comes first."""
    if network == "offline":
        fetch = " ".join(offline.prepare())
        offline.cut_off()
        return [fetch]
    offline.reconnect()
    for host in HOSTS.values():
        hosts.fetch_package_lists(host)
    return []


def up_spare(fresh: str, host: LabHost) -> int:
    """Start one host in addition to the four, which are left alone."""
    with record.lock():
        lab = record.load_lab()
        if lab is None or not daemon.states()["dockerd"]:
            raise LabError("start the four hosts first: `dlws lab up`")
        if fresh == "all":
            remove(host)
        switch_on(lab, [host])
        cluster_files.write_root_password(lab)
        cluster_files.pin_key(host)
    say(f"{host.name} is up; root's password is in {ROOT_PASSWORD}")
    return 0


def remove(host: LabHost) -> None:
    """Remove a host and its pinned keys."""
    hosts.remove(host)
    cluster_files.forget_keys(host)


def switch_on(lab: record.Lab, chosen: Collection[LabHost]) -> None:
    """Create the hosts that do not exist, start those that are off, and wait until all are up."""
    for host in chosen:
        if hosts.state(host) in ("absent", "created"):
            hosts.remove(host)
            hosts.create(host, lab.image, lab.root_password)
        elif hosts.state(host) != "running":
            hosts.start(host)
    for host in chosen:
        hosts.wait_until_up(host)


def down(spare: LabHost | None) -> int:
    """Stop what `up` started; the hosts keep their disks. With a spare host: only remove that one."""
    with record.lock():
        if spare:
            remove(spare)
            return 0
        offline.reconnect()
        registry.stop()
        daemon.stop()
    return 0


def status() -> int:
    """Print the table; 0 only if everything is up."""
    running = daemon.states()
    if dlws_images.wanted():
        running["registry"] = registry.running()
    for name, alive in running.items():
        print(f"{name:14} {'up' if alive else 'down'}")
    all_up = all(running.values())
    print(f"\n{'host':12} {'address':12} {'power':8} {'systemd':9} {'ssh':4} broken by")
    spares = {name: host for name, host in SPARE.items() if running["dockerd"] and hosts.state(host) != "absent"}
    for host in {**HOSTS, **spares}.values():
        power = hosts.state(host) if running["dockerd"] else "off"
        systemd = hosts.system_state(host) if power == "running" else "-"
        answers = hosts.ssh_answers(host)
        broken = ", ".join(entry.fault for entry in faults.recorded() if entry.host == host.name)
        print(f"{host.name:12} {host.address:12} {power:8} {systemd:9} {'up' if answers else '-':4} {broken or '-'}")
        all_up = all_up and systemd in hosts.UP_STATES and answers
    if offline.is_cut_off():
        tried = offline.attempts()
        print(f"\noffline: {sum(one.packets for one in tried if not one.known)} packets to elsewhere")
        print("".join(f"  {one}\n" for one in tried), end="")
    return 0 if all_up else 1


def ssh(host: LabHost, command: list[str]) -> int:
    """Replace this process by an ssh client, logged in as root. Raises LabError if there is no lab."""
    argv, variables = login.client(host, *command)
    os.execvpe(argv[0], argv, variables)


def break_host(fault: str | None, host: LabHost | None) -> int:
    """Inject a fault into a host; without a fault and a host, list the faults."""
    if fault is None or host is None:
        for name, entry in FAULTS.items():
            print(f"{name:36} {entry.sentence}")
        return 0
    with record.lock():
        faults.inject(fault, host)
    return 0


def heal() -> int:
    """Undo everything that `break` did."""
    with record.lock():
        faults.heal()
    return 0


class Lab(click.Group):
    """Exits with status 1 and one line on any LabError."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Raises Failed for a LabError."""
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise Failed(f"lab: {error}") from error


@click.group(cls=Lab)
def lab() -> None:
    """Run the runbook's four hosts on this machine.

    Exit status: 0 on success, 1 if something failed or is not up, 2 for wrong usage.
    """


@lab.command("up")
@click.option("--fresh", is_flag=True, help="Recreate the hosts.")
@click.option("--offline", "is_offline", is_flag=True, help="Hosts reach each other alone; status counts what tries.")
@click.option("--host", type=click.Choice(list(SPARE)), help="Start only this spare host, in addition to the four.")
def up_command(fresh: bool, is_offline: bool, host: str | None) -> int:
    """Install missing packages, start the daemons, create and boot the hosts."""
    require_root()
    which = "all" if fresh else "none"
    return up_spare(which, SPARE[host]) if host else up(which, "offline" if is_offline else "online")


@lab.command("down")
@click.option("--host", type=click.Choice(list(SPARE)), help="Only remove this spare host.")
def down_command(host: str | None) -> int:
    """Stop everything; the hosts keep their disks."""
    require_root()
    return down(SPARE[host] if host else None)


@lab.command("status")
def status_command() -> int:
    """Print a table; exit status 0 only if everything is up."""
    require_root()
    return status()


@lab.command("ssh", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("host", type=click.Choice(list(ALL_HOSTS)), metavar="HOST")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...")
def ssh_command(host: str, command: tuple[str, ...]) -> int:
    """Log in to a host as root, or run a command there."""
    require_root()
    return ssh(ALL_HOSTS[host], list(command))


@lab.command("break")
@click.argument("fault", required=False, type=click.Choice(list(FAULTS)), metavar="[FAULT]")
@click.argument("host", required=False, type=click.Choice(list(ALL_HOSTS)), metavar="[HOST]")
def break_command(fault: str | None, host: str | None) -> int:
    """Break a host on purpose; without arguments, list the faults."""
    if fault and not host:
        raise click.UsageError(f"break {fault} which host? ({', '.join(ALL_HOSTS)})")
    require_root()
    return break_host(fault, ALL_HOSTS[host] if host else None)


@lab.command("heal")
def heal_command() -> int:
    """Undo everything that `break` did."""
    require_root()
    return heal()


def require_root() -> None:
    """Raises LabError unless run as root, which dockerd and privileged containers need."""
    if os.geteuid() != 0:
        raise LabError("needs root (it starts dockerd and privileged containers)")
