"""D40 signs with the key of the configuration: no proof tells, as the token goes by standard input."""

from __future__ import annotations

from typing import Any, cast

import pytest

from checks.platform import endpoints
from dlws.config.lint import JWT_PLACEHOLDER
from dlws.remote.host import Host
from dlws.upstream.service_token import service_token
from tests.kits.proof_cases import HEALTHY, loaded

CONFIGURED = (HEALTHY / "cluster.yaml").read_text("utf-8")
KEY = "invented-sign-key"


@pytest.mark.parametrize(
    ("config", "key"), [(CONFIGURED, KEY), (CONFIGURED.replace(f"jwt: {{secret_key: {KEY}}}\n", ""), JWT_PLACEHOLDER)]
)
def test_the_token_is_signed_with_the_clusters_key(config: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: list[str] = []

    def sign_in(host: Host, url: str, token: str) -> str:
        tokens.append(token)
        return "200"

    monkeypatch.setattr(endpoints.platform, "status", lambda host, url: "401")
    monkeypatch.setattr(endpoints.platform, "status_with_token", sign_in)
    endpoints.test_sign_in_key(loaded(config), cast(Any, None))
    assert tokens == [service_token(key)]
