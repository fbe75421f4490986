"""A managed block in a file that people edit too: the lines between two markers belong to the suite."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from dlws.verdict import Unparsable


def put(text: str, block: str, *, source: str, keep: Callable[[str], Iterable[str]] = lambda line: [line]) -> str:
    """`text` with `block` in it exactly once, in the place of an earlier one or else at the end.

    The first and the last line of the block are its markers. `keep` maps each line outside the block to the lines that
    stay, by default itself. `source` names the file in messages. Idempotent.
    Raises Unparsable if a marker has no partner, because it is then unknown which lines are the suite's.
    """
    begin, end = block.splitlines()[0], block.splitlines()[-1]
    kept: list[str] = []
    place: int | None = None
    inside = False
    for line in io.StringIO(text, newline="\n"):
        marker = line.strip()
        if marker in (begin, end):
            if inside is (marker == begin):
                raise Unparsable(f"{source}: {'BEGIN' if marker == begin else 'END'} marker without its partner")
            inside = marker == begin
            place = len(kept) if place is None else place
        elif not inside:
            kept.extend(keep(line))
    if inside:
        raise Unparsable(f"{source}: BEGIN marker without its partner")
    before, after = "".join(kept[:place]), "".join(kept[place:] if place is not None else [])
    if before and not before.endswith("\n"):
        before += "\n"
    return before + block + after
