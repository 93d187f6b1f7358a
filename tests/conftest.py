"""Fixtures and the terminal summary for all tests."""

import gc
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkouts import copy_project

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FIRST = (
    "cli/test_workflows.py", "local/test_truth.py", "local/test_campaign.py", "cli/test_bootstrap.py",
    "terraform/test_bootstrap.py", "cli/test_campaign.py", "cli/test_engines.py", "terraform/test_app.py",
    "cli/test_turns.py", "cli/test_readme.py", "local/test_rehearse.py", "local/test_local.py",
)  # fmt: skip
"""The files that take longest begin first: files run side by side, and one that is left to the end is waited for. Those
of `truth` and Terraform mostly wait, so no two of them are to run at once."""


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout under test."""
    return ROOT


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    """A copy of the project that a test may change, with its own emulator and the same virtual environment."""
    return copy_project(tmp_path / "copy")


@pytest.fixture(autouse=True)
def _without_aws_and_pulumi_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "PULUMI_")):
            monkeypatch.delenv(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {HERE / name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish() -> None:
    """Collect garbage seldom: modules live as long as the tests, and Python would go through them all each time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: tests wait, for alarms, updates and processes, a third of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests recorded as user properties: denied calls, chains of them, and sections (a title and lines)."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    properties = [(name, value) for report in reports for name, value in report.user_properties]
    calls = [tuple(value) for name, value in properties if name == "denied call"]
    if calls:
        made, denied = Counter(by for by, *_ in calls), Counter(by for by, _, was_denied in calls if was_denied)
        terminalreporter.section("calls that must be denied")
        for by in (*made, None):
            counts = (made.total(), denied.total()) if by is None else (made[by], denied[by])
            terminalreporter.line(f"{by or 'all':<22} made {counts[0]:>4}   denied {counts[1]:>4}")
        for by, what, was_denied in calls:
            if not was_denied:
                terminalreporter.line(f"NOT DENIED  {by}: {what}")
    chains = [value for name, value in properties if name == "chain"]
    if chains:
        terminalreporter.section("chains of calls by an attacker")
        for caller, title, allowed, denied, end in chains:
            terminalreporter.line(f"{caller}: {title}")
            terminalreporter.line(f"    {allowed} allowed, {denied} denied; {end}")
    for name, value in properties:
        if name == "section":
            title, lines = value
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.line(line)
