"""The provider plugin, which kills the engine and itself with SIGKILL at a chosen call that changes AWS.

KILL_AT says when and what else: `before 2 engine` kills before the second such call is sent; `after 1 run` kills once
the first is answered, and also the run that started the engine.
"""

import itertools
import os
import signal
import subprocess
import threading
from typing import Any

import botocore.client

from local_aws.provider import plugin

READ_PREFIXES = ("Get", "List", "Describe", "Head")


def parent_of(pid: int) -> int:
    return int(subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True).stdout)


def kill(what: str) -> None:
    engine = os.getppid()
    for pid in ([parent_of(engine)] if what == "run" else []) + [engine, os.getpid()]:
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    when, number, what = os.environ["KILL_AT"].split()
    base: Any = botocore.client.BaseClient  # its stubs omit what is private
    call = base._make_api_call
    counter, lock = itertools.count(1), threading.Lock()

    def call_or_kill(client: Any, name: str, parameters: Any) -> Any:
        if name.startswith(READ_PREFIXES):
            return call(client, name, parameters)
        with lock:
            is_chosen = next(counter) == int(number)
        if is_chosen and when == "before":
            kill(what)
        response = call(client, name, parameters)
        if is_chosen:
            kill(what)
        return response

    base._make_api_call = call_or_kill
    plugin.main()


if __name__ == "__main__":
    main()
