"""Fields of JSON that follows no contract: what is not of the expected type counts as absent."""

import re
from typing import Any

_PLACEHOLDER = re.compile(r"<[^<>]*>")
"""What the question writes where an answer is to be filled in. An answer may repeat it."""


def string(value: dict[str, Any], name: str) -> str:
    """Return a field's text; numbers and booleans as JSON writes them; empty when it is absent or of another type."""
    field = value.get(name)
    if isinstance(field, bool):
        return str(field).lower()
    text = str(field) if isinstance(field, str | int | float) else ""
    return "" if _PLACEHOLDER.fullmatch(text) else text


def strings(value: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the strings of a list; a single string counts as a list of one."""
    field = value.get(name)
    items = [field] if isinstance(field, str) else field if isinstance(field, list) else []
    return tuple(item for item in items if isinstance(item, str) and item and not _PLACEHOLDER.fullmatch(item))


def objects(value: dict[str, Any], name: str) -> tuple[dict[str, Any], ...]:
    """Return the objects of a list."""
    field = value.get(name)
    return tuple(item for item in field if isinstance(item, dict)) if isinstance(field, list) else ()
