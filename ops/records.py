"""The JSON files that verbs write, each of a `kind` and a `version` with a JSON Schema in ops/schemas."""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from ops.errors import UsageError

Kind = Literal["check", "rehearsal", "timeline", "truth"]
VERSION = 1


def new(kind: Kind, started: datetime) -> dict[str, Any]:
    """The beginning of a record: its kind, its version, and when the run began (UTC, ISO 8601)."""
    return {
        "kind": kind,
        "version": VERSION,
        "started": started.astimezone(timezone.utc).isoformat(timespec="milliseconds"),
    }


def time_text(time: datetime) -> str:
    """A time in a record, in UTC and of a fixed width: the texts sort as the times do."""
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")


def read(path: Path, *kinds: str) -> dict[str, Any]:
    """A record of one of these kinds.

    Raises UsageError when the file cannot be read, or is another kind or version of record.
    """
    try:
        record = json.loads(path.read_bytes())  # of bytes it takes UTF-8 with a mark and UTF-16, as editors write
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read as a JSON record: {error}") from None
    if not isinstance(record, dict) or record.get("kind") not in kinds:
        kind = record.get("kind") if isinstance(record, dict) else None
        raise UsageError(f"{path} is a record of kind {kind!r}: {' or '.join(kinds)} is expected; name another file")
    if record.get("version") != VERSION:
        raise UsageError(
            f"{path} has version {record.get('version')!r} of its kind, and this checkout reads version {VERSION}: "
            "read it with the checkout that wrote it"
        )
    return record


def check_writable(path: Path) -> None:
    """Raise UsageError when a record could not be written to this path, before the run that it is about."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_regular(path):
            staged, _ = _stage(path)
            staged.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); name a file in a folder that exists "
                         "and is yours") from None  # fmt: skip


def write(path: Path, record: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """Write a record, or a list of them, as `write_text` does."""
    write_text(path, json.dumps(record, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file: a regular one is replaced as a whole or not at all, a pipe or a device is written to.

    Half a surrogate, which JSON can have in a text and UTF-8 cannot, is written as its escape.
    """
    content = text.encode("utf-8", "backslashreplace")
    if not _is_regular(path):
        path.write_bytes(content)
        return
    staged, target = _stage(path)
    try:
        staged.write_bytes(content)
        staged.replace(target)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _is_regular(path: Path) -> bool:
    return path.is_file() or not path.exists()


def _stage(path: Path) -> tuple[Path, Path]:
    """An empty file beside the target of the path, links followed, with the mode that the target has or will have."""
    target = path.resolve()
    staged = target.with_name(f".{target.name}.{os.getpid()}")
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
    os.close(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    return staged, target
