"""`dlws init`: the first config.yaml, from the hosts themselves; `dlws csv`: the hosts of one, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dlws.cli import Failed, Refused
from dlws.config.cluster import load
from dlws.config.command import CONFIG, FILE
from dlws.config.finding import ConfigError
from dlws.engine.credentials import CredentialError
from dlws.init import table
from dlws.init.dialogue import Silent, Terminal
from dlws.init.listing import BadList
from dlws.record.answer import Unreachable
from dlws.record.asking import Unanswered


@click.command()
@click.option("-o", "--output", type=FILE, default=CONFIG, show_default=True, metavar="FILE", help="What to write.")
@click.option("--hosts", metavar="LIST", help="The hosts' addresses: 192.168.3.2-9,192.168.3.20.")
@click.option("--csv", "table_file", type=FILE, metavar="FILE", help="A table of hosts (see `dlws csv`).")
@click.option("--from-cluster", "kubeconfig", type=FILE, metavar="KUBECONFIG", help="The nodes of a running cluster.")
@click.option("--cluster-name", metavar="NAME", help="Also the first part of the cluster's public name.")
@click.option("--domain", metavar="DOMAIN", help="What comes behind a host's name.")
@click.option("--master", metavar="HOST", help="The infrastructure machine, by name or address.")
@click.option("--admin-user", metavar="USER", help="The user that operates the hosts.")
@click.option("--admin-mail", metavar="ADDRESS", help="Who administers the platform.")
@click.option("--user", metavar="USER", help="Who logs in to the hosts now (default: root).")
@click.option("--key", type=FILE, metavar="FILE", help="A private SSH key to log in with, instead of a password.")
@click.option("--ssh-port", type=click.IntRange(1, 65535), help="The port of sshd on all hosts (default: 22).")
@click.option("--no-login", is_flag=True, help="Log in nowhere: the table says everything.")
@click.option("--keep-password/--no-keep-password", default=None, help="Keep the password for the install, mode 0600.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A further key: suite.images=prebuilt.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the options and the defaults.")
def init(yes: bool, **options: Any) -> int:
    """Write a first config.yaml: ask for the hosts, log in once, find out what they are.

    Every host's SSH key is shown first, to be compared with its console; no password is sent before you have said that
    they are right. The password is asked for without echo, or taken from DLWS_ROOT_PASSWORD. Where the file exists
    already, the hosts are compared with it, and nothing is written.

    Exit status: 0 written without errors, or no difference; 1 something is wrong or differs; 2 wrong usage.
    """
    from dlws.init.beginning import Beginning, Options, Stopped  # here: paramiko, for processes that connect

    try:
        return Beginning(Options(**options), Silent() if yes else Terminal()).run()
    except (BadList, Unanswered, ConfigError, CredentialError) as error:
        raise Refused(str(error)) from error
    except (Stopped, Unreachable) as error:
        raise Failed(str(error)) from error


@click.command()
@click.argument("file", type=FILE, default=CONFIG)
def csv(file: Path) -> int:
    """Print the hosts of FILE (default: config.yaml) as CSV, for a spreadsheet and for `dlws init --csv`.

    Exit status: 0 printed, 2 a configuration with errors.
    """
    try:
        click.echo(table.written(load(file)), nl=False)
    except ConfigError as error:
        raise Refused(str(error)) from error
    return 0
