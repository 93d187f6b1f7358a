"""The ./sandbox script before there is a virtual environment: what it tells, and that it leaves nothing half done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = ("rehearse", "local", "bootstrap", "status", "check", "recover", "summary", "test", "benchmark")


@pytest.fixture
def script(root: Path, tmp_path: Path) -> Path:
    """The script and its verbs alone in a folder: without requirements it cannot install anything."""
    (tmp_path / "cli").mkdir()
    for file in ("cli/__init__.py", "cli/verbs.py"):
        shutil.copy(root / file, tmp_path / file)
    return Path(shutil.copy(root / "sandbox", tmp_path / "sandbox"))


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Not the virtual environment's Python: the script would take that for its own.
    python = str(getattr(sys, "_base_executable", sys.executable))
    return subprocess.run(
        [python, str(script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_names_every_verb(script: Path) -> None:
    found = run(script, "--help")

    assert found.returncode == 0
    assert [verb for verb in VERBS if verb not in found.stdout] == []


def test_no_verb_and_a_wrong_one_are_wrong_use(script: Path) -> None:
    nothing, wrong = run(script), run(script, "reherse")

    assert (nothing.returncode, wrong.returncode) == (2, 2)
    assert "usage: ./sandbox VERB" in nothing.stderr
    assert "there is no verb 'reherse'" in wrong.stderr


def test_a_python_that_is_too_old_is_told_what_is_needed(script: Path) -> None:
    script.write_text(script.read_text().replace("OLDEST = (3, 10)", "OLDEST = (3, 99)"))

    found = run(script, "rehearse")

    assert found.returncode == 2
    assert f"Python 3.99 or newer is needed, and python3 here is {sys.version.split()[0]}" in found.stderr
    assert not (script.parent / ".venv").exists()


def test_a_python_without_venv_or_pip_is_told_what_to_install(script: Path, tmp_path: Path) -> None:
    """Debian's python3 without python3-venv: ensurepip is not there to import."""
    debian = tmp_path / "debian"
    debian.mkdir()
    (debian / "ensurepip.py").write_text("raise ImportError\n")

    found = run(script, "rehearse", PYTHONPATH=str(debian), PATH="/nowhere")

    assert found.returncode == 2
    assert "has no venv or no pip" in found.stderr
    assert "apt install python3-venv" in found.stderr
    assert not (script.parent / ".venv").exists()


def test_a_checkout_that_cannot_be_written_is_told(script: Path) -> None:
    (script.parent / ".venv.lock").mkdir()  # not even root can open a folder for writing

    found = run(script, "rehearse")

    assert found.returncode == 2
    assert "run from a checkout that you may write to" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_it_reads_as_old_python(root: Path) -> None:
    """Whatever python3 there is must get as far as being told that it is too old."""
    import ast

    for file in ("sandbox", "cli/__init__.py", "cli/verbs.py"):
        ast.parse((root / file).read_text(), feature_version=(3, 4))
