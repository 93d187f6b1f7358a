"""What a rehearsal asks of an engine, whichever it is."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from local_aws.engine.stack import Resource
from local_aws.provider.resource import Props
from ops.stacks import urn

Kind = Literal["update", "preview", "refresh", "destroy"]
Operation = Literal["create", "update", "replace", "delete", "same"]


@dataclass(frozen=True)
class Step:
    """What was done, or in a preview would be, with one resource; `changed` are the inputs that differ."""

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
        """What the step is about, for people."""
        return urn.subject(self.urn) + (f" [{', '.join(self.changed)}]" if self.changed else "")


@dataclass(frozen=True)
class Update:
    """What one operation on a stack did, or in a preview would do; it took `seconds`."""

    kind: Kind
    steps: tuple[Step, ...]
    outputs: Props
    seconds: float

    @property
    def changes(self) -> dict[Operation, int]:
        """How many resources each operation was for."""
        counts: dict[Operation, int] = {}
        for step in self.steps:
            counts[step.operation] = counts.get(step.operation, 0) + 1
        return counts

    @property
    def changed(self) -> tuple[Step, ...]:
        """The steps that were not `same`."""
        return tuple(step for step in self.steps if step.operation != "same")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "changes": self.changes,
            "steps": [asdict(step) for step in self.changed],
            "seconds": round(self.seconds, 3),
        }


class Engine(Protocol):
    """Operations on one stack. Each raises UsageError, or pulumi.RunError, with what a person should be told."""

    def set_config(self, key: str, value: str) -> None:
        """Set a configuration value for the operations that follow."""
        ...

    def up(self, message: str = "") -> Update: ...

    def preview(self) -> Update: ...

    def destroy(self, message: str = "") -> Update: ...

    def refresh(self, message: str = "") -> Update:
        """Make the state what AWS has; the steps tell only of what AWS was asked about."""
        ...

    def outputs(self) -> Props: ...

    def resources(self) -> list[Resource]:
        """What the stack's state has, each after what it depends on."""
        ...
