"""`python -m lab`: see lab/README.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Collection

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
            say("the hosts were made from another recipe of the image: `python -m lab up --fresh` makes them anew")
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
    print("       python -m lab ssh atlas02      python -m lab break      python -m lab down")
    return 0


def up_spare(fresh: str, host: LabHost) -> int:
    """Bring one host up beside the four, which stay as they are."""
    with record.lock():
        lab = record.load_lab()
        if lab is None or not daemon.states()["dockerd"]:
            raise LabError("bring the four hosts up first: `python -m lab up`")
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


def arguments() -> argparse.Namespace:
    """The command line, parsed."""
    parser = argparse.ArgumentParser(prog="python -m lab", description="The runbook's four hosts on this machine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("up", help="install what is missing, start the daemons, make and boot the hosts")
    verb.add_argument("--fresh", action="store_const", const="all", default="none", help="make the hosts anew")
    verb.add_argument("--host", choices=SPARE, help="bring up this one alone, beside the four")
    verb = verbs.add_parser("down", help="stop everything; the hosts keep their disks")
    verb.add_argument("--host", choices=SPARE, help="take this one away, and nothing else")
    verbs.add_parser("status", help="a table; exit status 0 only if all is up")
    verb = verbs.add_parser("ssh", help="log in to a host as root, or run a command there")
    verb.add_argument("host", choices=ALL_HOSTS)
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb = verbs.add_parser("break", help="break a host on purpose; without arguments: list the faults")
    verb.add_argument("fault", nargs="?", choices=FAULTS)
    verb.add_argument("host", nargs="?", choices=ALL_HOSTS)
    verbs.add_parser("heal", help="undo everything that `break` did")
    parsed = parser.parse_args()
    if parsed.verb == "break" and parsed.fault and not parsed.host:
        parser.error(f"break {parsed.fault} which host? ({', '.join(ALL_HOSTS)})")
    return parsed


def main() -> int:
    """Run one command; 0 is success, 1 a failure told in one line."""
    parsed = arguments()
    if os.geteuid() != 0:
        print("lab: needs root (it starts dockerd and privileged containers)", file=sys.stderr)
        return 1
    try:
        match parsed.verb:
            case "up":
                return up_spare(parsed.fresh, SPARE[parsed.host]) if parsed.host else up(parsed.fresh)
            case "down":
                return down(SPARE.get(parsed.host))
            case "status":
                return status()
            case "ssh":
                return ssh(ALL_HOSTS[parsed.host], parsed.command)
            case "break":
                return break_host(parsed.fault, ALL_HOSTS.get(parsed.host))
            case _:
                return heal()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


sys.exit(main())
