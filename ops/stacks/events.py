"""The events of Pulumi's engine for one operation, as the Automation API delivers them or `--event-log` writes them.

https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#EngineEvent
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

from pulumi import automation as auto
from pulumi.automation import events as engine

from ops.errors import UsageError
from ops.stacks import urn


class Events:
    """The steps of an operation and its errors. `on_step` is called with each step that changes something in AWS."""

    def __init__(self, on_step: Callable[[auto.StepEventMetadata], None] = lambda step: None) -> None:
        self.steps: list[auto.StepEventMetadata] = []
        self.failed: list[auto.StepEventMetadata] = []
        self.errors: list[str] = []
        self._on_step = on_step

    @property
    def changed(self) -> list[auto.StepEventMetadata]:
        """The steps on resources in AWS that were not `same`."""
        return [step for step in self.steps if _changes(step)]

    def __call__(self, event: auto.EngineEvent) -> None:
        if event.res_outputs_event:
            step = event.res_outputs_event.metadata
            self.steps.append(step)
            if _changes(step):
                self._on_step(step)
        if event.res_op_failed_event:
            self.failed.append(event.res_op_failed_event.metadata)
        if event.diagnostic_event and event.diagnostic_event.severity == "error":
            self.errors.append(plain(event.diagnostic_event.message))


def read_log(path: Path) -> Events:
    """The events of a file that `--event-log` wrote, one JSON value to a line.

    The last line is left out where it is not whole: an engine that was killed leaves part of one.
    Raises UsageError when the file is not such a log.
    """
    events = Events()
    try:
        whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
        for line in whole.splitlines():
            events(engine.EngineEvent.from_json(json.loads(line)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is not an event log of Pulumi's engine ({error}); name the file that "
                         "`pulumi up --event-log` wrote") from None  # fmt: skip
    return events


def plain(message: str) -> str:
    """A message without the engine's marks for colours."""
    return re.sub(r"<{%.*?%}>", "", message)


def _changes(step: auto.StepEventMetadata) -> bool:
    return step.op not in (auto.OpType.SAME, auto.OpType.REFRESH) and urn.is_in_aws(step.type)
