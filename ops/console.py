"""What a run prints: lines for people, and on a terminal the wait in progress."""

import os
import sys


def one_line(text: str) -> str:
    """Return anybody's text on one line, with escapes for what would steer a terminal; in a workflow's log, a line of
    its own could be a command."""
    joined = " ".join(text.split())
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in joined)


class Console:
    """Lines on standard output. On a terminal the status is shown and overwritten; elsewhere it is not written."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._has_status = False

    def line(self, text: str = "") -> None:
        """Print a line that stays."""
        self._clear()
        print(text, flush=True)

    def status(self, text: str) -> None:
        """Show what is being waited for, until the next line or the next status."""
        if self._is_terminal:
            self._clear()
            width = os.get_terminal_size().columns - 1
            print(text[:width], end="", flush=True)
            self._has_status = True

    def _clear(self) -> None:
        if self._has_status:
            print("\r\x1b[K", end="")
            self._has_status = False


class NullConsole(Console):
    """Prints nothing: for a run that is part of another, which reports it in lines of its own."""

    def line(self, text: str = "") -> None:
        pass

    def status(self, text: str) -> None:
        pass
