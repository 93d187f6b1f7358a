"""The rule that keeps local AWS away from real AWS: its clients call loopback addresses only."""

import ipaddress
import os
from urllib.parse import urlsplit

from local_aws.errors import LocalAwsError


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is `localhost` or a loopback address, by its text and without a name lookup."""
    if "\\" in url or "@" in url:  # URL parsers disagree on whether these belong to the host
        return False
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def endpoint() -> str:
    """Return the emulator's endpoint, which is AWS_ENDPOINT_URL.

    Raises LocalAwsError when the variable is unset or names another machine.
    """
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    if not url:
        raise LocalAwsError(
            "AWS_ENDPOINT_URL is not set: it must be the URL of an emulator on this machine; "
            'start one with `./sandbox local start`, and load it with `eval "$(./sandbox local env)"`'
        )
    if not is_loopback(url):
        raise _remote_endpoint_error("AWS_ENDPOINT_URL", url)
    return url


def refuse_remote_endpoints() -> None:
    """Raise LocalAwsError when any AWS_ENDPOINT_URL* variable of this shell names another machine."""
    for name, url in sorted(os.environ.items()):
        if name.startswith("AWS_ENDPOINT_URL") and url and not is_loopback(url):
            raise _remote_endpoint_error(name, url)


def _remote_endpoint_error(name: str, url: str) -> LocalAwsError:
    return LocalAwsError(
        f"{name} is {url!r}: only this machine is allowed (localhost or a loopback address), because local AWS never "
        f"touches real AWS; `unset {name}` and try again"
    )
