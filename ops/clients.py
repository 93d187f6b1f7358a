"""Clients of AWS, by the settings of the shell and of AWS's configuration files."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, CredentialRetrievalError, PartialCredentialsError

from ops.errors import UsageError


def client(service: str, region: str | None = None, endpoint: str | None = None, *, session: Any = None) -> Any:
    """A client of a service, by the credentials that the environment has now: boto3's own session keeps the first.

    Raises UsageError when a setting of AWS's clients is wrong, and botocore's errors when credentials are.
    """
    with _named(f"a client of {service}"):
        return (session or boto3.Session()).client(service, region_name=region, endpoint_url=endpoint)


def session(region: str | None) -> boto3.Session:
    """A session, with credentials of its own.

    Raises UsageError when a setting of AWS's clients is wrong.
    """
    with _named("a session"):
        return boto3.Session(region_name=region)


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """botocore raises ValueError for a URL without a scheme and for a text in place of a number, as AWS_MAX_ATTEMPTS=x
    has it, without the name of the setting."""
    try:
        yield
    except (PartialCredentialsError, CredentialRetrievalError):
        raise  # of credentials, not of settings
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"{what} of AWS cannot be made: {error}; correct that setting, which is a variable AWS_* of this shell or "
            "in AWS's configuration file (an AWS_ENDPOINT_URL begins with https:// or http://)"
        ) from None
