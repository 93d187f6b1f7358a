"""Locks on folders, which the kernel lets go of however their holders end."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ops.errors import UsageError


def hold(folder: Path, *, wait: bool = False) -> int:
    """Lock a folder until the descriptor that this returns is closed, by this process and by all that inherit it.

    Raises BlockingIOError when another holds it and `wait` is not asked for.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_held(folder: Path) -> bool:
    """Whether anybody holds the folder; a folder that is not there is held by nobody."""
    try:
        os.close(hold(folder))
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder of results. Raises UsageError when another run has it."""
    try:
        lock = hold(folder)
    except BlockingIOError:
        raise UsageError(f"--out {folder}: another run is under way in it; wait for it to end, or stop it") from None
    try:
        yield
    finally:
        os.close(lock)
