"""The project's files, as people edit them."""

import functools
import getpass
import os
import re
from pathlib import Path
from typing import Any

from infra import names, project_file
from infra.errors import ProjectFileError
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


def user() -> str:
    """The person's name on this machine, or its number where the machine does not know it, as with `docker run -u`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@functools.cache
def name() -> str:
    """The project's name, as Pulumi.yaml has it.

    Raises UsageError when it has none.
    """
    return name_in(ROOT)


def name_in(folder: Path) -> str:
    """The name of the project in a folder.

    Raises UsageError when it has none.
    """
    path = folder / "Pulumi.yaml"
    value = read_yaml(path).get("name")
    if not isinstance(value, str) or not value:
        raise UsageError(f"{path} has no name: it must begin with `name: {names.PROJECT}`")
    return value


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, empty where it holds none.

    Raises UsageError when it cannot be read.
    """
    try:
        return project_file.read(path)
    except ProjectFileError as error:
        raise UsageError(str(error)) from None


def stack_file(folder: Path, stack: str) -> Path:
    """Where a stack's configuration is."""
    return folder / f"Pulumi.{stack}.yaml"


def stack_config(folder: Path, stack: str) -> dict[str, Any]:
    """What a stack's file sets, by keys with their namespace; nothing where there is no such file.

    Raises UsageError when it cannot be read.
    """
    path = stack_file(folder, stack)
    return _config(path, name_in(folder)) if path.exists() else {}


def configuration(folder: Path, stack: str) -> dict[str, Any]:
    """A stack's configuration as Pulumi combines it: the values and defaults of Pulumi.yaml, then the stack's file.

    Raises UsageError when one of the files cannot be read.
    """
    values = {}
    for key, declared in _config(folder / "Pulumi.yaml", name_in(folder)).items():
        if not isinstance(declared, dict):
            values[key] = declared
        elif "value" in declared or "default" in declared:
            values[key] = declared.get("value", declared.get("default"))
    return {**values, **stack_config(folder, stack)}


def full_key(key: str, project: str) -> str:
    """A key with its namespace, which is the project's name where it has none.

    https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/config/key.go (ParseKey)
    """
    if ":" not in key:
        return f"{project}:{key}"
    return re.sub(r"^([^:]+):config:([^:]+)$", r"\1:\2", key)


def region(folder: Path, stack: str) -> str:
    """The region that a stack is configured for.

    Raises UsageError when it is for none.
    """
    value = configuration(folder, stack).get("aws:region")
    if not value:
        raise UsageError(f"{stack_file(folder, stack)} has no aws:region under config: set one, for example eu-west-1")
    if not isinstance(value, str) or not re.fullmatch("[a-z0-9-]+", value):
        raise UsageError(
            f"{stack_file(folder, stack)}: aws:region is {value!r}: it must be a region's name as plain text, for "
            "example eu-west-1"
        )
    return value


def setting(text: str) -> tuple[str, str]:
    """A key and a value from KEY=VALUE, as --config has it.

    Raises UsageError when it is not of that form, or the key is no setting of this project.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"--config {text}: must be KEY=VALUE, for example failMode=true")
    namespace, _, setting = full_key(key, name()).partition(":")
    if namespace == name() and setting not in names.SETTINGS:
        raise UsageError(f"--config {text}: {key} is no setting of this project: {names.nearest_setting(setting)}")
    return key, value


def _config(path: Path, project: str) -> dict[str, Any]:
    """What a file has under `config`, by keys with their namespace."""
    section = read_yaml(path).get("config")
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise UsageError(f"{path}: config is {section!r}: it must be a mapping of keys to values")
    values: dict[str, Any] = {}
    for key, value in section.items():
        name = full_key(str(key), project)
        if not isinstance(key, str) or name.count(":") != 1:
            raise UsageError(f"{path}: {key} under config is no key: it must be NAME or NAMESPACE:NAME")
        if name in values:
            raise UsageError(f"{path}: {name} is set twice under config, with and without its namespace: remove one")
        values[name] = value
    return values
