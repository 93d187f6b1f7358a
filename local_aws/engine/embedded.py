"""The embedded engine's interface: up, preview, destroy, refresh, outputs, history, over one stack."""

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pulumi

from local_aws.engine import program
from local_aws.engine.deployment import (
    Deployment,
    is_in_aws,
    refuse_protected,
    without_dangling,
)
from local_aws.engine.interface import Kind, Step, Update
from local_aws.engine.stack import PendingOperation, Resource, Stack, State
from local_aws.engine.store import Store
from local_aws.errors import LocalAwsError
from local_aws.provider.core import Provider
from local_aws.provider.resource import Aws, Props
from ops import project
from ops.stacks import layout
from ops.stacks.pending_operations import ResolvedOperation, resolve


class EmbeddedEngine:
    """One stack of the project in `root`, deployed to `aws`, its state in `store`.

    `secrets_provider` returns a URL such as awskms://alias/NAME?region=REGION when a stack is created. A data key that
    it encrypts is written into the new stack's state, as by the CLI, so that the CLI can continue with the stack.

    The next operation first resolves the pending operations of a killed run, and passes each to `on_resolved`; a
    preview does not save the result.

    Raises LocalAwsError when the project's files are wrong; operations raise it when aws:region is not `aws`'s region.
    """

    def __init__(
        self,
        root: Path,
        stack: str,
        aws: Aws,
        store: Store,
        *,
        secrets_provider: Callable[[], str] | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
        on_resolved: Callable[[ResolvedOperation], None] = lambda operation: None,
    ) -> None:
        self._aws = aws
        self._main = root / "__main__.py"
        self._project = project.name_in(root)
        self._name = layout.stack_name(stack, self._project)
        self._config = _configuration(root, self._name)
        self._stack = Stack(store, self._project, self._name)
        self._secrets_provider = secrets_provider
        self._on_step = on_step
        self._on_resolved = on_resolved

    def set_config(self, key: str, value: str) -> None:
        """Set a configuration value for this engine's operations; the project's files do not change."""
        self._config[project.full_key(key, self._project)] = value

    def get_config(self, key: str) -> str | None:
        """Return the configuration value that the next operation uses, or None when it is not set."""
        return self._config.get(project.full_key(key, self._project))

    def up(self, message: str = "") -> Update:
        """Run the program, and deploy what it declares.

        Raises DeploymentError when a step fails (the steps before are in the state), LockedError when another run has
        locked the stack, and pulumi.RunError when the program raises it.
        """
        with self._stack.lock():
            state = self._stack.load()
            if state is None:
                state = State(secrets_provider=self._new_data_key())
            self._resolve_pending(state)
            return self._perform("update", message, state, self._run_program)

    def preview(self) -> Update:
        """Return what `up` would do. Changes nothing in AWS or in the state, and takes no lock."""
        state = self._stack.load() or State()
        self._resolve_pending(state, preview=True)
        return self._run_program(state, preview=True)

    def destroy(self, message: str = "") -> Update:
        """Delete all resources in the state, dependents first; the stack itself and its history stay.

        Raises DeploymentError, before anything is deleted, when a resource is protected.
        """
        with self._stack.lock():
            state = self._load()
            self._resolve_pending(state)
            refuse_protected(state.resources, "`destroy` would delete it")
            return self._perform("destroy", message, state, self._destroy)

    def refresh(self, message: str = "") -> Update:
        """Update the state to what AWS has: drift is an `update`, a resource that AWS does not have a `delete`."""
        with self._stack.lock():
            state = self._load()
            self._resolve_pending(state)
            return self._perform("refresh", message, state, self._refresh)

    def outputs(self) -> Props:
        """Return the stack's outputs after its last update."""
        for resource in self._load().resources:
            if "parent" not in resource and not resource["custom"]:
                outputs: Props = resource["outputs"]
                return outputs
        return {}

    def history(self) -> list[dict[str, Any]]:
        """Return the stack's updates, newest first, as Pulumi records them."""
        return self._stack.history()

    def resources(self) -> list[Resource]:
        """Return the resources in the stack's state, each after those that it depends on."""
        return self._load().resources

    def cancel(self) -> int:
        """Release the stack's locks; return their number. Only for locks of runs that were killed."""
        return self._stack.unlock()

    def move(self, store: Store, secrets_provider: str) -> None:
        """Move to another store: copy the stack's state and history there, and use that store from now on.

        The old store keeps its copy.
        """
        moved = Stack(store, self._project, self._name)
        with self._stack.lock(), moved.lock():
            self._secrets_provider = lambda: secrets_provider
            state = self._load()
            self._stack.copy_history_to(moved)
            state.secrets_provider = self._new_data_key()
            moved.save(state)
        self._stack = moved

    def _load(self) -> State:
        state = self._stack.load()
        if state is None:
            raise LocalAwsError(f"there is no stack {self._name!r} in this backend: deploy it first")
        return state

    def _resolve_pending(self, state: State, *, preview: bool = False) -> None:
        """Resolve a killed run's pending operations, and read their resources from AWS."""
        if not state.pending_operations:
            return
        latest = {"resources": state.resources, "pending_operations": state.pending_operations}
        resolved = resolve(latest, self._aws.region)
        urns = {operation.urn for operation in resolved}
        provider = self._provider()
        resources = [
            _refreshed(provider, resource) if resource["urn"] in urns else resource for resource in latest["resources"]
        ]
        state.resources = without_dangling([resource for resource in resources if resource])
        state.pending_operations = latest["pending_operations"]
        if not preview:
            self._stack.save(state)
        for operation in resolved:
            self._on_resolved(operation)

    def _deployment(self, state: State, *, preview: bool) -> Deployment:
        def save(resources: list[Resource], pending: list[PendingOperation]) -> None:
            self._stack.save(State(resources, state.secrets_provider, pending))

        return Deployment(self._provider(), state.resources, preview=preview, save=save, on_step=self._on_step)

    def _provider(self) -> Provider:
        region = self._config.get("aws:region")
        if region not in (None, self._aws.region):
            raise LocalAwsError(
                f"aws:region is {region!r}, and the emulator is in {self._aws.region}: its alarms are evaluated in "
                "that region only; set aws:region to it"
            )
        return Provider(self._aws)

    def _run_program(self, state: State, *, preview: bool = False) -> Update:
        started = time.monotonic()
        deployment = self._deployment(state, preview=preview)
        try:
            program.run(self._main, self._project, self._name, self._config, deployment, preview=preview)
            deployment.finish()
        except Exception as error:
            if deployment.error is None or isinstance(error, pulumi.RunError):
                raise
            raise deployment.error from error
        finally:
            state.resources, state.pending_operations = deployment.resources, deployment.pending_operations
        return Update(
            "preview" if preview else "update",
            tuple(deployment.steps),
            deployment.outputs,
            time.monotonic() - started,
        )

    def _destroy(self, state: State) -> Update:
        started = time.monotonic()
        deployment = self._deployment(state, preview=False)
        try:
            deployment.delete_undeclared()
        finally:
            state.resources, state.pending_operations = deployment.resources, deployment.pending_operations
        return Update("destroy", tuple(deployment.steps), {}, time.monotonic() - started)

    def _refresh(self, state: State) -> Update:
        started = time.monotonic()
        provider = self._provider()
        steps, resources = [], []
        for resource in state.resources:
            if not is_in_aws(resource):
                resources.append(resource)
                continue
            actual = _refreshed(provider, resource)
            if actual is None:
                steps.append(Step("delete", resource["urn"]))
                continue
            changed = provider.diff(resource["type"], resource["outputs"], actual["outputs"]).changed
            steps.append(Step("update" if changed else "same", resource["urn"], tuple(sorted(changed))))
            resources.append(actual if changed else resource)
        for step in steps:
            self._on_step(step)
        state.resources = without_dangling(resources)
        return Update("refresh", tuple(steps), {}, time.monotonic() - started)

    def _perform(self, kind: Kind, message: str, state: State, operation: Callable[[State], Update]) -> Update:
        """Run an operation, save the resulting state, and add it to the history.

        When it fails, the state is not saved again: each step that changed AWS has saved it. An operation that fails
        before its first such step leaves the state unchanged, and creates no stack.
        """
        started = int(time.time())
        update: Update | None = None
        try:
            update = operation(state)
            self._stack.save(state)
            return update
        finally:
            if self._stack.exists:
                entry = {
                    "kind": kind,
                    "startTime": started,
                    "message": message,
                    "environment": {"exec.kind": "embedded"},
                    "config": self._config,
                    "version": 0,
                    "result": "succeeded" if update else "failed",
                    "endTime": int(time.time()),
                    "resourceChanges": update.changes if update else {},
                }
                self._stack.record(entry, state)

    def _new_data_key(self) -> dict[str, Any] | None:
        if self._secrets_provider is None:
            return None
        provider = self._secrets_provider()
        url = urlsplit(provider)
        encrypted = self._aws.client("kms").encrypt(KeyId=url.netloc + url.path, Plaintext=os.urandom(32))[
            "CiphertextBlob"
        ]
        state = {"url": provider, "encryptedkey": base64.b64encode(encrypted).decode()}
        return {"type": "cloud", "state": state}


def _refreshed(provider: Provider, resource: Resource) -> Resource | None:
    """Return the resource with its actual outputs, or None when AWS does not have it any more."""
    if not is_in_aws(resource):
        return resource
    outputs = provider.read(resource["type"], resource["id"], resource["outputs"])
    return None if outputs is None else {**resource, "outputs": outputs}


def _configuration(root: Path, stack: str) -> dict[str, str]:
    """Return the stack's configuration, each value as the text that the CLI passes to a program."""
    values = project.configuration(root, stack)
    for key, value in values.items():
        if isinstance(value, dict) and "secure" in value:
            raise LocalAwsError(
                f"{key} of stack {stack} is a secret, and the embedded engine does not store secrets: use the "
                "Pulumi CLI"
            )
    return {key: _text(value) for key, value in values.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)
