"""The platform's REST API, asked until it has an answer."""

from __future__ import annotations

import json
from typing import Any

from dlws.parse.text import unparsable
from dlws.remote.host import Host

UNTIL = (
    'n=0; while s=$(curl -fsS -m 10 %s) || s=; ! echo "$s" | grep -qE %s && [ $n -lt {turns} ];'
    ' do n=$((n+1)); sleep 2; done; echo "$s"'
)


def awaited_answer(host: Host, url: str, pattern: str, turns: int) -> dict[str, Any]:
    """The answer of a URL once it matches an extended regular expression, or as it is when its time is up."""
    command = UNTIL.format(turns=turns)
    answer = host.run_active([0], command, url, pattern, deadline=turns * 12.0 + 20.0)
    return json_object(answer.text, url.partition("?")[0])


def json_object(text: str, what: str) -> dict[str, Any]:
    """The JSON object of an answer."""
    try:
        found = json.loads(text)
    except ValueError:
        raise unparsable(what, text.strip()[:120], "not JSON, or cut off") from None
    if not isinstance(found, dict):
        raise unparsable(what, text.strip()[:120], "not a JSON object")
    return found
