"""Shared by all parsers: removing terminal escapes, splitting into lines, and the error that quotes the line."""

from __future__ import annotations

import re

from dlws.verdict import Unparsable

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")
_DIGITS = re.compile(r"[0-9]{1,19}")
_SHOWN = 120


def unparsable(source: str, line: str = "", why: str = "not understood") -> Unparsable:
    """The error to raise. `source` is the command or file, `line` the offending line (cut to 120 characters)."""
    shown = line.strip()[:_SHOWN]
    return Unparsable(f"{source}: {why}: {shown!r}" if shown else f"{source}: {why}")


def clean(source: str, text: str) -> str:
    """`text` without ANSI escapes, byte-order mark and carriage returns.

    Raises Unparsable for NUL, which no tool prints but which may fill a file after a crash.
    """
    if "\0" in text:
        raise unparsable(source, text.partition("\0")[0].rpartition("\n")[2], "NUL in the output after")
    return _ESCAPES.sub("", text).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def lines(source: str, text: str) -> list[str]:
    """The non-blank lines of the cleaned text, without trailing white space."""
    return [line.rstrip() for line in clean(source, text).split("\n") if line.strip()]


def lines_from(source: str, text: str, start: re.Pattern[str]) -> list[str]:
    """The non-blank lines from the first one that matches `start`; those before it are a banner (MOTD).

    Raises Unparsable if no line matches.
    """
    output = lines(source, text)
    for index, line in enumerate(output):
        if start.match(line):
            return output[index:]
    raise unparsable(source, output[0] if output else "", "not understood" if output else "no output")


def only_line(source: str, text: str) -> str:
    """The only non-blank line of the text, stripped. Raises Unparsable for none or several."""
    output = lines(source, text)
    if len(output) != 1:
        raise unparsable(source, output[0] if output else "", f"{len(output)} lines where one was expected")
    return output[0].strip()


def number(source: str, digits: str) -> int:
    """A non-negative decimal integer of at most 19 digits. Raises Unparsable for anything else."""
    if _DIGITS.fullmatch(digits) is None:
        raise unparsable(source, digits, "not a number")
    return int(digits)


def unescaped(field: str) -> str:
    r"""A field of /etc/fstab or of the kernel's tables, in which `\040` stands for a blank (fstab(5))."""
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field) if "\\" in field else field
