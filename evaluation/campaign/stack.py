"""An app stack, as a campaign changes it."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from ops import project
from ops.console import Console, NullConsole
from ops.errors import UsageError
from ops.stacks import layout, recovery, urn
from ops.stacks.automation import Pulumi, as_usage_error
from ops.stacks.backend import Backend
from ops.stacks.events import Events

LOCK_SECONDS = 600
LOCK_POLL_SECONDS = 1.0


class UpdatedStack(Protocol):
    """A stack and how it is updated. Its methods raise UsageError when that fails."""

    name: str

    def update(self, settings: Mapping[str, str], message: str) -> None:
        """Deploy the stack with its file's settings and these."""

    def recover(self, console: Console) -> None:
        """Take the stack over from a run that was killed in the middle of an update."""

    def refuse_other_changes(self) -> None:
        """Raise UsageError when an update of the healthy stack would change something: each trial would, too."""


class PulumiStack:
    """A stack that the Pulumi CLI updates; its committed file stays as it is."""

    def __init__(self, name: str, pulumi: Pulumi, backend: Backend) -> None:
        self.name = name
        self._pulumi = pulumi
        self._backend = backend

    def update(self, settings: Mapping[str, str], message: str) -> None:
        with self._configured(settings) as file, as_usage_error():
            self._pulumi.stack(self.name).up(message=message, config_file=file)

    def refuse_other_changes(self) -> None:
        events = Events()
        with self._configured({"failMode": "false"}) as file, as_usage_error(events):
            self._pulumi.stack(self.name).preview(config_file=file, on_event=events)
        if events.changed:
            changes = ", ".join(f"{step.op.value} {urn.subject(step.urn)}" for step in events.changed)
            raise UsageError(f"this checkout has changes that are not deployed, and the trials would deploy them, too: "
                             f"{changes}; deploy it first, or check out what is deployed")  # fmt: skip

    @contextlib.contextmanager
    def _configured(self, settings: Mapping[str, str]) -> Iterator[str]:
        """A copy of the stack's file with these settings."""
        folder, plain = self._pulumi.folder, layout.stack_name(self.name, project.name())
        path = project.stack_file(folder, plain)
        content = project.read_yaml(path) if path.exists() else {}
        content["config"] = {
            **project.stack_config(folder, plain),
            **{project.full_key(key, project.name()): value for key, value in settings.items()},
        }
        with TemporaryDirectory() as scratch:
            file = Path(scratch, path.name)
            file.write_text(json.dumps(content), encoding="utf-8")  # which is YAML
            yield str(file)

    def recover(self, console: Console) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while recovery.is_held_here(self._backend.locks(self.name)) and time.monotonic() < deadline:
            console.status(f"waiting for an update of stack {self.name} to end")
            time.sleep(LOCK_POLL_SECONDS)
        recovery.release(self._pulumi, self.name, self._backend.locks(self.name))
        region = project.region(self._pulumi.folder, layout.stack_name(self.name, project.name()))
        recovery.recover(self._pulumi, self._backend, self.name, region, NullConsole())
