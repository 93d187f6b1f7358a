"""The Pulumi CLI, through its Automation API."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pulumi import automation as auto
from semver import VersionInfo

from ops.errors import UsageError
from ops.stacks.events import Events, plain

MINIMUM_VERSION = VersionInfo(3, 208)
"""The first to read its options from PULUMI_OPTION_*: https://github.com/pulumi/pulumi/pull/20868"""

CANCEL_DEADLINE_SECONDS = 60
"""How long an interrupted update may take to end what it has under way and to save its state."""


class Cli(auto.PulumiCommand):
    """The CLI on PATH. When we are interrupted it ends its update in order, and the interrupt goes on after that."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
        stdin: IO[str] | int = subprocess.DEVNULL,
    ) -> auto.CommandResult:
        """Run one command, as PulumiCommand does, but in a session of its own: Ctrl-C in a terminal reaches us alone.

        Raises auto.CommandError when the command fails, and UsageError when it was killed.
        """
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**_environment(), **additional_env, "PULUMI_AUTOMATION_API": "true"},
            text=True,
            start_new_session=True,
        )
        code = None
        try:
            output, errors = _Lines(process.stdout, on_output), _Lines(process.stderr, on_error)
            code = process.wait()
        except BaseException:
            _cancel(process)
            raise
        finally:
            if code != 0:
                _end_session(process.pid)
        result = auto.CommandResult(stdout=output.text(), stderr=errors.text(), code=code)
        if code < 0:
            raise UsageError(f"`pulumi {args[0]}` was killed (signal {-code}): run again")
        if code != 0:
            raise auto.errors.create_command_error(result)
        return result


def _environment() -> dict[str, str]:
    """This process's, but for where ./sandbox keeps its bytecode: by the paths that modules are found under, and the
    program's Python may find them under another each time."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}


class _Lines:
    """The lines of a stream, read as they come."""

    def __init__(self, stream: IO[str] | None, on_line: Callable[[str], Any] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._on_line = on_line
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """All of it, once the stream has ended."""
        self._thread.join()
        return "\n".join(self._lines)

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._lines.append(line.rstrip())
                if self._on_line:
                    self._on_line(self._lines[-1])


def _cancel(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(CANCEL_DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_session(session: int) -> None:
    """End what a CLI that did not end well has left: each plugin has a process group of its own, and its language host
    waits five minutes for an engine that is gone."""
    for pid in _processes():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == session:
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    if os.path.isdir("/proc/self"):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


def cli() -> Cli:
    """The Pulumi CLI.

    Raises UsageError when it is not on PATH, or too old.
    """
    try:
        return Cli(version=MINIMUM_VERSION)
    except OSError:
        raise UsageError(
            "the Pulumi CLI is not on PATH: install it (https://www.pulumi.com/docs/iac/download-install/), and retry"
        ) from None
    except (auto.InvalidVersionError, subprocess.CalledProcessError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the Pulumi CLI on PATH cannot be used, {MINIMUM_VERSION} or newer is needed: {error}"
        ) from None


@dataclass(frozen=True)
class Pulumi:
    """The CLI on the project in `folder`, with settings such as PULUMI_BACKEND_URL besides those of this process.

    Its operations raise UsageError when the CLI fails.
    """

    cli: Cli
    folder: Path
    environment: Mapping[str, str]

    def stack(self, name: str, secrets_provider: str | None = None) -> auto.Stack:
        """A stack, made with the secrets provider where the backend has none of that name."""
        workspace = auto.LocalWorkspace(
            work_dir=str(self.folder),
            pulumi_command=self.cli,
            env_vars=dict(self.environment),
            secrets_provider=secrets_provider,
        )
        with as_usage_error():
            return auto.Stack.create_or_select(name, workspace)

    def export_state(self, name: str) -> dict[str, Any]:
        """A stack's state, its secrets as they are kept: `version` and `deployment`."""
        return dict(json.loads(self._run("stack", "export", "--stack", name).stdout))

    def import_state(self, name: str, state: dict[str, Any]) -> None:
        """Make a stack's state what `export_state` returned, of this stack or of one in another backend."""
        with tempfile.TemporaryFile("w+") as file, as_usage_error():  # without a name, so that nothing is left of it
            json.dump(state, file)
            file.seek(0)
            self.cli.run(["stack", "import", "--stack", name], str(self.folder), self.environment, stdin=file)

    def change_secrets_provider(self, name: str, secrets_provider: str) -> None:
        """Encrypt a stack's secrets anew, and note the provider in the state and in the stack's file."""
        self._run("stack", "change-secrets-provider", secrets_provider, "--stack", name)

    def remove(self, name: str) -> None:
        """Remove a stack that has no resources; its configuration stays."""
        self._run("stack", "rm", "--yes", "--preserve-config", "--stack", name)

    def cancel(self, name: str) -> None:
        """Let go of a stack's locks."""
        self._run("cancel", "--yes", "--stack", name)

    def _run(self, *arguments: str) -> auto.CommandResult:
        with as_usage_error():
            return self.cli.run(list(arguments), str(self.folder), self.environment)


@contextlib.contextmanager
def as_usage_error(events: Events | None = None) -> Iterator[None]:
    """Turn a failure of the CLI into one line: the first error of the engine's events, else what the CLI wrote.

    Raises UsageError.
    """
    try:
        yield
    except auto.CommandError as error:
        # The error is a text, the command's result, with what was written to standard error at its end; that may begin
        # with a warning or two of the AWS SDK's.
        written = str(error).rpartition(" stderr: ")[2] or str(error)
        message = re.search(r"^error: (.*)", written, re.MULTILINE | re.DOTALL)
        first = events.errors[0] if events and events.errors else message[1] if message else written
        raise UsageError(" ".join(plain(first).split())) from None
