"""Checkouts to break, or to have emulators of their own, and shells in them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ops.project import ROOT


def copy_files(to: Path) -> Path:
    """A copy of this checkout without its virtual environment."""
    return Path(shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(".git", ".venv*", ".local*", "__pycache__")))


def copy_project(to: Path) -> Path:
    """A copy of this checkout on the same virtual environment."""
    copy_files(to)
    (to / ".venv").symlink_to(sys.prefix)
    return to


def shell_with_env(checkout: Path, **environment: str) -> dict[str, str]:
    """The environment of a shell that has loaded `./sandbox local env`."""
    loading = f'eval "$({sys.executable} {checkout / "sandbox"} local env)" && env -0'
    done = subprocess.run(
        ["sh", "-c", loading], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
