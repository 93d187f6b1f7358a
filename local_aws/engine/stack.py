"""One stack's state, history and lock, in the layout and format of Pulumi's own backends.

So the CLI can continue with a stack of the embedded engine, and each respects the other's lock. Layout:
https://github.com/pulumi/pulumi/tree/master/pkg/backend/diy
"""

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from local_aws.engine.store import Store
from local_aws.errors import LocalAwsError
from ops import project
from ops.stacks import checkpoint
from ops.stacks.checkpoint import MalformedError
from ops.stacks.layout import COMPRESSED, META_KEY, Lock, StackKeys

META = b"version: 1\n"  # version 1: stacks are stored under their project's name
CHECKPOINT_VERSION = 3

Resource = dict[str, Any]
"""A resource as in checkpoints: urn, type, custom, id, inputs, outputs, parent, dependencies, ..."""


PendingOperation = dict[str, Any]
"""An operation whose result is unknown: its `resource`, and its `type` (creating, updating or deleting).

https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go (OperationV2)
"""


KNOWN_KEYS = {
    "urn", "custom", "id", "type", "inputs", "outputs", "parent", "protect", "retainOnDelete", "dependencies",
    "propertyDependencies", "provider", "created", "modified", "sourcePosition", "stackTrace", "aliases",
}  # fmt: skip
"""The keys of a state's resources that this engine knows. Any other means that the resource needs another handling:
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go (ResourceV3)"""


OMITTED: Resource = {"custom": False, "inputs": {}, "outputs": {}}
"""What the CLI does not write of a resource when it is empty."""


class LockedError(LocalAwsError):
    """Another run has locked the stack."""


@dataclass
class State:
    """A checkpoint's content: the resources, each after those that it depends on, the secrets provider, and the pending
    operations."""

    resources: list[Resource] = field(default_factory=list)
    secrets_provider: dict[str, Any] | None = None
    pending_operations: list[PendingOperation] = field(default_factory=list)


class Stack:
    """A stack in a store."""

    def __init__(self, store: Store, project: str, name: str) -> None:
        self._store = store
        self._project = project
        self._name = name
        self._keys = StackKeys(project, name)
        self.exists = False
        """Whether the stack has a state; `load` and `save` set it."""

    def load(self) -> State | None:
        """Return the stack's state, or None when there is no such stack.

        Raises LocalAwsError when this engine cannot read the checkpoint.
        """
        for ending in COMPRESSED:
            if self._store.get(self._keys.state + ending) is not None:
                raise LocalAwsError(
                    f"{self._keys.state}{ending} is a compressed state, which the embedded engine does not continue: "
                    "use the Pulumi CLI for this stack"
                )
        content = self._store.get(self._keys.state)
        self.exists = content is not None
        if content is None:
            return None
        try:
            state = checkpoint.decoded(content)
            if state.get("version") != CHECKPOINT_VERSION:
                raise LocalAwsError(
                    f"{self._keys.state} has checkpoint version {state.get('version')}: the embedded engine reads "
                    f"version {CHECKPOINT_VERSION}; use the Pulumi CLI for this stack"
                )
            latest = checkpoint.latest(state)
            checkpoint.refuse_broken(latest.get("resources") or [])
        except MalformedError as error:
            raise LocalAwsError(
                f"{self._keys.state} {error}: it is empty, cut off or not Pulumi's; bring back an earlier version of "
                "that object (the bucket keeps them), then run again"
            ) from None
        resources = [{**OMITTED, **resource} for resource in latest.get("resources") or []]
        for resource in resources:
            self._refuse_unknown(resource)
        return State(resources, latest.get("secrets_providers"), latest.get("pending_operations") or [])

    def _refuse_unknown(self, resource: Resource) -> None:
        """Raise LocalAwsError for keys that only the CLI writes, such as `external` or `pendingReplacement`: such a
        resource needs another handling."""
        if unknown := sorted(key for key, value in resource.items() if value and key not in KNOWN_KEYS):
            raise LocalAwsError(
                f"{resource['urn']} has {', '.join(unknown)} in the state, which the embedded engine does not know: "
                "use the Pulumi CLI for this stack"
            )

    def save(self, state: State) -> None:
        """Write the stack's state; the bucket keeps the previous version."""
        if not self.exists and self._store.get(META_KEY) is None:  # CI may not write it
            self._store.put(META_KEY, META)
        self._store.put(self._keys.state, self._checkpoint(state))
        self.exists = True

    def record(self, update: dict[str, Any], state: State) -> None:
        """Add an update to the stack's history, with its resulting state."""
        prefix = f"{self._keys.history}{self._name}-{time.time_ns()}"
        self._store.put(f"{prefix}.history.json", _encode(update))
        self._store.put(f"{prefix}.checkpoint.json", self._checkpoint(state))

    def history(self) -> list[dict[str, Any]]:
        """Return the stack's updates, newest first."""
        keys = [key for key in self._store.keys(self._keys.history) if key.endswith(".history.json")]
        return [self._entry(key) for key in reversed(keys)]

    def _entry(self, key: str) -> dict[str, Any]:
        try:
            return checkpoint.decoded(self._store.get(key) or b"")
        except MalformedError as error:
            raise LocalAwsError(
                f"{key} {error}: it is empty or cut off; delete it, and the history is without that update"
            ) from None

    def copy_history_to(self, other: "Stack") -> None:
        """Copy the history into another store."""
        for key in self._store.keys(self._keys.history):
            other._store.put(other._keys.history + key.removeprefix(self._keys.history), self._store.get(key) or b"")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the stack during a `with` block.

        Raises LockedError when another run has locked it.
        """
        key = f"{self._keys.locks}{uuid.uuid4()}.json"
        self._refuse_other_locks(key)
        lock = Lock(os.getpid(), project.user(), socket.gethostname(), now())
        try:
            self._store.put(key, _encode(asdict(lock)))
            self._refuse_other_locks(key)  # two runs that start at once see each other's lock here
            yield
        finally:
            self._store.delete(key)

    def unlock(self) -> int:
        """Delete every lock, whoever holds it; return their number."""
        keys = self._store.keys(self._keys.locks)
        for key in keys:
            self._store.delete(key)
        return len(keys)

    def _refuse_other_locks(self, own_key: str) -> None:
        for key in self._store.keys(self._keys.locks):
            if key == own_key:
                continue
            content = self._store.get(key)
            if content is None:
                continue  # released since it was listed
            holder = Lock.of(content, key)
            raise LockedError(
                f"stack {self._name!r} is locked by {holder}: wait until that run ends, or, if it was killed, release "
                f"its lock with `./sandbox local cancel --stack {self._name}`"
            )

    def _checkpoint(self, state: State) -> bytes:
        latest: dict[str, Any] = {
            "manifest": {"time": now(), "magic": "", "version": ""},
            "resources": state.resources,
            "metadata": {},
        }
        if state.secrets_provider:
            latest["secrets_providers"] = state.secrets_provider
        if state.pending_operations:
            latest["pending_operations"] = state.pending_operations
        checkpoint = {"stack": f"organization/{self._project}/{self._name}", "latest": latest}
        return _encode({"version": CHECKPOINT_VERSION, "checkpoint": checkpoint})


def now() -> str:
    """Return the current time in the format of checkpoints."""
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=4).encode()
