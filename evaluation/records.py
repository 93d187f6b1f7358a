"""The JSON records of the evaluation: each has a kind, a version and a JSON Schema in schemas/."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from evaluation.times import parse_time
from ops.errors import UsageError

SCHEMAS = Path(__file__).parent / "schemas"

_formats = FormatChecker(formats=[])


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    if isinstance(value, str):
        parse_time(value)
    return True


def load(path: Path, kind: str) -> dict[str, Any]:
    """Return the record of this kind that a file holds.

    Raises UsageError when the file cannot be read, is not JSON, or is not a valid record of this kind.
    """
    try:
        record = json.loads(path.read_bytes())  # of bytes it takes UTF-8 with a mark and UTF-16, as editors write
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path}: cannot be read ({reason}); name a file that holds a {kind} record") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON ({error}); name a file that holds a {kind} record") from None
    return validate(record, kind, str(path))


def validate(record: object, kind: str, source: str) -> dict[str, Any]:
    """Return the record if it is valid for this kind; `source` names it in the error.

    Raises UsageError when the kind is another one or the schema does not accept the record.
    """
    actual = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(record, dict) or actual != kind:
        raise UsageError(f"{source}: kind is {actual!r}, must be {kind!r}; name a file that holds a {kind} record")
    error = next(iter(sorted(_validator(kind).iter_errors(record), key=lambda error: error.json_path)), None)
    if error is not None:
        message = " ".join(error.message.split())[:200]
        raise UsageError(
            f"{source}: {error.json_path}: {message}; correct it as evaluation/schemas/{kind}.schema.json says"
        )
    return record


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=_formats)
