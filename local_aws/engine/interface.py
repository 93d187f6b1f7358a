"""The interface of both engines, as a rehearsal uses it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from local_aws.engine.stack import Resource
from local_aws.provider.resource import Props
from ops.stacks import urn

Kind = Literal["update", "preview", "refresh", "destroy"]
Operation = Literal["create", "update", "replace", "delete", "same"]


@dataclass(frozen=True)
class Step:
    """One operation on one resource, done or previewed; `changed` are the inputs that differ."""

    operation: Operation
    urn: str
    changed: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return urn.type_of(self.urn)

    @property
    def name(self) -> str:
        return urn.name_of(self.urn)

    @property
    def subject(self) -> str:
        """Return the resource and the changed inputs, for people."""
        return urn.subject(self.urn) + (f" [{', '.join(self.changed)}]" if self.changed else "")


@dataclass(frozen=True)
class Update:
    """The result of one operation on a stack, done or previewed; `seconds` is how long it took."""

    kind: Kind
    steps: tuple[Step, ...]
    outputs: Props
    seconds: float

    @property
    def changes(self) -> dict[Operation, int]:
        """Return how many resources each operation was for."""
        counts: dict[Operation, int] = {}
        for step in self.steps:
            counts[step.operation] = counts.get(step.operation, 0) + 1
        return counts

    @property
    def changed(self) -> tuple[Step, ...]:
        """Return the steps that were not `same`."""
        return tuple(step for step in self.steps if step.operation != "same")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "changes": self.changes,
            "steps": [asdict(step) for step in self.changed],
            "seconds": round(self.seconds, 3),
        }


class Engine(Protocol):
    """Operations on one stack. Each raises UsageError or pulumi.RunError, whose message is for a person."""

    def set_config(self, key: str, value: str) -> None:
        """Set a configuration value for the next operations."""
        ...

    def up(self, message: str = "") -> Update: ...

    def preview(self) -> Update: ...

    def destroy(self, message: str = "") -> Update: ...

    def refresh(self, message: str = "") -> Update:
        """Update the state to what AWS has; the steps are only of resources that were read from AWS."""
        ...

    def outputs(self) -> Props: ...

    def resources(self) -> list[Resource]:
        """Return the resources in the stack's state, each after those that it depends on."""
        ...
