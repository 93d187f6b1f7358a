"""The provider plugin, but for one of its calls that change something in AWS: before it is sent, or once it is
answered, the engine and the plugin itself end as with `kill -9`; and first, if it is to, the run that asked for the
engine.

DEADLY_CALL says which call and when, and who, as `after 1 run` or `before 1 engine`.
"""

import itertools
import os
import signal
import subprocess
import threading
from typing import Any

import botocore.client

from local_aws.provider import plugin

READING = ("Get", "List", "Describe", "Head")


def parent_of(pid: int) -> int:
    return int(subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True).stdout)


def die(who: str) -> None:
    engine = os.getppid()
    for pid in ([parent_of(engine)] if who == "run" else []) + [engine, os.getpid()]:
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    when, number, who = os.environ["DEADLY_CALL"].split()
    call = botocore.client.BaseClient._make_api_call
    counter, lock = itertools.count(1), threading.Lock()

    def call_or_die(client: Any, name: str, parameters: Any) -> Any:
        if name.startswith(READING):
            return call(client, name, parameters)
        with lock:
            deadly = next(counter) == int(number)
        if deadly and when == "before":
            die(who)
        answer = call(client, name, parameters)
        if deadly:
            die(who)
        return answer

    botocore.client.BaseClient._make_api_call = call_or_die
    plugin.main()


if __name__ == "__main__":
    main()
