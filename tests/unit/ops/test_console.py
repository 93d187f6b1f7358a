"""The wait in progress, on terminals of every kind."""

import os
import sys

import pytest

from ops.console import Console


def terminal(patch: pytest.MonkeyPatch, columns: int, kind: str) -> None:
    patch.setattr(sys.stdout, "isatty", lambda: True)
    patch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
    patch.setenv("TERM", kind)


@pytest.mark.parametrize(("columns", "shown"), [(80, 79), (20, 19), (1, 0), (0, 79)])
def test_a_status_fits_into_a_line_of_the_terminal(
    columns: int, shown: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new terminal of a container has 0 columns: https://github.com/moby/moby/issues/43229"""
    terminal(monkeypatch, columns, "xterm")

    Console().status("x" * 200)

    assert capsys.readouterr().out == "x" * shown


def test_a_terminal_that_cannot_overwrite_a_line_gets_no_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """https://github.com/ziglang/zig/issues/3509"""
    terminal(monkeypatch, 80, "dumb")
    console = Console()

    console.status("waiting")
    console.line("done")

    assert capsys.readouterr().out == "done\n"
