"""A question at the operator's terminal whose input may end before an answer: `</dev/null`, a pipe, cron, Ctrl-D."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


class Unanswered(Exception):
    """A question that nobody answers, or an option whose value cannot be; the message is the whole line."""


@contextmanager
def asking(question: str, fix: str) -> Iterator[None]:
    """Ask with click. Raises Unanswered where the input ends before an answer; Ctrl-C is click.Abort, as ever.

    click raises Abort for both, in the place of EOFError and KeyboardInterrupt (click 8.4, termui.py).
    """
    try:
        yield
    except click.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise
        click.echo()  # the question stands on a line that has not ended
        raise Unanswered(f'"{question}" was not answered, because the input has ended ({fix})') from None
