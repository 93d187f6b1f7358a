"""Copies of the checkout that tests may change, and the environment of a shell in them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ops.project import ROOT


def copy_files(to: Path, *without: str) -> Path:
    """Copy this checkout without its virtual environment, and without files and folders of these names."""
    ignored = shutil.ignore_patterns(".git", ".venv*", ".local*", "__pycache__", *without)
    return Path(shutil.copytree(ROOT, to, ignore=ignored))


def copy_project(to: Path) -> Path:
    """Copy this checkout and link its virtual environment."""
    copy_files(to)
    (to / ".venv").symlink_to(sys.prefix)
    return to


def shell_with_env(checkout: Path, **environment: str) -> dict[str, str]:
    """Return the environment of a shell that has loaded `./sandbox local env`."""
    load = f'eval "$({sys.executable} {checkout / "sandbox"} local env)" && env -0'
    result = subprocess.run(
        ["sh", "-c", load], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return dict(entry.split("=", 1) for entry in result.stdout.split("\0") if entry)
