"""Runs of the embedded engine that are killed with SIGKILL at a chosen call to AWS.

`python -m tests.support.killing PROJECT` reads a case per line and prints for each whether it was killed. Each case
runs in a fork of that process, which has loaded all modules: several times faster than a new process.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.client

from local_aws.engine import program
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.store import Bucket, Folder
from local_aws.provider.resource import Aws

SERVICES = ("apigatewayv2", "cloudwatch", "events", "iam", "kms", "lambda", "logs", "s3", "sts")
READ_PREFIXES = ("Get", "List", "Describe", "Head")


Kill = Callable[[Path | str, str, str, str, int | str, dict[str, str]], bool]
"""Run an operation and kill it at a call that changes AWS; return whether it was killed, so False without such a call.

Arguments: the folder or the name of the bucket with the state; the stack; the operation; `before` (the call is sent) or
`after` (it was answered); the call, by its number from 1 or by its name, which means the first with that name; the
configuration."""


@contextmanager
def killing(project: Path, environment: Mapping[str, str]) -> Iterator[Kill]:
    """Kill runs of a project's program on the emulator that the environment names."""
    without_settings = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.killing", str(project)],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env={**without_settings, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def kill(states: Path | str, *case: Any) -> bool:
            stdin.write(json.dumps([str(states), *case]) + "\n")
            stdin.flush()
            return bool(json.loads(stdout.readline()))

        yield kill


def _main(project: Path) -> None:
    aws = Aws()
    for stack in ("app", "bootstrap"):
        engine = EmbeddedEngine(project, stack, aws, Folder(project / "none"))
        engine.set_config("githubRepository", "octo-org/octo-repo")
        engine.preview()
    aws.close()  # forks must not share connections
    for service in SERVICES:
        aws.client(service)
    program.PARALLEL = 1  # the same order of calls in every run
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                _run(project, aws, *json.loads(line))
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or status == 0, f"{line.strip()}: ended with status {status}"
        print(json.dumps(killed), flush=True)


def _run(
    project: Path, aws: Aws, states: str, stack: str, operation: str, when: str, at: int | str, config: dict[str, str]
) -> None:
    base: Any = botocore.client.BaseClient  # its stubs omit what is private
    call = base._make_api_call
    calls = 0

    def call_or_kill(client: Any, name: str, parameters: Any) -> Any:
        nonlocal calls
        if name.startswith(READ_PREFIXES):
            return call(client, name, parameters)
        calls += 1
        if when == "before" and at in (calls, name):
            os.kill(os.getpid(), signal.SIGKILL)
        response = call(client, name, parameters)
        if at in (calls, name):
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    base._make_api_call = call_or_kill
    store = Folder(Path(states)) if "/" in states else Bucket(aws, states)
    engine = EmbeddedEngine(project, stack, aws, store)
    for key, value in config.items():
        engine.set_config(key, value)
    getattr(engine, operation)()
    os._exit(0)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
