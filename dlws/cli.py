"""The `dlws` command. Its subcommands are defined in the packages they belong to, and are found by their entry points.

An entry point of the group `dlws.commands` is a click command. It is loaded only when it is used, so that `dlws lint`
starts fast, and a part of the suite that cannot be loaded does not break the other commands.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from dlws.record.ownership import denied
from dlws.record.printable import visible

ENTRY_POINTS = "dlws.commands"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What write(2) says where a file cannot grow: no space, a quota, a limit."""


class Refused(click.ClickException):
    """Ends a command that cannot start, with one line on stderr and exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message; nothing that it quotes steers the terminal."""
        click.echo(visible(self.format_message()), file=file, err=file is None)


class Failed(Refused):
    """Ends a command that failed, with one line on stderr and exit status 1."""

    exit_code = 1


class Unloadable(click.Command):
    """Takes the place of a command that cannot be loaded, and says why."""

    def __init__(self, name: str, error: Exception) -> None:
        self.reason = f"cannot be loaded: {type(error).__name__}: {error}"
        super().__init__(name, short_help=self.reason)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Raises Failed, whatever the arguments."""
        raise Failed(f"dlws {self.name} {self.reason}")


@cache
def installed() -> Mapping[str, EntryPoint]:
    """The entry points of the commands by name, in alphabetical order. Raises Failed when there are none."""
    points = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)
    if not points:
        raise Failed("dlws: the suite is not installed here, or the installation is too old: run `make env`")
    return {point.name: point for point in points}


class Commands(click.Group):
    """The installed commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, without loading any."""
        return list(installed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded now; an Unloadable if that fails; None if there is no such command."""
        if cmd_name not in installed():
            return None
        try:
            command = installed()[cmd_name].load()
        except Exception as error:
            return Unloadable(cmd_name, error)
        return command if isinstance(command, click.Command) else Unloadable(cmd_name, TypeError("not a command"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names. click.NoSuchCommand, with similar names, if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=installed(), ctx=ctx) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dlws-suite", prog_name="dlws")
def dlws() -> None:
    """Work with a DLWS cluster's configuration, checks and reports.

    Installing and auditing a cluster is done with pytest: pytest -m install, pytest -m verify (see README.md).
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        status = dlws.main(arguments, prog_name="dlws", standalone_mode=False)
        sys.stdout.flush()  # at the interpreter's end it would be too late for a message of one line
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PermissionError as error:
        Failed(denied(error)).show()
        return Failed.exit_code
    except BrokenPipeError:  # `dlws ... | head` has seen enough; click's own status for it
        _drop_output()
        return 1
    except OSError as error:
        if error.filename is not None or error.errno not in NO_ROOM:
            raise
        _drop_output()
        Failed(f"dlws: the output cannot be written: {error.strerror} (make room, or send it elsewhere)").show()
        return Failed.exit_code
    except click.Abort:
        print("aborted", file=sys.stderr)
        return 1
    return int(status or 0)


def _drop_output() -> None:
    """Send the rest of stdout nowhere: the interpreter would try it once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
