"""What all layers share."""

import os
from pathlib import Path

import pytest

from tests.checkouts import copy_project

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
