"""Values that were published with the runbook and so are no longer secret; recognised without being stored.

Only salted, stretched hashes are kept; `digest` computes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

SHORTEST: Final = 8
"""Characters; every published value is longer, so shorter ones need no hash."""
_SALT: Final = b"dlws-suite/leaked/1"
_ROUNDS: Final = 3000
"""Enough to make guessing from the hashes slow, and cheap enough for all values of a configuration (0.6 ms each)."""


class Harm(Enum):
    """The harm that using a published value does."""

    OPEN = "everybody knows it"
    STRANGER = "it belongs to somebody else"


@dataclass(frozen=True, slots=True)
class Leak:
    """A published value: its role in the runbook, and the harm it does here."""

    what: str
    harm: Harm


def digest(value: str) -> str:
    """The salted hash by which a published value is recognised (PBKDF2-HMAC-SHA256, 16 bytes, in hex)."""
    return hashlib.pbkdf2_hmac("sha256", value.encode("utf-8"), _SALT, _ROUNDS, dklen=16).hex()


def leak_of(value: str, known_leaks: Mapping[str, Leak]) -> Leak | None:
    """The leak that `value` is; None if it was not published."""
    return known_leaks.get(digest(value)) if len(value) >= SHORTEST else None


KNOWN: Final[Mapping[str, Leak]] = {
    "14a743d67cf61708a03936220b7284a7": Leak("the runbook's MySQL root password", Harm.OPEN),
    "316d4af57b0b74e13691ade83509ffaa": Leak("the runbook's Microsoft client secret", Harm.OPEN),
    "477ab57ee93ce872339a25cd4518fbac": Leak("the runbook's WeChat secret", Harm.OPEN),
    "247b4bed4b8791d4b9d080d9c7c7135f": Leak("the runbook's SMTP password", Harm.OPEN),
    "4d8efc5900c0202f2e669bfa0024c334": Leak("the runbook's other SMTP password", Harm.OPEN),
    "eed46be9c65759ba8c15831e83fd35f5": Leak("the runbook's Microsoft tenant", Harm.STRANGER),
    "d61d13997d2932e2a10ec626a3d6d222": Leak("the runbook's Microsoft application", Harm.STRANGER),
    "4b9adde7530b52a02ceeb60a60afd324": Leak("the runbook's WeChat application", Harm.STRANGER),
    "e07dc34cda2c1313e19188180b99f7c3": Leak("a mail address of the runbook's authors", Harm.STRANGER),
    "fb7d3e897e1014007f28b31fd5e78877": Leak("a mail address of the runbook's authors", Harm.STRANGER),
    "58b3655f0d127b720fc62307e1e05ec1": Leak("a mail address of the runbook's authors", Harm.STRANGER),
    "1dcc1500ecbf4db8d342c8253cdf6020": Leak("a mail address of the runbook's authors", Harm.STRANGER),
    "e2563e20b70ef8518f7b67633189eeaa": Leak("a mail address of the runbook's authors", Harm.STRANGER),
    "b7a40f3a8ffc4fe5ab1155e0e6715a69": Leak("a mail address of the runbook's authors", Harm.STRANGER),
    "6961b2c3797663fc5a4398f081e3a338": Leak("a mail address of the runbook's authors", Harm.STRANGER),
}
