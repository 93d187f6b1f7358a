"""What a run tells: lines for people, a file for machines."""

import errno
import json
import os
import sys
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


class Silence(Report):
    """For a run that is part of another, which tells of it in lines of its own."""

    def line(self, text: str = "") -> None:
        pass

    def waiting(self, text: str) -> None:
        pass


def check_writable(path: Path) -> None:
    """Raise UsageError when a record could not be written there, before anything is done that it would tell of."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_plain(path):
            staged, _ = _stage(path)
            staged.unlink()
    except OSError as error:
        raise UsageError(f"--json {path}: cannot be written ({error.strerror}); name a file in a folder that exists "
                         "and is yours") from None  # fmt: skip


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record: a file as a whole or not at all, a pipe or a device as it is."""
    text = json.dumps(record, indent=2) + "\n"
    if not _is_plain(path):
        path.write_text(text, encoding="utf-8")
        return
    staged, target = _stage(path)
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _is_plain(path: Path) -> bool:
    return path.is_file() or not path.exists()


def _stage(path: Path) -> tuple[Path, Path]:
    """An empty file beside the one that the path stands for, links followed, of the mode that one has or will have."""
    target = path.resolve()
    staged = target.with_name(f".{target.name}.{os.getpid()}")
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
    os.close(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    return staged, target
