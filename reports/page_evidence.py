"""The evidence of the HTML page: what hosts answered, cut to what one page can hold.

A thousand hosts have some hundred megabytes of it. Each file is read once, line by line, and of each text only as much
is kept as the page may still show: the more texts there are, the less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from dlws.record.ledger import Result
from dlws.record.printable import clip
from dlws.record.run_folder import Command, RecordedRun
from dlws.verdict import Verdict
from reports.excerpt import Excerpt
from reports.moments import since

# The most characters kept of one output, for a finding and for any other test. The first pair with which all evidence
# fits into `EVIDENCE_TOTAL` is used.
EVIDENCE_LIMITS = ((24_000, 24_000), (24_000, 4_000), (24_000, 1_000), (6_000, 400), (1_500, 200), (400, 100))
EVIDENCE_TOTAL = 8_000_000
# The screenshot taken on the control host (check D42), as base64. It must not be clipped.
_PICTURE = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]+={0,2}\s*")
PICTURE_LIMIT = 600_000
_MARKS: Final = ("timed_out", "truncated", "encoded", "changes")
"""The fields of a command that the page has only where they are true."""


@dataclass(slots=True, eq=False)
class _Text:
    """One text, of however many commands."""

    excerpt: Excerpt
    is_picture: bool
    of_finding: bool

    def limit(self, limits: tuple[int, int]) -> int:
        """How many characters of it the page may show."""
        return PICTURE_LIMIT if self.is_picture else limits[0 if self.of_finding else 1]

    def clipped(self, limits: tuple[int, int]) -> str:
        """What the page shows of it."""
        return self.excerpt.clipped(self.limit(limits))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A command and its answer. `at` is in seconds since the run began, `marks` are those of `_MARKS` that are true."""

    n: int
    command: str
    rc: int | None
    out: _Text
    err: _Text
    at: float | None
    seconds: float
    marks: tuple[str, ...]

    def texts(self, limits: tuple[int, int]) -> dict[str, str]:
        """Command, output and error as far as the page shows them, without those that are empty."""
        command = clip(self.command, limits[0])  # many hosts are asked the same
        texts = {"command": command, "out": self.out.clipped(limits), "err": self.err.clipped(limits)}
        return {name: text for name, text in texts.items() if text}


class PageEvidence:
    """The commands that the results of a run refer to, with their answers. `missing` says which cannot be shown, why.

    `texts` are their texts in the order of the numbers by which `blocks` refer to them, each once.
    """

    def __init__(self, recorded: RecordedRun) -> None:
        self._began = recorded.ledger.run.started
        self._texts: dict[int, _Text] = {}
        self._marks: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._limits = list(EVIDENCE_LIMITS)
        self._lengths = [0] * len(EVIDENCE_LIMITS)
        shown = {ref for result in recorded.ledger.results if _is_finding(result) for ref in result.evidence}
        read = {ref: self._read(ref, command, ref in shown) for ref, command in recorded.commands()}
        self.missing: dict[str, str] = {}
        self._files: dict[str, list[_Asked]] = {}
        self.texts: dict[str, int] = {}
        for ref in recorded.references:  # in this order: the page has the same bytes each time
            asked = read.pop(ref)
            if isinstance(asked, str):
                self.missing[ref] = asked
                continue
            self._files.setdefault(ref.partition("#")[0], []).append(asked)
            for text in asked.texts(self._limits[0]).values():
                self.texts.setdefault(text, len(self.texts))

    def blocks(self) -> Iterator[tuple[str, dict[int, Any]]]:
        """Each evidence file with its commands by number, made when it is its turn."""
        for file, commands in self._files.items():
            yield file, {asked.n: self._details(asked) for asked in commands}

    def _details(self, asked: _Asked) -> dict[str, Any]:
        texts = {name: self.texts[text] for name, text in asked.texts(self._limits[0]).items()}
        command = {name: texts.pop(name) for name in ("command",) if name in texts}
        took = {name: value for name, value in (("at", asked.at), ("seconds", asked.seconds)) if value}
        return {**command, "rc": asked.rc, **texts, **took, **dict.fromkeys(asked.marks, True)}

    def _read(self, ref: str, command: Command | str, of_finding: bool) -> _Asked | str:
        """A command as far as the page can show it; a reason why it cannot be shown stays as it is."""
        if isinstance(command, str):
            return command
        marks = tuple(mark for mark in _MARKS if getattr(command, mark))
        is_picture = ref.startswith("control.") and bool(_PICTURE.fullmatch(command.out))
        return _Asked(
            n=command.n,
            command=command.command,
            rc=command.rc,
            out=self._text(command.out, is_picture, of_finding),
            err=self._text(command.err, is_picture, of_finding),
            at=since(command.at, self._began),
            seconds=command.seconds,
            marks=self._marks.setdefault(marks, marks),
        )

    def _text(self, words: str, is_picture: bool, of_finding: bool) -> _Text:
        """The one object for a text, by its hash: the text itself need not be kept whole."""
        key, length = hash((len(words), words)), len(words)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = _Text(Excerpt(0, ""), is_picture, of_finding)
            more = [min(length, pair[0 if of_finding else 1]) for pair in self._limits]
        elif of_finding and not text.of_finding:
            text.of_finding = True
            more = [min(length, finding) - min(length, other) for finding, other in self._limits]
        else:
            return text
        text.excerpt = Excerpt.of(words, text.limit(self._limits[0]))
        self._count(more)
        return text

    def _count(self, more: list[int]) -> None:
        """Add what each pair of limits lets through of a text, and drop the pairs with which it is too much by now."""
        self._lengths = [sum(both) for both in zip(self._lengths, more, strict=True)]
        if self._lengths[0] <= EVIDENCE_TOTAL or len(self._limits) == 1:
            return
        while self._lengths[0] > EVIDENCE_TOTAL and len(self._limits) > 1:
            del self._limits[0], self._lengths[0]
        for text in self._texts.values():
            text.excerpt = text.excerpt.cut(text.limit(self._limits[0]))


def _is_finding(result: Result) -> bool:
    return result.verdict.is_red or result.verdict is Verdict.WARN
