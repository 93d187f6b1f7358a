"""Runs a verb: signals, and errors as exit codes; a traceback goes into a file, and not to a person."""

import contextlib
import errno
import gc
import importlib
import io
import os
import signal
import sys
import tempfile
import threading
import traceback
from types import FrameType
from typing import Any

from infra.errors import ProjectFileError
from ops.console import one_line
from ops.errors import BackendError, UsageError

INTERRUPTED = 130
"""As shells report a program that Ctrl-C ended."""


def run(verb: str, arguments: list[str]) -> int:
    """Run a verb and return its exit code; an error that a person can do something about is one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal, or half a surrogate in a message
    gc.disable()  # runs are short: looking for cycles among what Pulumi and botocore load is a sixth of a flip
    for number in _interrupts():
        signal.signal(number, _interrupt)
    try:
        status = int(importlib.import_module(f"cli.{verb}").main(arguments))
        sys.stdout.flush()
        return status
    except BackendError as error:
        return _end(f"{error}{_emulator_advice(str(error))}")
    except (UsageError, ProjectFileError) as error:
        return _end(str(error))
    except KeyboardInterrupt:
        return interrupted()
    except ImportError:
        raise  # the script repairs the environment
    except OSError as error:
        # The reader of our output has gone, or a disk is full; what is still buffered can go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _end(_named(error))
    except Exception as error:
        return unexpected(error)


def unexpected(error: BaseException) -> int:
    """Say in one line what nobody has foreseen; the traceback, which may have secrets in it, is in a private file."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    try:
        descriptor, path = tempfile.mkstemp(prefix="incident-sandbox-error-", suffix=".txt")  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
        details = f"the details are in {path}"
    except OSError as full:
        details = f"the details cannot be written ({full.strerror})"
    return _end(f"an error that this program does not expect: {what}; {details}; please report it with that file")


def _emulator_advice(message: str) -> str:
    """What to add to a message where this checkout's emulator is running, and this shell does not call it."""
    from ops.project import ROOT

    if "local env" in message or not (ROOT / ".local").is_symlink():
        return ""  # no emulator was started here: the packages that local_aws needs may be missing
    from local_aws.emulator import registry

    with contextlib.suppress(UsageError):
        running = registry.find()
        if running and os.environ.get("AWS_ENDPOINT_URL") != running.emulator.url:
            return (f"; for the emulator of this checkout, which is running at {running.emulator.url}, first run "
                    '`eval "$(./sandbox local env)"` in this shell')  # fmt: skip
    return ""


def _named(error: OSError) -> str:
    """What went wrong with which file, and the variables that name the file."""
    if isinstance(error, BrokenPipeError):
        return "what reads this output has ended before the output did: let it read all of it, or write to a file"
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"what is printed, or a file, cannot be written whole: {error.strerror}; make room, and run again"
    if error.filename is None:
        return str(error)
    variables = [name for name, value in os.environ.items() if value == error.filename]
    return f"{error.filename}{f' ({variables[0]})' if variables else ''} cannot be used: {error.strerror}"


def _end(message: str) -> int:
    """Write a message as one line and return the exit code of all errors."""
    sys.stderr.write(f"sandbox: {one_line(message)}\n")
    return 2


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
