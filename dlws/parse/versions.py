"""Orderable versions of drivers, Ubuntu, Docker and Kubernetes, each by its publisher's rule. Or raises Unparsable.

`versions.nvidia("418.87.00") < versions.nvidia("430")`,
`versions.ascend("1.72.T2.100.B020") < versions.ascend("20.1.0")`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import total_ordering
from itertools import zip_longest

from dlws.parse.text import unparsable

_NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
_DOCKER = re.compile(
    r"v?(?P<numbers>[0-9]{1,9}(?:\.[0-9]{1,9}){2})(?:-(?P<stage>alpha|beta|rc)\.?(?P<count>[0-9]{1,4}))?"
    r"(?:-(?:ce|ee)(?:-[0-9]{1,3})?)?(?:\+[A-Za-z0-9.~-]+)?"
)
_ASCEND_PART = re.compile(r"([a-z]*)([0-9]{1,9})")
_RELEASED = (3, 0)
_PLAIN = ("", 0)
_RANKS = {"rc": -1, "": 0, "spc": 1}


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Numbers compared part by part, 430 = 430.0; a pre-release sorts before its release. `text` is as read."""

    numbers: tuple[int, ...]
    stage: tuple[int, int] = _RELEASED
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text


def nvidia(text: str) -> Version:
    """An NVIDIA driver, as nvidia-smi prints it: 418.87.00, 440.33.01, 535.104.05."""
    return _numeric("NVIDIA driver version", text)


def ubuntu(text: str) -> Version:
    """An Ubuntu release or point release: 18.04 < 18.04.1 < 18.04.4 < 20.04."""
    return _numeric("Ubuntu version", text)


def docker(text: str) -> Version:
    """A Docker engine: 18.06.1-ce, 19.03.12, 20.10.24+dfsg1 (the build after `+` counts for nothing), 23.0.0-rc.1."""
    found = _DOCKER.fullmatch(text.strip())
    if found is None:
        raise unparsable("Docker version", text)
    stage = (["alpha", "beta", "rc"].index(found["stage"]), int(found["count"])) if found["stage"] else _RELEASED
    return Version(_trimmed(found["numbers"]), stage, text.strip())


def kubernetes(text: str) -> Version:
    """A Kubernetes release as kubeadm and kubelet name it (v1.20.2), or the Debian package of one (1.20.2-00)."""
    return _numeric("Kubernetes version", text.strip().removeprefix("v").partition("-")[0])


@total_ordering
@dataclass(frozen=True, slots=True)
class Ascend:
    """An Ascend driver version: parts of letters and a number, lower case, without trailing plain zeros.

    Ordering raises Unparsable where the scheme gives no order: other letters in the same place (T against B).
    """

    parts: tuple[tuple[str, int], ...]
    text: str = field(compare=False)

    def __lt__(self, other: Ascend) -> bool:
        for own, its in zip_longest(self.parts, other.parts, fillvalue=_PLAIN):
            if own != its:
                return self._comes_first(own, its, other)
        return False

    def __str__(self) -> str:
        return self.text

    def _comes_first(self, own: tuple[str, int], its: tuple[str, int], other: Ascend) -> bool:
        if own[0] == its[0]:
            return own[1] < its[1]
        ranked = own[0] in _RANKS and its[0] in _RANKS
        # A service pack follows the release it patches, whose part is 0 or none here; to other numbers it has no order.
        patches_another = "spc" in (own[0], its[0]) and any(letters == "" and number for letters, number in (own, its))
        if not ranked or patches_another:
            raise unparsable("Ascend version", f"{self.text} and {other.text}", "no order between")
        return _RANKS[own[0]] < _RANKS[its[0]]


def ascend(text: str) -> Ascend:
    """An Ascend driver, as version.info has it: 1.72.T2.100.B020, 1.73.T105.0.B050, 20.1.rc1, 20.2.2.spc001, 23.0.3.

    T2 < T105 and B020 = 20, since numbers count as numbers; rc < (none) < spc; upper and lower case are the same.
    """
    parts = [_ASCEND_PART.fullmatch(part) for part in text.strip().lower().split(".")]
    found = tuple((part[1], int(part[2])) for part in parts if part is not None)
    if len(found) != len(parts) or len(found) < 2 or found[0][0]:
        raise unparsable("Ascend version", text)
    while found[-1] == _PLAIN and len(found) > 1:
        found = found[:-1]
    return Ascend(found, text.strip())


def _numeric(source: str, text: str) -> Version:
    if _NUMBERS.fullmatch(text.strip()) is None:
        raise unparsable(source, text)
    return Version(_trimmed(text.strip()), text=text.strip())


def _trimmed(numbers: str) -> tuple[int, ...]:
    found = [int(part) for part in numbers.split(".")]
    while len(found) > 1 and found[-1] == 0:
        found.pop()
    return tuple(found)
