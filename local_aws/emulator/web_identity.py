"""The tokens that the emulator takes for GitHub's: signed with its root's secret, which nobody else on the machine has.

GitHub signs with a private key, and AWS verifies with the public one. Here both ends are this project's, so a shared
secret does (HS256): https://www.rfc-editor.org/rfc/rfc7518#section-3.2
"""

import base64
import hashlib
import hmac
import json
from typing import Any


def sign(claims: dict[str, Any], secret: str) -> str:
    """Return a JSON Web Token with these claims."""
    header, payload = (_encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
    return f"{header}.{payload}.{_signature(f'{header}.{payload}', secret)}"


def is_signed(token: str, secret: str) -> bool:
    """Return whether the token was signed with this secret."""
    content, _, signature = token.rpartition(".")
    return hmac.compare_digest(signature.encode(), _signature(content, secret).encode())


def _signature(content: str, secret: str) -> str:
    return _encoded(hmac.digest(secret.encode(), content.encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
