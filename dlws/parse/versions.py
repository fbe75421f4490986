"""Versions of drivers, Ubuntu, Docker and Kubernetes, ordered by their publishers' rules.

Every parser raises Unparsable for any other text. `versions.nvidia("418.87.00") < versions.nvidia("430")`,
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
_RANKS = {"rc": -1, "": 0, "b": 1, "spc": 1}
"""What a part with these letters is to the same version without it: a build, and a service pack, follow."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Numbers are compared part by part, 430 = 430.0; a pre-release precedes its release. `text` is the original."""

    numbers: tuple[int, ...]
    stage: tuple[int, int] = _RELEASED
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text


def nvidia(text: str) -> Version:
    """An NVIDIA driver as printed by nvidia-smi: 418.87.00, 440.33.01, 535.104.05."""
    return _numeric("NVIDIA driver version", text)


def ubuntu(text: str) -> Version:
    """An Ubuntu release or point release: 18.04 < 18.04.1 < 18.04.4 < 20.04."""
    return _numeric("Ubuntu version", text)


def docker(text: str) -> Version:
    """A Docker engine: 18.06.1-ce, 19.03.12, 20.10.24+dfsg1 (the build after `+` is ignored), 23.0.0-rc.1."""
    match = _DOCKER.fullmatch(text.strip())
    if match is None:
        raise unparsable("Docker version", text)
    stage = (["alpha", "beta", "rc"].index(match["stage"]), int(match["count"])) if match["stage"] else _RELEASED
    return Version(_trimmed(match["numbers"]), stage, text.strip())


def kubernetes(text: str) -> Version:
    """A Kubernetes release as printed by kubeadm and kubelet (v1.20.2), or its Debian package (1.20.2-00)."""
    return _numeric("Kubernetes version", text.strip().removeprefix("v").partition("-")[0])


@total_ordering
@dataclass(frozen=True, slots=True)
class Ascend:
    """An Ascend driver version: parts of letters (lower case) and a number, without trailing zeros.

    Comparing raises Unparsable where the scheme defines no order: different letters in the same place (T and B).
    """

    parts: tuple[tuple[str, int], ...]
    text: str = field(compare=False)

    def __lt__(self, other: Ascend) -> bool:
        majors = {self.major, other.major}
        if len(majors) > 1 and min(majors) > 1 and self.is_test_build != other.is_test_build:
            raise unparsable("Ascend version", f"{self.text} and {other.text}", "no order between")
        for own, its in zip_longest(self.parts, other.parts, fillvalue=_PLAIN):
            if own != its:
                return self._comes_first(own, its, other)
        return False

    def __str__(self) -> str:
        return self.text

    @property
    def major(self) -> int:
        """Its first number."""
        return self.parts[0][1] if self.parts else 0

    @property
    def is_test_build(self) -> bool:
        """Whether it is a build for tests. Above 1 they are numbered apart from releases: 8.5.T7.0.B053."""
        return any(letters == "t" for letters, _ in self.parts)

    def _comes_first(self, own: tuple[str, int], its: tuple[str, int], other: Ascend) -> bool:
        if own[0] == its[0]:
            return own[1] < its[1]
        ranked = own[0] in _RANKS and its[0] in _RANKS and _RANKS[own[0]] != _RANKS[its[0]]
        # A service pack, or a build, follows the release it is of, which has 0 or nothing in this place; others are not
        # ordered.
        patches_another = bool({"spc", "b"} & {own[0], its[0]}) and any(
            letters == "" and number for letters, number in (own, its)
        )
        if not ranked or patches_another:
            raise unparsable("Ascend version", f"{self.text} and {other.text}", "no order between")
        return _RANKS[own[0]] < _RANKS[its[0]]


def ascend(text: str) -> Ascend:
    """An Ascend driver as in version.info: 1.72.T2.100.B020, 1.73.T105.0.B050, 20.1.rc1, 20.2.2.spc001, 23.0.3.

    Numbers compare as numbers (T2 < T105, B020 = B20); rc < (none) < spc, and < a build; case is ignored.
    """
    matches = [_ASCEND_PART.fullmatch(part) for part in text.strip().lower().split(".")]
    parts = tuple((match[1], int(match[2])) for match in matches if match is not None)
    if len(parts) != len(matches) or len(parts) < 2 or parts[0][0]:
        raise unparsable("Ascend version", text)
    while parts and parts[-1] == _PLAIN:
        parts = parts[:-1]
    return Ascend(parts, text.strip())


def _numeric(source: str, text: str) -> Version:
    if _NUMBERS.fullmatch(text.strip()) is None:
        raise unparsable(source, text)
    return Version(_trimmed(text.strip()), text=text.strip())


def _trimmed(numbers: str) -> tuple[int, ...]:
    parts = [int(part) for part in numbers.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
