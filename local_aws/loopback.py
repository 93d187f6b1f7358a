"""The rule that keeps everything here away from real AWS."""

import ipaddress
import os
from urllib.parse import urlsplit

from local_aws.errors import LocalAwsError


def is_loopback(url: str) -> bool:
    """Whether the URL's host is `localhost` or a loopback address, judged by its text and not by a name server."""
    if "\\" in url or "@" in url:  # read as part of the host by some and not by others
        return False
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def endpoint() -> str:
    """The emulator's endpoint, as AWS_ENDPOINT_URL has it.

    Raises LocalAwsError when it is unset or not on this machine.
    """
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    if not url:
        raise LocalAwsError(
            "AWS_ENDPOINT_URL is not set: it must name an emulator on this machine; "
            'start one with `./sandbox local start`, and load it with `eval "$(./sandbox local env)"`'
        )
    if not is_loopback(url):
        raise refusal("AWS_ENDPOINT_URL", url)
    return url


def refuse_remote_endpoints() -> None:
    """Raise LocalAwsError when any AWS_ENDPOINT_URL* variable of this shell points away from this machine."""
    for name, url in sorted(os.environ.items()):
        if name.startswith("AWS_ENDPOINT_URL") and url and not is_loopback(url):
            raise refusal(name, url)


def refusal(name: str, url: str) -> LocalAwsError:
    return LocalAwsError(
        f"{name} is {url!r}: a rehearsal speaks only to this machine (localhost or a loopback address) and never "
        f"touches real AWS; `unset {name}` and try again"
    )
