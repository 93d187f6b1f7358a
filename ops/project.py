"""The project's files, as people edit them."""

import functools
import os
from pathlib import Path
from typing import Any

import yaml

from ops.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Where Pulumi runs the project: in this checkout, unless the shell has PULUMI_OPTION_CWD, which is its --cwd."""
    return Path(os.environ.get("PULUMI_OPTION_CWD") or ROOT)


def home() -> Path:
    """The person's home folder.

    Raises UsageError where there is none, as for a user that the machine does not know.
    """
    try:
        return Path.home()
    except RuntimeError:
        raise UsageError("this user has no home folder: set HOME to a folder that is yours, and run again") from None


@functools.cache
def name() -> str:
    """The project's name, as Pulumi.yaml has it."""
    return str(read_yaml(ROOT / "Pulumi.yaml")["name"])


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, empty where it holds none.

    Raises UsageError when it cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    return content if isinstance(content, dict) else {}


def stack_file(folder: Path, stack: str) -> Path:
    """Where a stack's configuration is."""
    return folder / f"Pulumi.{stack}.yaml"


def region(folder: Path, stack: str) -> str:
    """The region that a stack's file names.

    Raises UsageError when it names none.
    """
    path = stack_file(folder, stack)
    try:
        return str(read_yaml(path)["config"]["aws:region"])
    except (KeyError, TypeError):
        raise UsageError(f"{path} has no aws:region under config: set one, for example eu-west-1") from None


def setting(text: str) -> tuple[str, str]:
    """A key and a value from KEY=VALUE, as --config has it.

    Raises UsageError when it is not of that form.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"--config {text}: must be KEY=VALUE, for example failMode=true")
    return key, value
