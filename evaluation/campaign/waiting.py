"""Waiting, with a deadline, until the campaign is to stop."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ops.console import NullConsole

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 15.0
NOTICED_SECONDS = 0.2
"""How long it takes at most until a wait is interrupted."""


class Interrupted(Exception):
    """The campaign is to stop."""


class Stop:
    """Whether a campaign is to stop. No lock and no event: a signal may come while one of those is held."""

    def __init__(self) -> None:
        self.is_set = False

    @contextlib.contextmanager
    def by_signals(self) -> Iterator[None]:
        """Have Ctrl-C and the other signals that end a program set it, during a `with` block, and do nothing else."""

        def note(number: int, frame: Any) -> None:
            self.is_set = True

        signals = [number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
                   if signal.getsignal(number) is not signal.SIG_IGN]  # fmt: skip
        before = {number: signal.signal(number, note) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Watch(NullConsole):
    """What a stack's trials report to while they go on. Raises Interrupted, wherever they wait, once `stop` is set."""

    def __init__(self, stop: Stop, show: Callable[[str], None]) -> None:
        self._stop = stop
        self._show = show

    def stage(self, text: str) -> None:
        """Report what is going on, in words that do not tell the arm."""
        self._show(text)

    def status(self, text: str) -> None:
        if self._stop.is_set:
            raise Interrupted

    def until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Look again and again, for so many seconds; return whether it became so."""
        deadline, pause = time.monotonic() + seconds, FIRST_POLL_SECONDS
        while True:
            self.status("")
            if is_so():
                return True
            if time.monotonic() >= deadline:
                return False
            self.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    def sleep(self, seconds: float) -> None:
        """Wait for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.status("")
            time.sleep(min(left, NOTICED_SECONDS))

    def acquire(self, lock: threading.Lock) -> None:
        """Wait for a lock that another stack's trial has."""
        while not lock.acquire(timeout=NOTICED_SECONDS):
            self.status("")

    @property
    def is_stopped(self) -> bool:
        """Whether the campaign is to stop."""
        return self._stop.is_set

    def to_the_end(self) -> "Watch":
        """Return one that is not interrupted: for what leaves the app healthy."""
        return Watch(Stop(), self._show)
