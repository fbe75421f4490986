"""What all parsers share: text without terminal noise, and the error that names the line not understood."""

from __future__ import annotations

import re

from dlws.verdict import Unparsable

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_SHOWN = 120


def unparsable(source: str, line: str = "", why: str = "not understood") -> Unparsable:
    """The error to raise: `source` is the command or file, `line` the offending line (cut to 120 characters)."""
    shown = line.strip()[:_SHOWN]
    return Unparsable(f"{source}: {why}: {shown!r}" if shown else f"{source}: {why}")


def clean(source: str, text: str) -> str:
    """`text` without ANSI escapes, byte-order mark and carriage returns.

    Raises Unparsable for NUL: no tool prints it, but a page of it is what a file looks like after a crash.
    """
    if "\0" in text:
        raise unparsable(source, text.partition("\0")[0].rpartition("\n")[2], "NUL in the output after")
    return _ESCAPES.sub("", text).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def lines(source: str, text: str) -> list[str]:
    """The non-blank lines of the cleaned text, without trailing white space."""
    return [line.rstrip() for line in clean(source, text).split("\n") if line.strip()]


def lines_from(source: str, text: str, start: re.Pattern[str]) -> list[str]:
    """The non-blank lines from the first that begins with `start`; what precedes it is a banner (MOTD).

    Raises Unparsable when no line does.
    """
    found = lines(source, text)
    for index, line in enumerate(found):
        if start.match(line):
            return found[index:]
    raise unparsable(source, found[0] if found else "", "not understood" if found else "no output")


def only_line(source: str, text: str) -> str:
    """The one non-blank line of the text, stripped. Raises Unparsable for none or several."""
    found = lines(source, text)
    if len(found) != 1:
        raise unparsable(source, found[0] if found else "", f"{len(found)} lines where one was expected")
    return found[0].strip()


def number(source: str, digits: str) -> int:
    """A non-negative decimal integer of at most 19 digits. Raises Unparsable for anything else."""
    if re.fullmatch(r"[0-9]{1,19}", digits) is None:
        raise unparsable(source, digits, "not a number")
    return int(digits)


def unescaped(field: str) -> str:
    r"""A field of /etc/fstab or of the kernel's tables, in which `\040` stands for a blank (fstab(5))."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda octal: chr(int(octal[1], 8)), field)
