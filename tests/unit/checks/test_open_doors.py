"""D45 asks for the REST API itself only where openresty says 404: no proof tells, as nobody asks it otherwise."""

from __future__ import annotations

from typing import Any, cast

import pytest

from checks.platform import open_doors
from dlws.facts import platform


@pytest.mark.parametrize("code", ["401", "403"])
def test_a_refusal_is_one_whether_or_not_the_rest_api_answers(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {open_doors.OPEN_ROUTE: code, open_doors.OWN: "000"}
    monkeypatch.setattr(platform, "status", lambda host, url: answers[url])
    open_doors.test_no_port_is_open_without_a_token(cast(Any, None))
