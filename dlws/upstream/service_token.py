"""The token with which the platform's services call each other: a JWT (RFC 7519) signed with `jwt.secret_key`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final

SERVICE_USER: Final = 30000
"""The uid in the token, upstream's own."""


def service_token(key: str) -> str:
    """HS256 over `{"uid": 30000}`, as in upstream's appsettings.json: always the same text for the same key.

    deploy.py adds an expiry of ten years from the current second, so its files differ after every run.
    """
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded({'uid': SERVICE_USER})}"
    digest = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(digest)}"


def _encoded(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
