"""What all layers share."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkouts import copy_project

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    """A copy of the project to break, or to have an emulator of its own, on the same virtual environment."""
    return copy_project(tmp_path / "copy")


@pytest.fixture(autouse=True)
def _no_aws_of_the_shells_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "PULUMI_")):
            monkeypatch.delenv(name)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures that tests leave: attempts on the account, and sections with a title and lines."""
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]
    left = [(name, value) for report in reports for name, value in report.user_properties]
    attempts = [tuple(value) for name, value in left if name == "attempt"]
    if attempts:
        tried, refused = Counter(by for by, *_ in attempts), Counter(by for by, _, was in attempts if was)
        terminalreporter.section("attempts on the account")
        for by in (*tried, None):
            counts = (tried.total(), refused.total()) if by is None else (tried[by], refused[by])
            terminalreporter.line(f"{by or 'all':<22} tried {counts[0]:>4}   refused {counts[1]:>4}")
        for by, what, was in attempts:
            if not was:
                terminalreporter.line(f"NOT REFUSED  {by}: {what}")
    for name, value in left:
        if name == "section":
            title, lines = value
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.line(line)
