"""The project's files, as people edit them."""

import os
from pathlib import Path
from typing import Any

import yaml

from ops.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Where Pulumi runs the project: in this checkout, unless the shell has PULUMI_OPTION_CWD, which is its --cwd."""
    return Path(os.environ.get("PULUMI_OPTION_CWD") or ROOT)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, empty where it holds none.

    Raises UsageError when it cannot be read.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    return found if isinstance(found, dict) else {}


def region(folder: Path, stack: str) -> str:
    """The region that a stack's file names.

    Raises UsageError when it names none.
    """
    path = folder / f"Pulumi.{stack}.yaml"
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
