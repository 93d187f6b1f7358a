"""What a run tells: lines for people, a file for machines."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from ops.errors import UsageError


class Report:
    """Lines on standard output. On a terminal the wait in progress is shown and overwritten; piped, it is not."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._waiting = False

    def line(self, text: str = "") -> None:
        self._clear()
        print(text, flush=True)

    def waiting(self, text: str) -> None:
        """Show what is being waited for, until the next line or the next wait."""
        if self._live:
            self._clear()
            width = os.get_terminal_size().columns - 1
            print(text[:width], end="", flush=True)
            self._waiting = True

    def _clear(self) -> None:
        if self._waiting:
            print("\r\x1b[K", end="")
            self._waiting = False


def check_writable(path: Path) -> None:
    """Raise UsageError when a record could not be written there, before anything is done that it would tell of."""
    if path.is_dir():
        raise UsageError(f"--json {path}: is a folder; name a file")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"--json {path}: cannot be written; name a file in a folder that exists and is yours")


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record as a whole or not at all."""
    handle, staged = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=2)
            file.write("\n")
        Path(staged).chmod(0o644)
        Path(staged).replace(path)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
