"""The ssh client's command for a login to one of the lab's hosts."""

from __future__ import annotations

import os
import shlex
import sys

from lab import record
from lab.plan import CLUSTER_STATE, RUN, LabHost
from lab.process import LabError, environment

SHOW = "import json, sys; print(json.load(open(sys.argv[1]))['root_password'])"


def client(host: LabHost, *command: str) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of an ssh client that is root on a host, by the lab's own record.

    The file that the suite reads is the operator's to delete (check U16). Raises LabError if there is no lab.
    """
    if record.load_lab() is None:
        raise LabError("there is no lab; start one with `dlws lab up`")
    askpass, new = RUN / "askpass", RUN / f"askpass.{os.getpid()}"
    new.write_text(f"#!/bin/sh\nexec {shlex.join([sys.executable, '-c', SHOW, str(record.lab_file())])}\n")
    new.chmod(0o700)
    new.replace(askpass)  # at once: another client may be reading it
    keys = CLUSTER_STATE / "lab-known-hosts"
    options = f"LogLevel=ERROR StrictHostKeyChecking=accept-new PubkeyAuthentication=no UserKnownHostsFile={keys}"
    argv = ["ssh", *(f"-o{option}" for option in options.split()), f"root@{host.address}", *command]
    return argv, environment({"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"})
