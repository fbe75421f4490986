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
    nfs,
    packages,
    record,
    registry,
)
from lab.plan import ALL_HOSTS, CLUSTER_STATE, HOSTS, LAB, PROBE_ARCHIVE, ROOT_PASSWORD, RUN, SPARE, LabHost
from lab.platform_faults import FAULTS
from lab.process import LabError, environment, say


def up(fresh: str) -> int:
    """Bring everything up that is not; `fresh` says which hosts are made anew: `all` or `none`."""
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
            say("the hosts were made from another recipe of the image: `dlws lab up --fresh` makes them anew")
        switch_on(lab, HOSTS.values())
        cluster_files.write(lab)
    kubernetes.ensure()
    with record.lock():
        packages.ensure(kube_packages.packages())
        kube_images.ensure()
        if dlws_images.wanted():
            dlws_images.ensure()
    say(f"up after {time.monotonic() - began:.0f} s; root's password is in {ROOT_PASSWORD}")
    config = os.path.relpath(LAB / "config.yaml")
    print(f"\nNext:  pytest -m preflight --cluster {config}\n       pytest -m install --cluster {config}")
    print("       dlws lab ssh atlas02      dlws lab break      dlws lab down")
    return 0


def up_spare(fresh: str, host: LabHost) -> int:
    """Bring one host up beside the four, which stay as they are."""
    with record.lock():
        lab = record.load_lab()
        if lab is None or not daemon.states()["dockerd"]:
            raise LabError("bring the four hosts up first: `dlws lab up`")
        if fresh == "all":
            take_away(host)
        switch_on(lab, [host])
    say(f"{host.name} is up; root's password is in {ROOT_PASSWORD}")
    return 0


def take_away(host: LabHost) -> None:
    """Remove a host and what is known of it."""
    hosts.remove(host)
    cluster_files.forget_keys(host)


def switch_on(lab: record.Lab, wanted: Collection[LabHost]) -> None:
    """Make the hosts that are not there, start those that are off, and wait until all are up."""
    for host in wanted:
        if hosts.state(host) in ("absent", "created"):
            hosts.remove(host)
            hosts.create(host, lab.image, lab.root_password)
        elif hosts.state(host) != "running":
            hosts.start(host)
    for host in wanted:
        hosts.wait_until_up(host)


def down(spare: LabHost | None) -> int:
    """Stop what `up` started; the hosts keep their disks. Of a spare host: take it away, and nothing else."""
    with record.lock():
        if spare:
            take_away(spare)
            return 0
        registry.stop()
        daemon.stop()
    return 0


def status() -> int:
    """Print the table; 0 only if all is up."""
    running = daemon.states()
    if dlws_images.wanted():
        running["registry"] = registry.running()
    for name, alive in running.items():
        print(f"{name:14} {'up' if alive else 'down'}")
    good = all(running.values())
    print(f"\n{'host':12} {'address':12} {'power':8} {'systemd':9} {'ssh':4} broken by")
    made = {name: host for name, host in SPARE.items() if running["dockerd"] and hosts.state(host) != "absent"}
    for host in {**HOSTS, **made}.values():
        power = hosts.state(host) if running["dockerd"] else "off"
        systemd = hosts.system_state(host) if power == "running" else "-"
        answers = hosts.ssh_answers(host)
        broken = ", ".join(entry.fault for entry in faults.recorded() if entry.host == host.name)
        print(f"{host.name:12} {host.address:12} {power:8} {systemd:9} {'up' if answers else '-':4} {broken or '-'}")
        good = good and systemd in hosts.UP_STATES and answers
    return 0 if good else 1


def ssh(host: LabHost, command: list[str]) -> int:
    """Become an ssh client of the host, as root, with the lab's password, which stays in its file."""
    askpass = RUN / "askpass"
    askpass.write_text(f"#!/bin/sh\nexec cat '{ROOT_PASSWORD}'\n")
    askpass.chmod(0o700)
    known = CLUSTER_STATE / "lab-known-hosts"
    options = f"LogLevel=ERROR StrictHostKeyChecking=accept-new PubkeyAuthentication=no UserKnownHostsFile={known}"
    argv = ["ssh", *(f"-o{option}" for option in options.split()), f"root@{host.address}", *command]
    extra = {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    os.execvpe("ssh", argv, environment(extra))


def break_host(fault: str | None, host: LabHost | None) -> int:
    """Break a host on purpose; without a fault and a host, list what can be broken."""
    if fault is None or host is None:
        for name, known in FAULTS.items():
            print(f"{name:36} {known.sentence}")
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
    """Ends with exit status 1 and one line for whatever goes wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Failed for whatever goes wrong in it."""
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise Failed(f"lab: {error}") from error


@click.group(cls=Lab)
def lab() -> None:
    """Run the runbook's four hosts on this machine.

    Exit status: 0, 1 if something went wrong or is not up, 2 for wrong usage.
    """


@lab.command("up")
@click.option("--fresh", is_flag=True, help="Make the hosts anew.")
@click.option("--host", type=click.Choice(list(SPARE)), help="Bring up this one alone, beside the four.")
def up_command(fresh: bool, host: str | None) -> int:
    """Install what is missing, start the daemons, make and boot the hosts."""
    require_root()
    which = "all" if fresh else "none"
    return up_spare(which, SPARE[host]) if host else up(which)


@lab.command("down")
@click.option("--host", type=click.Choice(list(SPARE)), help="Take this one away, and nothing else.")
def down_command(host: str | None) -> int:
    """Stop everything; the hosts keep their disks."""
    require_root()
    return down(SPARE[host] if host else None)


@lab.command("status")
def status_command() -> int:
    """Print a table; exit status 0 only if all is up."""
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
    """LabError unless this process is root's: it starts dockerd and privileged containers."""
    if os.geteuid() != 0:
        raise LabError("needs root (it starts dockerd and privileged containers)")
