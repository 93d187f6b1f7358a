"""The form of a stack's state, which Pulumi calls a checkpoint, looked at before anything in it is used.

https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go
"""

import gzip
import json
import zlib
from typing import Any

from ops.stacks.urn import Urn, is_in_aws

OPERATIONS = {
    "creating": "create",
    "importing": "import",
    "updating": "update",
    "deleting": "delete",
    "reading": "read",
}
"""The types of pending operations, and what each was to do."""


class MalformedError(ValueError):
    """A file is not what Pulumi writes there: it is empty, cut off, or somebody else's. The message says what of it."""


def decoded(content: bytes) -> dict[str, Any]:
    """The object of a JSON file, which may be compressed by gzip.

    Raises MalformedError when it is none.
    """
    try:
        value = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        raise MalformedError("is not JSON") from None
    if not isinstance(value, dict):
        raise MalformedError("is not a JSON object")
    return value


def latest(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says is deployed: `resources`, `pending_operations`, `secrets_providers`.

    Raises MalformedError when it is not of that form.
    """
    deployment = _mapping(checkpoint, "checkpoint", needed=True).get("latest")
    if deployment is None:
        return {}
    if not isinstance(deployment, dict):
        raise MalformedError("is not a stack's state: latest is no object")
    for resource in _objects(deployment, "resources"):
        _check(resource, needs_id=True)
    for operation in _objects(deployment, "pending_operations"):
        if operation.get("type") not in OPERATIONS:
            raise MalformedError(f"has a pending operation of type {operation.get('type')!r}, which is unknown")
        _check(_mapping(operation, "resource", needed=True), needs_id=False)
    _mapping(_mapping(deployment, "secrets_providers"), "state")
    return deployment


def refuse_broken(resources: list[dict[str, Any]]) -> None:
    """Raise MalformedError when a resource is there twice, or is before one that it refers to, or refers to none.

    Pulumi's own commands refuse such a state, too:
    https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/snapshot.go (VerifyIntegrity)
    """
    known: set[str] = set()
    for resource in resources:
        urn = resource["urn"]
        if urn in known and not resource.get("delete"):
            raise MalformedError(f"has {urn} twice")
        provider = str(resource.get("provider") or "").rpartition("::")[0]
        for other in (*filter(None, (resource.get("parent"), provider)), *(resource.get("dependencies") or [])):
            if other not in known:
                raise MalformedError(f"has {urn}, which refers to {other}, which is not before it")
        known.add(urn)


def _check(resource: dict[str, Any], *, needs_id: bool) -> None:
    urn, type = resource.get("urn"), resource.get("type")
    if not isinstance(urn, str) or urn.count("::") < 3 or not isinstance(type, str) or Urn.parse(urn).type != type:
        raise MalformedError(f"is not a stack's state: a resource has the URN {urn!r} and the type {type!r}")
    if needs_id and is_in_aws(type) and not isinstance(resource.get("id"), str):
        raise MalformedError(f"is not a stack's state: {urn} has no id")
    for key in ("inputs", "outputs", "propertyDependencies"):
        _mapping(resource, key)
    for key in ("dependencies", "aliases", "initErrors"):
        if not all(isinstance(item, str) for item in _list(resource, key)):
            raise MalformedError(f"is not a stack's state: {key} of {urn} are no texts")
    for key in ("parent", "provider"):
        if not isinstance(resource.get(key) or "", str):
            raise MalformedError(f"is not a stack's state: {key} of {urn} is no text")


def _objects(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    values = _list(parent, key)
    if not all(isinstance(value, dict) for value in values):
        raise MalformedError(f"is not a stack's state: {key} has a value that is no object")
    return values


def _list(parent: dict[str, Any], key: str) -> list[Any]:
    value = parent.get(key)
    if value is not None and not isinstance(value, list):
        raise MalformedError(f"is not a stack's state: {key} is no list")
    return value or []


def _mapping(parent: dict[str, Any], key: str, *, needed: bool = False) -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict) and (needed or value is not None):
        raise MalformedError(f"is not a stack's state: {key} is no object")
    return value or {}
