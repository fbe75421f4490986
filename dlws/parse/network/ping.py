"""ping: whether a peer answers (runbook 3.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

# iputils s20161105 (18.04) to 20240117, busybox, and iputils' zh_CN catalogue (s20190709 on).
_STATISTICS = re.compile(
    r"([0-9]{1,9}) packets transmitted, ([0-9]{1,9}) (?:packets )?received,"
    r"|已发送 ([0-9]{1,9}) 个包[，,]\s*已接收 ([0-9]{1,9}) 个包[，,]"
)
_LOSS = re.compile(r"\s[0-9.]{1,12}% (?:packet loss|包丢失|丢包)")
_REFUSED = re.compile(
    r"^(?:\S{0,200}ping[0-9]?|connect): (?:.*: )?(unknown host\b.*|Name or service not known"
    r"|Temporary failure in name resolution|No address associated with hostname|Network is unreachable"
    r"|未知的名称或服务|域名解析暂时失败|网络不可达)$"
)


@dataclass(frozen=True, slots=True)
class Ping:
    """Packets sent and received; `refused` is why none were sent (the name does not resolve, no route)."""

    sent: int
    received: int
    refused: str | None = None


def parse(text: str) -> Ping:
    """`ping -c N [-q] HOST 2>&1`: the statistics line, or the error message in its place."""
    output = lines("ping", text)
    for line in output:
        statistics = _STATISTICS.search(line)
        if statistics is not None and _LOSS.search(line):
            sent, received = (int(count) for count in statistics.groups() if count is not None)
            return Ping(sent, received)
    for line in output:
        refused = _REFUSED.search(line)
        if refused is not None:
            return Ping(0, 0, refused[1])
    raise unparsable("ping", output[-1] if output else "")
