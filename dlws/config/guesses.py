"""Values that nobody chose: placeholders that were not replaced, and passwords that are tried first."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_BRACKETED: Final = re.compile(
    r"<.*>+|[$#]?\{.*\}|\$\(?[A-Z_]+\)?|%[A-Za-z_]+%|@[A-Za-z_]+@|__\w+__|\[\[.*\]\]|\(\(.*\)\)|\[[A-Za-z _-]+\]",
    re.DOTALL,
)
"""In the brackets of a template, of any language."""
_ASKING: Final = re.compile(
    r"(?i)\*{3,}|x{2,}([-_. @]x{2,})*(\.[a-z]+)*|todo|tbd|fixme|(please)?[-_ ]?change[-_ ]?(me|it|this).*"
    r"|(replace|fill|insert|enter|put)[-_ ]?(me|this|in|it|here|with|your).*|your([-_ ].*|password.*|key|secret|token)"
    r"|placeholder|machine[-_]hostname|to be (filled|set|done|defined).*"
    r"|.*(请填|填写|待定|待填|占位|你的|您的|请修改).*"
)
_MAIL: Final = re.compile(r"([^@]*)@([^@]+)\.[A-Za-z]+")
_NOBODY: Final = re.compile(r"(?i)x{2,}|your.*|someone|somewhere|change.*|placeholder")
_ANYBODY: Final = frozenset({"address", "company", "domain", "email", "mail", "name", "user", "username"})
"""Words of which both halves of a made-up address are, `name@domain.com`."""

_FIRST: Final = """
    abc abcd abc123 a1b2c3 admin administrator apulis atlas default demo dlws dlwsadmin dragon example football
    baseball guest hello iloveyou letmein manager master monkey princess root secret sigsus sunshine superman system
    temp test tiger toor welcome woaini password passwd pass pwd passwort 密码 口令
    asd asdf asdfgh asdfghjkl qaz qazwsx qwe qwer qwert qwerty qwertyuiop zxc zxcvbn zxcvbnm 1q2w3e4r 1qaz 2wsx @wsx
    zaq1 zaq12wsx 123qwe 1a2b3c4d
    spring summer autumn winter january february march april june july august september october november december
    ascend centos debian docker grafana harbor huawei huawei@cloud k8s kubernetes linux mind mysql nvidia oracle
    postgres prometheus redis ubuntu
"""
"""What lists of leaked passwords begin with, rows of keys, seasons (`Summer2021`), and what the cluster's own software
is called and delivered with: `Harbor12345`, `Mind@123`, `Huawei@CLOUD8!`."""
_FILLING: Final = """
    a be by change dummy enter fill filled for here in insert is it key login me my new none null of own please put
    replace sample set some the this to token user username value with your db database server sql
"""
"""Words that say that a password belongs here; together with those of _FIRST they are none."""
_TAIL: Final = re.compile(r"[^a-z]{1,7}$")
_LEET: Final = str.maketrans("@0$13457!", "aosieasti")
_FEWEST: Final = 6
"""Characters; judgement: shorter ones are tried one after the other, whatever they are."""
_DIGITS: Final = re.compile(r"[0-9]{1,10}|(.)\1*")


def is_placeholder(value: str) -> bool:
    """Whether a text asks to be replaced: `<name>`, `CHANGE-ME`, `XXX@XXX.com`, `{{ password }}`, `请填写`."""
    value = value.strip()
    if _BRACKETED.fullmatch(value) or _ASKING.fullmatch(value):
        return True
    if (mail := _MAIL.fullmatch(value)) is None:
        return False
    halves = [mail[1], *mail[2].split(".")]
    return any(map(_NOBODY.fullmatch, halves)) or all(half.lower() in _ANYBODY for half in halves)


def is_guessed(password: str, names: Collection[str]) -> bool:
    """Whether a password is among the first that are tried.

    It is made of words that everybody tries, of names of the cluster, or of words that only say that a password
    belongs here, with up to seven digits or signs behind them, letters written as digits (`P@ssw0rd!`), or is a few
    digits or one character, or fewer than six characters.
    """
    small = password.strip().lower()
    stems = {small, _TAIL.sub("", small)}
    stems |= {stem.translate(_LEET) for stem in stems}
    words = sorted({*_FIRST.split(), *_FILLING.split(), *(name.lower() for name in names)}, key=len, reverse=True)
    made = re.compile(rf"(?:[^a-z0-9]*(?:{'|'.join(map(re.escape, words))}))+[^a-z0-9]*")
    if 0 < len(small) < _FEWEST or _DIGITS.fullmatch(small):
        return True
    return any(map(made.fullmatch, stems))
