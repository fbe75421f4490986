"""How the operator is asked: at a terminal, or not at all (`--yes`), where every answer is an option or the default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click
from pydantic_core import PydanticCustomError

from dlws.config.finding import shown

Reader = Callable[[str], Any]
"""A validator of `dlws.config.values`: returns the value, or raises a refusal."""


class Unanswered(Exception):
    """A question that nobody is there to answer, or an option whose value cannot be; the message is the whole line."""


class Dialogue(Protocol):
    """Somebody who answers questions, or nobody."""

    def text(self, option: str, question: str, default: str | None, read: Reader) -> str:
        """A valid answer. Raises Unanswered without a terminal, where there is no default."""

    def secret(self, option: str, question: str) -> str:
        """A password, asked for without echo. Raises Unanswered without a terminal."""

    def confirms(self, option: str, question: str) -> bool:
        """Whether the operator says yes. Raises Unanswered without a terminal."""


class Terminal:
    """Asks at the terminal, again while the answer is not valid."""

    def text(self, option: str, question: str, default: str | None, read: Reader) -> str:
        """See `Dialogue.text`."""

        def value(given: str) -> str:
            try:
                return str(read(given.strip()))
            except PydanticCustomError as error:
                raise click.UsageError(_words(error)) from None

        with _answered(question, f"add {option}"):
            return str(click.prompt(question, default=default, value_proc=value))

    def secret(self, option: str, question: str) -> str:
        """See `Dialogue.secret`."""
        with _answered(question, option):
            return str(click.prompt(question, hide_input=True))

    def confirms(self, option: str, question: str) -> bool:
        """See `Dialogue.confirms`."""
        with _answered(question, option):
            return click.confirm(question)


class Silent:
    """Asks nobody."""

    def text(self, option: str, question: str, default: str | None, read: Reader) -> str:
        """See `Dialogue.text`."""
        if default is None:
            raise Unanswered(f"{question}: not given (add {option})")
        return checked(option, default, read)

    def secret(self, option: str, question: str) -> str:
        """See `Dialogue.secret`."""
        raise Unanswered(f"{question}: not given ({option})")

    def confirms(self, option: str, question: str) -> bool:
        """See `Dialogue.confirms`."""
        raise Unanswered(f"{question} Nobody is asked with --yes ({option})")


@contextmanager
def _answered(question: str, fix: str) -> Iterator[None]:
    """A question that is put. Unanswered where the input ends first; an interrupt goes on, on a line of its own."""
    try:
        yield
    except click.Abort as error:
        click.echo(err=True)
        if isinstance(error.__context__, EOFError):  # click makes an Abort of an interrupt, too
            raise Unanswered(f"{question}: the input ended without an answer ({fix})") from None
        raise


def checked(option: str, given: str, read: Reader) -> str:
    """The value of an option. Unanswered if it is not valid."""
    try:
        return str(read(given))
    except PydanticCustomError as error:
        raise Unanswered(f"{option}: {_words(error)}") from None


def known_or_asked(
    dialogue: Dialogue, given: str | None, option: str, question: str, default: str | None, read: Reader
) -> str:
    """The value of an option that was given, else what the operator answers."""
    return dialogue.text(option, question, default, read) if given is None else checked(option, given, read)


def _words(error: PydanticCustomError) -> str:
    context = error.context or {}
    return f"{context.get('message', shown(str(error)))} ({context.get('fix', 'correct it')})"
