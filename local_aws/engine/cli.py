"""The Pulumi CLI as an engine, through its Automation API, with the local provider as an ambient plugin."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from pulumi import automation as auto

from local_aws.engine.interface import Kind, Operation, Step, Update
from local_aws.engine.stack import Resource
from local_aws.provider.resource import Props
from ops.stacks.automation import Pulumi, as_usage_error
from ops.stacks.events import Events
from ops.stacks.urn import PROVIDER_TYPE, is_in_aws

# A replacement is counted once, as its create step; the step `replace` only announces it.
OPERATIONS: dict[auto.OpType, Operation] = {
    auto.OpType.SAME: "same",
    auto.OpType.CREATE: "create",
    auto.OpType.UPDATE: "update",
    auto.OpType.CREATE_REPLACEMENT: "replace",
    auto.OpType.DELETE: "delete",
}


class CliEngine:
    """One stack, created with the secrets provider if it does not exist.

    Creation and operations raise UsageError when the CLI fails.
    """

    def __init__(self, pulumi: Pulumi, stack: str, secrets_provider: str | None = None) -> None:
        self._pulumi = pulumi
        self._name = stack
        self._stack = pulumi.stack(stack, secrets_provider)

    def set_config(self, key: str, value: str) -> None:
        with as_usage_error():
            self._stack.set_config(key, auto.ConfigValue(value))

    def up(self, message: str = "") -> Update:
        return self._perform("update", lambda events: self._stack.up(message=message, on_event=events))

    def preview(self) -> Update:
        return self._perform("preview", lambda events: self._stack.preview(on_event=events))

    def destroy(self, message: str = "") -> Update:
        return self._perform("destroy", lambda events: self._stack.destroy(message=message, on_event=events))

    def refresh(self, message: str = "") -> Update:
        return self._perform("refresh", lambda events: self._stack.refresh(message=message, on_event=events))

    def outputs(self) -> Props:
        with as_usage_error():
            return _values(self._stack.outputs())

    def resources(self) -> list[Resource]:
        return list(self._pulumi.export_state(self._name)["deployment"].get("resources") or [])

    def _perform(self, kind: Kind, operation: Callable[[Events], Any]) -> Update:
        started = time.monotonic()
        events = Events()
        with as_usage_error(events):
            result = operation(events)
        outputs = _values(result.outputs) if kind == "update" else {}
        return as_update(kind, events.steps, outputs, time.monotonic() - started)


def as_update(kind: Kind, steps: Iterable[auto.StepEventMetadata], outputs: Props, seconds: float) -> Update:
    """Return an operation of the CLI, reported by its step events, as an Update."""
    # The CLI reports some steps twice.
    unique = {step.urn: _step(step) for step in steps if step.op in OPERATIONS and _is_counted(kind, step)}
    return Update(kind, tuple(unique.values()), outputs, seconds)


def _step(step: auto.StepEventMetadata) -> Step:
    changed = {path.replace("[", ".").split(".")[0] for path in step.diffs or []}
    return Step(OPERATIONS[step.op], step.urn, tuple(sorted(changed)) if step.op != auto.OpType.SAME else ())


def _is_counted(kind: Kind, step: auto.StepEventMetadata) -> bool:
    return step.type != PROVIDER_TYPE and (kind != "refresh" or is_in_aws(step.type))


def _values(outputs: auto.OutputMap) -> Props:
    return {name: output.value for name, output in outputs.items()}
