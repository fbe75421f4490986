"""`dlws host-keys`: shows the hosts' SSH keys, to be compared with their consoles, and pins them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from dlws.cli import Refused
from dlws.config.cluster import load
from dlws.config.command import CONFIG
from dlws.config.finding import ConfigError
from dlws.inventory import Node
from dlws.record.answer import Unreachable
from dlws.record.asking import Unanswered, asking
from dlws.record.printable import clip, one_line
from dlws.remote.hostkeys import HostKey, HostKeys, Remark, keys_of

WIDTH = 16  # hosts connected to at a time
LONGEST = 1000  # characters of why a key cannot be had; it may quote whatever answers at the host's address


@click.command("host-keys")
@click.option(
    "--cluster",
    "path",
    type=click.Path(path_type=Path),
    default=CONFIG,
    show_default=True,
    metavar="FILE",
    help="The configuration.",
)
@click.option("--pin", is_flag=True, help="Ask whether the keys are right, then pin those that nobody has confirmed.")
def host_keys(path: Path, pin: bool) -> int:
    """Show the SSH key of every host, without logging in. Compare them with the machines' consoles.

    Exit status: 0 every key is confirmed, 1 some are not or cannot be had, 2 wrong usage or configuration.
    """
    try:
        cluster = load(path)
    except ConfigError as error:
        raise Refused(str(error)) from error
    keys = keys_of(cluster)
    nodes = (*cluster.nodes, *cluster.leaving)
    with ThreadPoolExecutor(WIDTH) as pool:
        shown = dict(zip(nodes, pool.map(lambda node: _shown(node, keys), nodes), strict=True))
    for node, key in shown.items():
        print(f"{node.name:14} {node.address:15} {_row(node, key, keys)}")
    unsure = {n: k for n, k in shown.items() if isinstance(k, HostKey) and not keys.voucher(n, k)}
    question = f"Has each of the {len(unsure)} keys that are not confirmed been compared with its machine's console?"
    if pin and unsure and _confirmed(question):
        for node, key in unsure.items():
            keys.pin(node, key, Remark.CONFIRMED)
        print(f"pinned in {keys.path}")
        unsure = {}
    return 1 if unsure or any(isinstance(key, Unreachable) for key in shown.values()) else 0


def _confirmed(question: str) -> bool:
    try:
        with asking(
            question, "run it at a terminal, or write the fingerprints that were compared into suite.host_keys"
        ):
            return click.confirm(question)
    except Unanswered as error:
        raise Refused(str(error)) from error


def _shown(node: Node, keys: HostKeys) -> HostKey | Unreachable:
    from dlws.remote.ssh import shown_key  # here: paramiko, for processes that connect

    try:
        return shown_key(node, keys)
    except Unreachable as error:
        return error


def _row(node: Node, key: HostKey | Unreachable, keys: HostKeys) -> str:
    if isinstance(key, Unreachable):
        return one_line(clip(str(key).removeprefix(f"{node.name}: "), LONGEST))
    voucher = keys.voucher(node, key)
    return f"{key}  {f'confirmed: {voucher}' if voucher else 'NOT CONFIRMED'}"
