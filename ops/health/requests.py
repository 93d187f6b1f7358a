"""Requests to the workload's public URL."""

import email.utils
import functools
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30  # API Gateway's own limit on an integration


@dataclass(frozen=True)
class Response:
    """What one request got: an HTTP status, 0 when there was no response; the body's beginning; how long it took; and
    when it was answered, in epoch seconds by the server's clock."""

    status: int
    body: str
    milliseconds: int
    answered: float

    @property
    def is_healthy(self) -> bool:
        """200, with the body of the handler."""
        try:
            return self.status == 200 and json.loads(self.body).get("status") == "healthy"
        except (ValueError, AttributeError):
            return False

    @property
    def is_failure(self) -> bool:
        """Any 5xx."""
        return 500 <= self.status < 600

    @property
    def summary(self) -> str:
        if self.is_healthy:
            return "200 healthy"
        return f"{self.status} {self.body}".strip() if self.status else self.body


def send(url: str) -> Response:
    """Send one GET, and return whatever comes."""
    started = time.monotonic()
    date = None
    tls = _trusting(os.environ.get("AWS_CA_BUNDLE") or None)  # what the AWS clients trust
    try:
        with _opened(url, tls) as response:
            status, body, date = response.status, response.read(), response.headers["Date"]
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: the URL is none
        status, body = 0, f"no response: {error}".encode()
    milliseconds = round((time.monotonic() - started) * 1000)
    return Response(status, body.decode(errors="replace")[:500], milliseconds, _time(date) or time.time())


def _opened(url: str, tls: ssl.SSLContext) -> Any:
    """The response, of whatever status: reading the body of an error can fail like that of any other."""
    try:
        return urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS, context=tls)
    except urllib.error.HTTPError as error:
        return error


def _time(date: str | None) -> float | None:
    """A header's time in epoch seconds; None where it has none, as what stands before the server may have it."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, TypeError, OverflowError):
        return None


@functools.cache
def _trusting(bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)
