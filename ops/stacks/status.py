"""Whether an incident is active in a stack, by its state."""

from dataclasses import dataclass
from typing import Any, Literal

from handler import scenario
from ops.console import one_line
from ops.errors import UsageError
from ops.stacks.backend import Backend
from ops.stacks.history import Resources


@dataclass(frozen=True)
class Status:
    """What a stack's state says: is it there and deployed, is an incident active, and if so since when and by which
    run."""

    stack: str
    condition: Literal["absent", "empty", "deployed"]
    is_incident: bool = False
    since: str = ""
    run: str = ""

    @property
    def sentence(self) -> str:
        """The status for people."""
        if self.condition != "deployed":
            return f"stack {self.stack}: not deployed"
        if not self.is_incident:
            return f"stack {self.stack}: no incident is active"
        since = f", since {self.since}: {self.run or 'its update has no message'}" if self.since else ""
        return f"stack {self.stack}: an incident is active{since}"

    def as_outputs(self) -> dict[str, str]:
        """The status as outputs of a workflow's step."""
        return {
            "condition": self.condition,
            "deployed": str(self.condition == "deployed").lower(),
            "incident": str(self.is_incident).lower(),
            "since": self.since,
            "run": self.run,
        }


def read(backend: Backend, stack: str) -> Status:
    """A stack's status.

    Raises UsageError when the backend cannot be read.
    """
    resources = backend.resources(stack)
    if resources is None:
        return Status(stack, "absent")
    if not resources:
        return Status(stack, "empty")
    if not is_incident(resources):
        return Status(stack, "deployed")
    last = backend.last_update(stack) or {"time": "", "message": ""}
    return Status(stack, "deployed", is_incident=True, since=last["time"], run=one_line(last["message"]))


def is_incident(resources: Resources) -> bool:
    """Whether a function of the state was deployed to fail.

    By what was done with the function and not by the stack's output failMode, which an interrupted update leaves as it
    was.
    """
    return any(_is_failing(resource) for resource in resources)


def _is_failing(resource: dict[str, Any]) -> bool:
    environment = (resource.get("inputs") or {}).get("environment") or {}
    variables = environment.get("variables") or {} if isinstance(environment, dict) else None
    if not isinstance(variables, dict):
        raise UsageError(
            f"{resource['urn']} has the environment {environment!r} in the state, from which it cannot be said whether "
            "an incident is active: deploy the stack again with `pulumi up`"
        )
    return scenario.is_failing(variables)
