"""The project's files, as people edit them."""

from pathlib import Path
from typing import Any

import yaml

from local_aws.errors import LocalAwsError


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, empty where it holds none.

    Raises LocalAwsError when it cannot be read.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise LocalAwsError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    return found if isinstance(found, dict) else {}
