"""Waiting, with a deadline, until the campaign is to stop."""

import threading
import time
from collections.abc import Callable

from ops.console import NullConsole

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 15.0


class Interrupted(Exception):
    """The campaign is to stop."""


class Watch(NullConsole):
    """What a stack's trials report to while they go on. Raises Interrupted, wherever they wait, once `stop` is set."""

    def __init__(self, stop: threading.Event, show: Callable[[str], None]) -> None:
        self._stop = stop
        self._show = show

    def stage(self, text: str) -> None:
        """Report what is going on, in words that do not tell the arm."""
        self._show(text)

    def status(self, text: str) -> None:
        if self._stop.is_set():
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
            self._stop.wait(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    def acquire(self, lock: threading.Lock) -> None:
        """Wait for a lock that another stack's trial has."""
        while not lock.acquire(timeout=0.5):
            self.status("")

    @property
    def is_stopped(self) -> bool:
        """Whether the campaign is to stop."""
        return self._stop.is_set()

    def to_the_end(self) -> "Watch":
        """Return one that is not interrupted: for what leaves the app healthy."""
        return Watch(threading.Event(), self._show)
