"""`dlws completion SHELL`: prints the script with which a shell completes the commands, options and files of `dlws`."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from dlws.cli import dlws

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
VARIABLE = "_DLWS_COMPLETE"
"""The environment variable through which the script calls `dlws`."""


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script that completes `dlws` in your shell.

    \b
    bash:  dlws completion bash > ~/.local/share/bash-completion/completions/dlws
    zsh:   dlws completion zsh > "${fpath[1]}/_dlws"
    fish:  dlws completion fish > ~/.config/fish/completions/dlws.fish
    """
    click.echo(SHELLS[shell](dlws, {}, "dlws", VARIABLE).source())
