"""What a run prints: lines for people, and on a terminal the wait in progress."""

import os
import sys

DEFAULT_COLUMNS = 80
"""Of a terminal that says it has none, as one that `docker run -t` has just made."""


def one_line(text: str) -> str:
    """Return anybody's text on one line, with escapes for what would steer a terminal; in a workflow's log, a line of
    its own could be a command."""
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """Return anybody's text, its lines as they are, with escapes for all else that would steer a terminal."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


class Console:
    """Lines on standard output. On a terminal that can overwrite a line the status is shown; elsewhere it is not."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._has_status = False

    def line(self, text: str = "") -> None:
        """Print a line that stays."""
        self._clear()
        print(text, flush=True)

    def status(self, text: str) -> None:
        """Show what is being waited for, until the next line or the next status."""
        if self._is_terminal:
            self._clear()
            width = os.get_terminal_size().columns or DEFAULT_COLUMNS
            print(text[: width - 1], end="", flush=True)
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
