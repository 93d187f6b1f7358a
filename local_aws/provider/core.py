"""The provider's operations, for both engines: check, diff, create, read, update, delete, invoke."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.errors import LocalAwsError
from local_aws.provider import apigatewayv2, cloudwatch, events, iam, identity, kms, lambda_, logs, s3
from local_aws.provider.resource import Aws, Props, Resource, is_not_found

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's mark for a value that a preview cannot know (`pulumi.runtime.rpc.UNKNOWN`)."""

RESOURCE_TYPES: dict[str, type[Resource]] = {
    resource_type.token: resource_type
    for module in (apigatewayv2, cloudwatch, events, iam, kms, lambda_, logs, s3)
    for resource_type in module.RESOURCES
}


class ProviderError(LocalAwsError):
    """AWS returned an error, or the provider does not know the type, function or property."""


@dataclass(frozen=True)
class Diff:
    """The inputs that differ, and those among them that AWS cannot change on an existing resource."""

    changed: frozenset[str]
    replaces: frozenset[str]


class Provider:
    """The `aws` provider of one session."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._resources: dict[str, Resource] = {}

    @property
    def region(self) -> str:
        return self._aws.region

    def check(self, token: str, new: Props) -> Props:
        """Validate inputs and return them as they will be stored."""
        resource = self._resource(token)
        for key in sorted(set(new) - resource.inputs):
            raise ProviderError(f"{token}: the local provider does not know the property {key!r}; it knows "
                                f"{', '.join(sorted(resource.inputs))}")  # fmt: skip
        return resource.check(new)

    def diff(self, token: str, old: Props, new: Props) -> Diff:
        """Compare a resource's state with new inputs; a value that is not known yet counts as changed."""
        resource = self._resource(token)
        changed = frozenset(
            key
            for key in resource.inputs - resource.undiffed
            if not _same(old.get(key), new.get(key), as_json=key in resource.documents)
        )
        return Diff(changed, changed & resource.replaces)

    def create(self, token: str, new: Props) -> tuple[str, Props]:
        """Create a resource, completely or not at all; return its id and its state."""
        resource = self._resource(token)
        with _one_line_errors(token, "create"):
            id, computed = resource.create(new)
            state = {**new, **computed}
            try:
                resource.complete(id, new)
            except BaseException:
                resource.delete(id, state)
                raise
        return id, state

    def read(self, token: str, id: str, old: Props) -> Props | None:
        """Return a resource's actual state, or None when AWS does not have it any more."""
        with _one_line_errors(token, "read", id):
            try:
                actual = self._resource(token).read(id, old)
            except ClientError as error:
                if not is_not_found(error):
                    raise
                actual = None
        return None if actual is None else {**old, **actual}

    def update(self, token: str, id: str, old: Props, new: Props) -> Props:
        """Apply a resource's changed inputs; return its state."""
        resource = self._resource(token)
        changed = set(self.diff(token, old, new).changed)
        with _one_line_errors(token, "update", id):
            computed = resource.update(id, old, new, changed)
        old_computed = {key: value for key, value in old.items() if key not in resource.inputs}
        return {**old_computed, **new, **computed}

    def delete(self, token: str, id: str, old: Props) -> None:
        """Delete a resource. It is no error when AWS does not have it any more."""
        with _one_line_errors(token, "delete", id):
            try:
                self._resource(token).delete(id, old)
            except ClientError as error:
                if not is_not_found(error):
                    raise

    def invoke(self, token: str, args: Props) -> Props:
        """Call a provider function."""
        function = identity.FUNCTIONS.get(token)
        if function is None:
            raise ProviderError(f"{token}: the local provider has no such function; it has "
                                f"{', '.join(sorted(identity.FUNCTIONS))}")  # fmt: skip
        if args:
            raise ProviderError(
                f"{token}: the local provider calls it without arguments, and got {', '.join(sorted(args))}"
            )
        with _one_line_errors(token, "call"):
            return function(self._aws)

    def _resource(self, token: str) -> Resource:
        if token not in self._resources:
            if token not in RESOURCE_TYPES:
                raise ProviderError(f"{token}: the local provider has no such resource type; it has "
                                    f"{', '.join(sorted(RESOURCE_TYPES))}")  # fmt: skip
            self._resources[token] = RESOURCE_TYPES[token](self._aws)
        return self._resources[token]


class _one_line_errors:
    """Turn botocore's errors into ProviderErrors of one line, which name the operation and the resource."""

    def __init__(self, token: str, operation: str, id: str = "") -> None:
        self._operation = " ".join(filter(None, (operation, token, id)))

    def __enter__(self) -> None:
        pass

    def __exit__(self, type: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ClientError | BotoCoreError):
            raise ProviderError(f"{self._operation}: {error}") from error


def _same(old: Any, new: Any, *, as_json: bool) -> bool:
    if as_json and isinstance(old, str) and isinstance(new, str) and UNKNOWN not in (old, new):
        return bool(json.loads(old) == json.loads(new))
    if isinstance(old, dict) or isinstance(new, dict):  # to AWS an empty set of tags is the same as none
        return bool((old or {}) == (new or {}))
    return bool(old == new)
