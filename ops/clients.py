"""Clients of AWS, by the settings of the shell and of AWS's configuration files."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, CredentialRetrievalError, PartialCredentialsError

from ops.errors import UsageError


class Session(boto3.Session):
    """boto3's, with the credentials that the environment has now: boto3's default one keeps the first.

    Raises UsageError when a setting of AWS's clients is wrong. So does `client`; when credentials are wrong, it raises
    botocore's errors.
    """

    def __init__(self, region: str | None) -> None:
        self._clients: dict[str, BaseClient] = {}
        with _named("a session"):
            super().__init__(region_name=region)

    if not TYPE_CHECKING:  # mypy reads the overloads of boto3-stubs: a service's name gives its client's type

        def client(self, service: str, **settings: Any) -> BaseClient:
            """Return a client of a service, which is made on first use."""
            if service not in self._clients:
                with _named(f"a client of {service}"):
                    self._clients[service] = super().client(service, **settings)
            return self._clients[service]

    def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients.values():
            client.close()


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
