"""The JSON Schemas of the records that verbs write."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDERS = (Path("ops/schemas"), Path("evaluation/schemas"))
ROOT = Path(__file__).resolve().parents[2]


def errors(record: dict[str, Any], kind: str) -> list[str]:
    """Return what of a record its kind's schema does not accept."""
    (file,) = [path for folder in FOLDERS if (path := ROOT / folder / f"{kind}.schema.json").exists()]
    schema = json.loads(file.read_text(encoding="utf-8"))
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(record)]
