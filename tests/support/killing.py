"""Runs of the embedded engine that end as with `kill -9`, at a chosen call to AWS.

`python -m tests.support.killing PROJECT` reads a case per line and answers each with a line: whether it was killed.
Each case is a fork of that process, which has everything loaded: several times faster than a process of its own.
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

SERVICES = ("apigatewayv2", "cloudwatch", "iam", "kms", "lambda", "logs", "s3", "sts")
READING = ("Get", "List", "Describe", "Head")


Kill = Callable[[Path | str, str, str, str, int | str, dict[str, str]], bool]
"""Given a folder of states or the name of a bucket, a stack, an operation, `before` or `after`, a call that changes
something in AWS and the configuration: runs the operation, and kills it before the call is sent or after it was
answered. The call is the one of this number, from 1, or the first of this name. Tells whether it did; it did not when
there was no such call."""


@contextmanager
def killing(project: Path, environment: Mapping[str, str]) -> Iterator[Kill]:
    """Runs of a project's program, on the emulator that the environment names."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.killing", str(project)],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env={**own, **environment},
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
    program.PARALLEL = 1  # so that a case is always the same
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
    call = botocore.client.BaseClient._make_api_call
    calls = 0

    def call_or_die(client: Any, name: str, parameters: Any) -> Any:
        nonlocal calls
        if name.startswith(READING):
            return call(client, name, parameters)
        calls += 1
        if when == "before" and at in (calls, name):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(client, name, parameters)
        if at in (calls, name):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    botocore.client.BaseClient._make_api_call = call_or_die
    store = Folder(Path(states)) if "/" in states else Bucket(aws, states)
    engine = EmbeddedEngine(project, stack, aws, store)
    for key, value in config.items():
        engine.set_config(key, value)
    getattr(engine, operation)()
    os._exit(0)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
