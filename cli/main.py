"""Runs a verb: signals, and errors as exit codes."""

import gc
import importlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from ops.errors import UsageError

INTERRUPTED = 130
"""As shells report a program that Ctrl-C ended."""


def run(verb: str, arguments: list[str]) -> int:
    """Run a verb and return its exit code; an error that a person can do something about is one line."""
    gc.disable()  # runs are short: looking for cycles among what Pulumi and botocore load is a sixth of a flip
    for number in _interrupts():
        signal.signal(number, _interrupt)
    try:
        status = int(importlib.import_module(f"cli.{verb}").main(arguments))
        sys.stdout.flush()
        return status
    except UsageError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    except KeyboardInterrupt:
        return interrupted()
    except OSError as error:
        # The reader of our output has gone, or a disk is full; what is still buffered can go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr.write(f"sandbox: {error}\n")
        return 1


def interrupted() -> int:
    sys.stderr.write("\nsandbox: interrupted; what it had started is stopped\n")
    return INTERRUPTED


def leave(status: int) -> None:
    """End at once: taking apart all that Pulumi and botocore have loaded would be another sixth of a flip."""
    sys.stderr.flush()
    os._exit(status)


def _interrupt(number: int, frame: FrameType | None) -> Any:
    """Raise KeyboardInterrupt at the first signal, and ignore the next ones: it is stopping already.

    An import that is interrupted can leave its lock held, and another thread waiting for it: so it waits till then.
    """
    caller = frame
    while caller is not None:
        if caller.f_code.co_filename.startswith("<frozen importlib"):
            threading.Timer(0.02, os.kill, (os.getpid(), number)).start()
            return
        caller = caller.f_back
    for other in _interrupts():
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _interrupts() -> list[int]:
    """Ctrl-C, kill, and a terminal that is closed, unless the run is to outlive that (nohup)."""
    outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if outlives else [signal.SIGHUP])]
