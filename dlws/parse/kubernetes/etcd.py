"""etcd's HTTP endpoints and JSON gateway (below /v3, in etcd 3.3 below /v3beta)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from dlws.parse.text import unparsable

QUOTA = 2 << 30  # bytes; etcd's default --quota-backend-bytes
_QUOTA_FLAG = re.compile(r" --?quota-backend-bytes[= ](?P<bytes>[0-9]{1,18})(?: |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Status:
    """POST /maintenance/status: the leader's id, the database's size in bytes, etcd's own alarms and errors.

    `quota` is the most bytes that the database may have, from etcd 3.6 on; 0 where it does not say.
    """

    leader: int
    size: int
    errors: tuple[str, ...]
    quota: int = 0


def health(text: str) -> bool:
    """GET /health: `{"health":"true"}`; newer versions add a reason."""
    answer = _object("etcd /health", text)
    if str(answer.get("health")).lower() not in ("true", "false"):
        raise unparsable("etcd /health", text)
    return str(answer["health"]).lower() == "true"


def status(text: str) -> Status:
    """POST /maintenance/status. Numbers are JSON strings; zeros are omitted."""
    answer = _object("etcd status", text)
    if "header" not in answer:
        raise unparsable("etcd status", text)
    try:
        errors = tuple(map(str, answer.get("errors") or ()))
        leader, size, quota = (int(answer.get(name, 0)) for name in ("leader", "dbSize", "dbSizeQuota"))
        return Status(leader, size, errors, quota)
    except (ValueError, TypeError):
        raise unparsable("etcd status", text) from None


def quota_of(processes: str) -> int:
    """`pgrep -ax etcd`: the most bytes that the database may have, as etcd was started; 0 is its default, too."""
    flag = _QUOTA_FLAG.search(processes)
    return (int(flag["bytes"]) if flag else 0) or QUOTA


def members(text: str) -> tuple[str, ...]:
    """POST /cluster/member/list: the members' names."""
    answer = _object("etcd members", text)
    found = answer.get("members")
    if not isinstance(found, list) or not all(isinstance(member, dict) for member in found):
        raise unparsable("etcd members", text)
    return tuple(str(member.get("name", "not started")) for member in found)


def value(text: str) -> bytes:
    """POST /kv/range for one key: its value; empty if the key does not exist."""
    pairs: Any = _object("etcd range", text).get("kvs") or ({},)
    try:
        return base64.b64decode(pairs[0].get("value", ""), validate=True)
    except (ValueError, TypeError, AttributeError, LookupError):
        raise unparsable("etcd range", text) from None


def _object(source: str, text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise unparsable(source, text.strip().partition("\n")[0]) from None
    if not isinstance(answer, dict) or "error" in answer:
        raise unparsable(source, text)
    return answer
