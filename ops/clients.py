"""Clients of AWS, by the settings of the shell and of AWS's configuration files."""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, PartialCredentialsError

from ops import service_models
from ops.errors import UsageError

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Session(boto3.Session):
    """boto3's, with the credentials that the environment has now: boto3's default one keeps the first.

    Raises UsageError when a setting of AWS's clients is wrong. So does `client`; when credentials are wrong, it raises
    botocore's errors.
    """

    def __init__(self, region: str | None) -> None:
        self._clients: dict[str, BaseClient] = {}
        _refuse_keys_with_spaces()
        with _named("a session"):
            super().__init__(region_name=region, botocore_session=service_models.session())

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


def advice(error: Exception, otherwise: str) -> str:
    """Return what a person can do about an error of AWS: set the clock where that is its reason, or what is said.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed)
    """
    if isinstance(error, ClientError):
        detail = error.response["Error"]
        if detail.get("Code") in ("RequestTimeTooSkewed", "RequestExpired") or re.match(
            "Signature (expired|not yet current)", detail.get("Message", "")
        ):
            return "this machine's clock is wrong, and a request is signed with its time: set the clock"
    return otherwise


def _refuse_keys_with_spaces() -> None:
    """Raise UsageError for what a file with other line ends leaves at the end of a key. botocore puts it into a header
    as it is, and quotes the token in the error."""
    for name in KEYS:
        if re.search(r"\s", os.environ.get(name, "")):
            raise UsageError(
                f"{name} has a space or a line end in it, which no key of AWS has: set it again without (a file with "
                "Windows' line ends leaves one)"
            )


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """botocore raises ValueError for a URL without a scheme and for a text in place of a number, as AWS_MAX_ATTEMPTS=x
    has it, without the name of the setting."""
    try:
        yield
    except (PartialCredentialsError, CredentialRetrievalError):
        raise  # of credentials, not of settings
    except OSError as error:
        raise UsageError(
            f"credentials of AWS cannot be loaded: {error.filename or error}: {error.strerror}; correct what names it, "
            "credential_process in AWS's configuration file or a variable AWS_* of this shell"
        ) from None
    except json.JSONDecodeError as error:
        raise UsageError(
            f"credentials of AWS cannot be loaded: what should be JSON is not ({error}); run what AWS's configuration "
            "file has as credential_process, which prints it, and see AWS_DATA_PATH where it is set"
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"{what} of AWS cannot be made: {error}; correct that setting, which is a variable AWS_* of this shell or "
            "in AWS's configuration file (an AWS_ENDPOINT_URL begins with https:// or http://)"
        ) from None
