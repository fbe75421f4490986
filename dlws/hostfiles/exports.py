"""/etc/exports: the managed block with the shares of this cluster (runbook 3.12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dlws.hostfiles import managed_block

BEGIN: Final = "# BEGIN DLWS shares (written by the DLWS suite; do not edit between the markers)"
END: Final = "# END DLWS shares"


def block(paths: Iterable[str], clients: Iterable[str], options: str) -> str:
    """The managed block, including markers: exports every path to every client with the same options (exports(5))."""
    to = " ".join(f"{client}({options})" for client in clients)
    return "".join([f"{BEGIN}\n", *(f"{path}\t{to}\n" for path in paths), f"{END}\n"])


def with_block(text: str, block: str) -> str:
    """`text` with `block` in it exactly once; every line outside it stays. Unparsable if a marker has no partner.

    exportfs uses the first of two lines for the same path and client, so a line written by hand takes precedence.
    """
    return managed_block.put(text, block, source="/etc/exports")
