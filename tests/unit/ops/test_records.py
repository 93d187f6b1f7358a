"""Where records are written."""

import json
import os
import threading
from pathlib import Path

import pytest

from ops import records
from ops.errors import UsageError

RECORD = {"passed": True}


def test_a_record_replaces_a_file_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text("old")
    file.chmod(0o600)

    records.check_writable(file)
    assert file.read_text() == "old"
    records.write(file, RECORD)

    assert json.loads(file.read_text()) == RECORD
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target.json"
    link.symlink_to(target)

    records.check_writable(link)
    records.write(link, RECORD)

    assert link.is_symlink()
    assert json.loads(target.read_text()) == RECORD


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()

    records.check_writable(pipe)
    records.write(pipe, RECORD)
    reader.join(10)

    assert json.loads(received[0]) == RECORD
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["", "missing/record.json", "file/record.json", "x" * 254])
def test_a_path_that_cannot_be_written_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be written"):
        records.check_writable(tmp_path / name)


def test_half_a_surrogate_is_written_as_its_escape(tmp_path: Path) -> None:
    """https://github.com/daaain/claude-code-log/issues/139"""
    records.write_text(tmp_path / "report.md", "a \ud83d b")

    assert (tmp_path / "report.md").read_text() == "a \\ud83d b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_record_is_read_as_editors_write_it(encoding: str, tmp_path: Path) -> None:
    """https://github.com/chroblert/WindowsVulnScan/issues/2"""
    record = {"kind": "check", "version": 1, "verdict": "ä"}
    (tmp_path / "check.json").write_text(json.dumps(record, ensure_ascii=False), encoding=encoding)

    assert records.read(tmp_path / "check.json", "check") == record
