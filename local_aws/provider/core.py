"""What the provider does, for whichever engine asks: check, diff, create, read, update, delete, invoke."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.errors import LocalAwsError
from local_aws.provider import apigatewayv2, cloudwatch, iam, identity, kms, lambda_, logs, s3
from local_aws.provider.resource import Aws, Props, Resource, absent

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's mark for a value that a preview cannot know (`pulumi.runtime.rpc.UNKNOWN`)."""

KINDS: dict[str, type[Resource]] = {
    kind.token: kind for module in (apigatewayv2, cloudwatch, iam, kms, lambda_, logs, s3) for kind in module.RESOURCES
}


class ProviderError(LocalAwsError):
    """AWS refused, or the provider does not know the type, function or property."""


@dataclass(frozen=True)
class Diff:
    """Which inputs differ, and which of them AWS cannot change on a resource that exists."""

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
        kind = self._kind(token)
        for key in sorted(set(new) - kind.inputs):
            raise ProviderError(f"{token}: the local provider does not know the property {key!r}; it knows "
                                f"{', '.join(sorted(kind.inputs))}")  # fmt: skip
        return kind.check(new)

    def diff(self, token: str, old: Props, new: Props) -> Diff:
        """Compare a resource's state with new inputs; a value not known yet counts as changed."""
        kind = self._kind(token)
        changed = frozenset(
            key
            for key in kind.inputs - kind.undiffed
            if not _same(old.get(key), new.get(key), as_json=key in kind.documents)
        )
        return Diff(changed, changed & kind.replaces)

    def create(self, token: str, new: Props) -> tuple[str, Props]:
        """Create a resource, wholly or not at all; return its id and its state."""
        kind = self._kind(token)
        with _named(token, "create"):
            id, added = kind.create(new)
            state = {**new, **added}
            try:
                kind.complete(id, new)
            except BaseException:
                kind.delete(id, state)
                raise
        return id, state

    def read(self, token: str, id: str, old: Props) -> Props | None:
        """A resource's state as AWS has it, or None when it is gone."""
        with _named(token, "read", id):
            try:
                found = self._kind(token).read(id, old)
            except ClientError as error:
                if not absent(error):
                    raise
                found = None
        return None if found is None else {**old, **found}

    def update(self, token: str, id: str, old: Props, new: Props) -> Props:
        """Bring a resource's changed inputs about; return its state."""
        kind = self._kind(token)
        changed = set(self.diff(token, old, new).changed)
        with _named(token, "update", id):
            added = kind.update(id, old, new, changed)
        computed = {key: value for key, value in old.items() if key not in kind.inputs}
        return {**computed, **new, **added}

    def delete(self, token: str, id: str, old: Props) -> None:
        """Delete a resource; one that is gone already is no error."""
        with _named(token, "delete", id):
            try:
                self._kind(token).delete(id, old)
            except ClientError as error:
                if not absent(error):
                    raise

    def invoke(self, token: str, args: Props) -> Props:
        """Call a provider function."""
        function = identity.FUNCTIONS.get(token)
        if function is None:
            raise ProviderError(f"{token}: the local provider has no such function; it has "
                                f"{', '.join(sorted(identity.FUNCTIONS))}")  # fmt: skip
        if args:
            raise ProviderError(f"{token}: the local provider takes no arguments to it, not {', '.join(sorted(args))}")
        with _named(token, "call"):
            return function(self._aws)

    def _kind(self, token: str) -> Resource:
        if token not in self._resources:
            if token not in KINDS:
                raise ProviderError(f"{token}: the local provider has no such resource type; it has "
                                    f"{', '.join(sorted(KINDS))}")  # fmt: skip
            self._resources[token] = KINDS[token](self._aws)
        return self._resources[token]


class _named:
    """Turns what botocore raises into one line that says which operation on what failed."""

    def __init__(self, token: str, operation: str, id: str = "") -> None:
        self._what = " ".join(filter(None, (operation, token, id)))

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ClientError | BotoCoreError):
            raise ProviderError(f"{self._what}: {error}") from error


def _same(old: Any, new: Any, *, as_json: bool) -> bool:
    if as_json and isinstance(old, str) and isinstance(new, str) and UNKNOWN not in (old, new):
        return bool(json.loads(old) == json.loads(new))
    if isinstance(old, dict) or isinstance(new, dict):  # AWS does not tell an empty set of tags from none
        return bool((old or {}) == (new or {}))
    return bool(old == new)
