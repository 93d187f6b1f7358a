"""Fields of JSON that follows no contract: what is not of the expected type counts as absent."""

from typing import Any


def string(value: dict[str, Any], name: str) -> str:
    """Return a field's text; numbers and booleans as JSON writes them; empty when it is absent or of another type."""
    field = value.get(name)
    if isinstance(field, bool):
        return str(field).lower()
    return str(field) if isinstance(field, str | int | float) else ""


def strings(value: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the strings of a list; a single string counts as a list of one."""
    field = value.get(name)
    if isinstance(field, str):
        return (field,) if field else ()
    return tuple(item for item in field if isinstance(item, str)) if isinstance(field, list) else ()


def objects(value: dict[str, Any], name: str) -> tuple[dict[str, Any], ...]:
    """Return the objects of a list."""
    field = value.get(name)
    return tuple(item for item in field if isinstance(item, dict)) if isinstance(field, list) else ()
