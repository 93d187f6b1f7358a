"""An app stack, as a campaign changes it."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from ops import project
from ops.console import Console, NullConsole
from ops.stacks import layout, recovery
from ops.stacks.automation import Pulumi, as_usage_error
from ops.stacks.backend import Backend

LOCK_SECONDS = 600
LOCK_POLL_SECONDS = 1.0


class UpdatedStack(Protocol):
    """A stack and how it is updated. Its methods raise UsageError when that fails."""

    name: str

    def update(self, settings: Mapping[str, str], message: str) -> None:
        """Deploy the stack with its file's settings and these."""

    def recover(self, console: Console) -> None:
        """Take the stack over from a run that was killed in the middle of an update."""


class PulumiStack:
    """A stack that the Pulumi CLI updates; its committed file stays as it is."""

    def __init__(self, name: str, pulumi: Pulumi, backend: Backend) -> None:
        self.name = name
        self._pulumi = pulumi
        self._backend = backend

    def update(self, settings: Mapping[str, str], message: str) -> None:
        folder, plain = self._pulumi.folder, layout.stack_name(self.name, project.name())
        path = project.stack_file(folder, plain)
        content = project.read_yaml(path) if path.exists() else {}
        content["config"] = {
            **project.stack_config(folder, plain),
            **{project.full_key(key, project.name()): value for key, value in settings.items()},
        }
        with TemporaryDirectory() as scratch, as_usage_error():
            file = Path(scratch, path.name)
            file.write_text(json.dumps(content), encoding="utf-8")  # which is YAML
            self._pulumi.stack(self.name).up(message=message, config_file=str(file))

    def recover(self, console: Console) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while recovery.is_held_here(self._backend.locks(self.name)) and time.monotonic() < deadline:
            console.status(f"waiting for an update of stack {self.name} to end")
            time.sleep(LOCK_POLL_SECONDS)
        recovery.release(self._pulumi, self.name, self._backend.locks(self.name))
        region = project.region(self._pulumi.folder, layout.stack_name(self.name, project.name()))
        recovery.recover(self._pulumi, self._backend, self.name, region, NullConsole())
