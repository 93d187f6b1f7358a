"""How verbs end: exit codes are answers, and no traceback reaches a person."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

import cli.status
import cli.summary
from ops.errors import UsageError
from ops.stacks import backend
from tests.support import verbs


def fail(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raises() -> None:
        raise error

    patch.setattr(backend, "current", raises)


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fail(monkeypatch, ZeroDivisionError("a\nb"))

    ended = verbs.run("status", "--stack", "app")

    (details,) = tmp_path.iterdir()
    assert ended.code == 2
    assert ended.stderr == (
        f"sandbox: an error that this program does not expect: ZeroDivisionError: a b; the details are in {details}; "
        "please report it with that file\n"
    )
    assert "Traceback" in details.read_text()
    assert stat.S_IMODE(details.stat().st_mode) == 0o600


def test_an_error_is_reported_where_no_file_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    fail(monkeypatch, ZeroDivisionError())

    ended = verbs.run("status", "--stack", "app")

    assert (ended.code, ended.stderr.count("\n")) == (2, 1)
    assert "the details cannot be written (No such file or directory)" in ended.stderr


def test_an_error_of_the_system_is_no_answer_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """status exits 1 for an active incident, and a workflow goes on after that. https://github.com/urllib3/urllib3/issues/3700"""
    monkeypatch.setattr(os, "dup2", lambda *_: 1)
    monkeypatch.setenv("SSLKEYLOGFILE", "/nowhere/keys")
    fail(monkeypatch, FileNotFoundError(2, "No such file or directory", "/nowhere/keys"))

    ended = verbs.run("status", "--stack", "app")

    assert ended.code == 2
    assert ended.stderr == "sandbox: /nowhere/keys (SSLKEYLOGFILE) cannot be used: No such file or directory\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BrokenPipeError(32, "Broken pipe"), "what reads this output has ended before the output did"),
        (OSError(28, "No space left on device"), "cannot be written whole: No space left on device; make room"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_without_a_number(
    error: OSError, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://github.com/Sherin-SEF-AI/CanLab/pull/24, https://github.com/wting/autojump/issues/92"""
    monkeypatch.setattr(os, "dup2", lambda *_: 1)
    fail(monkeypatch, error)

    ended = verbs.run("status", "--stack", "app")

    assert (ended.code, ended.stderr.count("\n")) == (2, 1)
    assert message in ended.stderr
    assert "Errno" not in ended.stderr


def test_half_a_surrogate_in_a_message_can_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.status, "main", lambda _: print("\ud800") or 0)

    assert verbs.run("status").stdout == "\\ud800\n"


def test_text_of_others_in_a_message_steers_no_terminal_and_is_no_workflow_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A state's resource is named in a message, and whoever writes the state names it."""
    fail(monkeypatch, UsageError("urn:pulumi:\x1b[2J\n::stop-commands::x\u202e is not to be trusted"))

    ended = verbs.run("status", "--stack", "app")

    assert ended.code == 2
    assert ended.stderr == "sandbox: urn:pulumi:\\x1b[2J ::stop-commands::x\\u202e is not to be trusted\n"
