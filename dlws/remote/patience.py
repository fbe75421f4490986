"""How long one host may keep the checks waiting: a silent host costs a deadline or two, not one for each check."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from dlws.record.answer import Answer, CommandTimedOut, Unreachable
from dlws.verdict import Unknown

PULSE = "true"
"""A host that does not even run this within PULSE_DEADLINE seconds hangs."""
PULSE_DEADLINE = 5.0
IN_A_ROW = 2  # time-outs without an answer between them after which the host's pulse is taken
SILENCES = 2  # sessions that have fallen silent, whatever each had answered before, after which the host is lost
OVERTIME = 60.0  # seconds that the time-outs of a host may cost before nothing is asked a second time
AT_MOST = 600.0  # seconds of an audit that one host's answers may take, all together; a slow honest one needs fewer


class Patience:
    """Asks a host for answers until it is lost; from then on its loss is raised without asking."""

    def __init__(self, host: str, pulse: Callable[[], Answer], *, retry: float, retry_hanging: float) -> None:
        """`pulse` runs PULSE. A lost host is tried again after `retry` s, one that hangs after `retry_hanging` s."""
        self._host, self._pulse = host, pulse
        self._retry, self._retry_hanging = retry, retry_hanging
        self.renew()

    def renew(self) -> None:
        """Forget what the host was lost by, and what it has cost."""
        self._lost: tuple[float, Unreachable] | None = None  # until when it is not tried again, and why
        self._stalled, self._silences, self._overtime, self._waited = 0, 0, 0.0, 0.0

    @property
    def is_over(self) -> bool:
        """Whether the host's time-outs have cost so much that what timed out is not asked again."""
        return self._overtime >= OVERTIME

    def raise_loss(self) -> None:
        """Raise the Unreachable by which the host was lost, if it is too early to try it again."""
        if self._lost is not None and time.monotonic() < self._lost[0]:
            raise self._lost[1].again()

    def rationed(self, ask: Callable[[], list[Answer]]) -> list[Answer]:
        """As `answers`; once all of these have taken `AT_MOST` seconds the host is lost for good.

        A host that answers each question just before its deadline never times out.
        """
        if self._waited > AT_MOST and self._lost is None:
            slow = f"{self._host}: its answers have taken more than {AT_MOST:g} s of this run: it is asked nothing more"
            self._lost = math.inf, Unreachable(slow)
        started = time.monotonic()
        try:
            return self.answers(ask)
        finally:
            self._waited += time.monotonic() - started

    def answers(self, ask: Callable[[], list[Answer]]) -> list[Answer]:
        """The answers of `ask`. Raises Unreachable for a host that is lost, or that turns out to hang."""
        self.raise_loss()
        started = time.monotonic()
        try:
            answers = ask()
        except Unreachable as error:
            self._lost = time.monotonic() + self._retry, error
            raise
        except CommandTimedOut as error:
            self._silences += 1
            if self._silences >= SILENCES:
                self._lost = time.monotonic() + self._retry_hanging, self._silent(error)
                raise self._lost[1] from None
            self.take_pulse(str(error))
            raise
        self._lost = None
        stopped = [answer for answer in answers if answer.timed_out]
        self._stalled = self._stalled + 1 if stopped and len(stopped) == len(answers) else 0
        self._overtime += time.monotonic() - started if stopped else 0.0
        if self._stalled >= IN_A_ROW:
            self._stalled = 0
            self.take_pulse(f"stopped at its deadline: {stopped[-1].command}")
        return answers

    def take_pulse(self, after: str = "") -> None:
        """Raise Unreachable, now and later, if the host does not even run `true`; `after` is what went before."""
        try:
            if not self._pulse().timed_out:
                return
            lost = self._hanging(after)
        except Unreachable as error:
            lost = error
        except Unknown as error:
            lost = self._hanging(after or str(error))
        self._lost = time.monotonic() + self._retry_hanging, lost
        raise lost

    def _silent(self, error: CommandTimedOut) -> Unreachable:
        after = str(error).removeprefix(f"{self._host}: ")
        return Unreachable(
            f"{self._host}: hangs: it accepts logins, but {SILENCES} sessions have fallen silent; {after}."
            " Look at its console and its disks, or restart it"
        )

    def _hanging(self, after: str) -> Unreachable:
        before = f"; before that, {after.removeprefix(f'{self._host}: ')}" if after else ""
        return Unreachable(
            f"{self._host}: hangs: it accepts logins, but the command `{PULSE}` does not end within "
            f"{PULSE_DEADLINE:g} s{before}. Look at its console and its disks, or restart it"
        )
