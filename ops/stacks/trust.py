"""What of a backend and of a state may be trusted, before any Pulumi command acts on it.

A state is as good as code: Pulumi downloads and runs the provider that a resource names, from the address that the
provider's entry has, and a dynamic resource is a program itself. Whoever can write a state could run code as whoever
updates the stack next. So a state may hold only what this project's program declares.
"""

import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from infra import names
from ops import clients
from ops.errors import BackendError, UsageError
from ops.stacks.pending_operations import FINDERS
from ops.stacks.urn import PROVIDER_TYPE, STACK_TYPE

COMPONENT = re.compile(rf"{names.PROJECT}:infra:[A-Za-z]+")
PROVIDER = re.compile(rf"urn:pulumi:[^:]+::[^:]+::{PROVIDER_TYPE}::default_[0-9_]+")
PROVIDER_INPUTS = {
    "version", "region", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "__internal",
}  # fmt: skip
"""What a default provider's entry has. Under `__internal` it could name another plugin and where to download it:
https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/providers/registry.go"""


def refuse_foreign_bucket(bucket: str, region: str, endpoint: str | None) -> None:
    """Raise BackendError unless a backend is the bucket that bootstrap made in the account of the credentials in use,
    at the endpoint that the AWS clients use."""
    clients_endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint and endpoint.rstrip("/") != clients_endpoint.rstrip("/"):
        raise BackendError(
            f"Pulumi's backend has the endpoint {endpoint}, which is not AWS_ENDPOINT_URL ({clients_endpoint!r}): set "
            "PULUMI_BACKEND_URL to bootstrap's output backendUrl"
        )
    try:
        account = clients.Session(region).client("sts").get_caller_identity()["Account"]
    except EndpointConnectionError as error:
        raise BackendError(
            f"AWS cannot be reached: {error}; correct or unset AWS_ENDPOINT_URL where it is set, as by an emulator "
            "that has been stopped since"
        ) from None
    except (BotoCoreError, ClientError) as error:
        advice = clients.advice(error, "load credentials into this shell, and check AWS_ENDPOINT_URL where it is set")
        raise BackendError(f"AWS does not say whose credentials these are: {error}; {advice}") from None
    expected = names.state_bucket(account, region)
    if bucket != expected:
        raise BackendError(
            f"Pulumi's backend is s3://{bucket}?region={region}: bootstrap's bucket in account {account} is "
            f"s3://{expected}; set PULUMI_BACKEND_URL to bootstrap's output backendUrl, or load the right credentials"
        )


def refuse_untrusted(latest: dict[str, Any], key: str) -> None:
    """Raise UsageError when a state has an entry that this project's program does not declare, naming it."""
    for entry in (*(latest.get("resources") or []), *_pending(latest)):
        if reason := _reason(entry):
            raise UsageError(
                f"{key} is not to be trusted: {entry.get('urn')} {reason}, which this project's program does not "
                "declare; run no Pulumi command on it, and bring back an earlier version of that object"
            )
    provider = latest.get("secrets_providers") or {}
    url = (provider.get("state") or {}).get("url", "")
    if provider and not (provider.get("type") == "cloud" and _is_own_key(url)):
        raise UsageError(
            f"{key} is not to be trusted: its secrets provider is {provider.get('type')} {url}, and not the key that "
            "bootstrap made; bring back an earlier version of that object"
        )


def _pending(latest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operation in latest.get("pending_operations") or []:
        yield operation["resource"]


def _reason(entry: dict[str, Any]) -> str | None:
    """What about a resource is not to be trusted, or None."""
    type, is_custom = entry["type"], bool(entry.get("custom"))
    if type == STACK_TYPE or COMPONENT.fullmatch(type):
        return "is a component that a plugin makes" if is_custom or entry.get("provider") else None
    if type == PROVIDER_TYPE:
        properties = {**(entry.get("inputs") or {}), **(entry.get("outputs") or {})}
        foreign = sorted(properties.keys() - PROVIDER_INPUTS) or sorted(properties.get("__internal") or {})
        return f"has {', '.join(foreign)}" if foreign else None
    if type not in FINDERS:
        return f"is of type {type}"
    provider = str(entry.get("provider", "")).rpartition("::")[0]
    return None if PROVIDER.fullmatch(provider) else f"has the provider {provider or 'of none'}"


def _is_own_key(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "awskms" and parts.netloc + parts.path == names.STATE_KEY_ALIAS
