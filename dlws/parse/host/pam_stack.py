"""The way through a stack of PAM's modules: _pam_dispatch_aux of libpam/pam_dispatch.c, of 1.1.8 as of 1.7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a module may answer, `success`, `ignore` or `failure`, and the action that its line has for that."""

    answer: str
    action: str


@dataclass(frozen=True, slots=True)
class Step:
    """A module of a stack: the line that names it, how many substacks it is in, and what may come of it.

    A line that enters a substack is a step without outcomes. `is_known`: it is known what its module answers.
    """

    line: str
    level: int
    outcomes: tuple[Outcome, ...]
    is_known: bool = True


class Impression(Enum):
    """What counts so far. `OTHER` is a positive one whose status is not PAM_SUCCESS: `[ignore=ok]`."""

    UNDECIDED = auto()
    YES = auto()
    OTHER = auto()
    NO = auto()


@dataclass(frozen=True, slots=True)
class _State:
    impression: Impression
    said: tuple[Step, ...] = field(default=(), compare=False)
    """The steps that have led there; what comes next does not depend on them."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Before a step of the stack: with which state, and with which one each substack around it was entered."""

    index: int
    now: _State
    entered: tuple[_State, ...]


def way(steps: Sequence[Step]) -> tuple[Step, ...] | None:
    """The steps that say yes on a way on which the stack succeeds, few of them; None where there is none.

    Each place is gone through once, whatever the way to it, so that long stacks take no longer than their length.
    """
    nothing, order, seen = _State(Impression.UNDECIDED), count(), set[_Place]()
    ahead = [(0, next(order), _Place(0, nothing, (nothing,)))]
    while ahead:
        place = heappop(ahead)[-1]
        if place in seen:
            continue
        seen.add(place)
        if place.index < len(steps):
            outcomes = steps[place.index].outcomes
            for after in [_after(steps, place, outcome) for outcome in outcomes] or [_inside(steps, place)]:
                heappush(ahead, (len(after.now.said), next(order), after))
        elif place.now.impression is Impression.YES:
            return place.now.said
    return None


def _inside(steps: Sequence[Step], place: _Place) -> _Place:
    entered = (*place.entered[: steps[place.index].level + 1], place.now)
    return _Place(place.index + 1, place.now, entered)


def _after(steps: Sequence[Step], place: _Place, outcome: Outcome) -> _Place:
    step, action = steps[place.index], outcome.action
    entered = place.entered[: step.level + 1]
    now, following = _counted(step, outcome, place.now), place.index + 1
    if action == "reset":
        now = entered[step.level]
    elif action.isdecimal():
        following, left = _jumped(steps, place.index, int(action))
        now = _State(Impression.NO) if left else now  # "bad jump in stack": it goes beyond the end
    elif action == "die" or (action == "done" and now.impression in (Impression.YES, Impression.OTHER)):
        following = next((n for n in range(following, len(steps)) if steps[n].level < step.level), len(steps))
    return _Place(following, now, entered)


def _counted(step: Step, outcome: Outcome, before: _State) -> _State:
    """The state with the answer of a module, wherever the stack goes on."""
    answer, action = outcome
    is_part = action != "ignore" or not step.is_known
    yes = answer == "success" or (answer == "ignore" and not step.is_known)
    said = (*before.said, step) if yes and is_part else before.said
    if action in ("bad", "die"):
        return _State(Impression.NO)
    if action in ("ok", "done") and before.impression in (Impression.UNDECIDED, Impression.YES):
        return _State(Impression.YES if answer == "success" else Impression.OTHER, said)
    return _State(before.impression, said)


def _jumped(steps: Sequence[Step], index: int, width: int) -> tuple[int, int]:
    """Where a jump ends, and by how many steps it would go beyond its substack. A substack counts as one step."""
    level, last = steps[index].level, len(steps) - 1
    while width and index < last and steps[index + 1].level >= level:
        index += 1
        while index < last and steps[index + 1].level > level:
            index += 1
        width -= 1
    return index + 1, width
