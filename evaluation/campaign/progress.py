"""What a campaign shows while it runs: how far it is and how long it takes, and nothing of what is true or was said."""

import threading
import time
from dataclasses import dataclass

from ops.console import Console


@dataclass
class _Stack:
    trial: str = ""
    stage: str = ""
    since: float = 0.0
    begun: float = 0.0


class Progress:
    """Called from the threads of several stacks. `left` trials of `total` are to run, `stacks` side by side."""

    def __init__(self, console: Console, total: int, left: int, stacks: int) -> None:
        self._console = console
        self._total = total
        self._left = left
        self._side_by_side = stacks
        self._stacks: dict[str, _Stack] = {}
        self._lasted: list[float] = []
        self._done = 0
        self._voids = 0
        self._is_stopping = False
        self._lock = threading.Lock()

    def begin(self, stack: str, trial: str) -> None:
        """A trial begins."""
        with self._lock:
            now = time.monotonic()
            self._stacks[stack] = _Stack(trial, "", now, now)

    def stage(self, stack: str, text: str) -> None:
        """A trial is at a stage."""
        with self._lock:
            shown = self._stacks.setdefault(stack, _Stack())
            if shown.stage != text:
                shown.stage, shown.since = text, time.monotonic()

    def end(self, stack: str, *, is_void: bool) -> None:
        """A trial has ended."""
        with self._lock:
            shown = self._stacks[stack]
            lasted = time.monotonic() - shown.begun
            self._lasted.append(lasted)
            self._done += not is_void
            self._voids += is_void
            result = "void, is repeated" if is_void else "done"
            done = self._total - self._left + self._done
            self._console.line(f"  trial {shown.trial}  stack {stack:12} {result:18} {lasted:6.1f} s   "
                               f"{done} of {self._total}{self._voids_so_far()}{self._time_left()}")  # fmt: skip

    def ended(self, stack: str) -> None:
        """A stack has no trial left, or cannot go on."""
        with self._lock:
            self._stacks.pop(stack, None)

    def refresh(self, *, is_stopping: bool) -> None:
        """Show what is going on now."""
        with self._lock:
            if is_stopping and not self._is_stopping:
                self._is_stopping = True
                self._console.line(f"  stopping: what was changed in {', '.join(sorted(self._stacks))} is taken back, "
                                   "which takes a moment")  # fmt: skip
            now = time.monotonic()
            parts = [
                f"{name} {shown.trial} {shown.stage} {now - shown.since:.0f} s"
                for name, shown in sorted(self._stacks.items())
                if shown.stage
            ]
            done = self._total - self._left + self._done
            self._console.status(f"  {done}/{self._total}{self._time_left()} | {' | '.join(parts)}")

    def _voids_so_far(self) -> str:
        return f", {self._voids} void" if self._voids else ""

    def _time_left(self) -> str:
        left = self._left - self._done
        if not self._lasted or left <= 0:
            return ""
        seconds = left * sum(self._lasted) / len(self._lasted) / self._side_by_side
        return f", about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
