"""AWS's query protocol: requests as flat form fields, responses as XML.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from xml.sax.saxutils import escape


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request's fields: `Tags.member.1.Key` becomes the `Key` of the first of `Tags`.

    Raises ValueError when a field is a value and a structure at once.
    """
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        *path, last = [part for part in name.split(".") if part != "member"]
        node = tree
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name}: {part} is both a value and a structure")
        node[last] = value[0] if isinstance(value, list) else value
    return {name: _with_lists(value) for name, value in tree.items()}


def xml(value: Any, name: str = "") -> str:
    """Return a response's value as XML content; `name` is the element that contains it."""
    if isinstance(value, Mapping):
        return "".join(
            f"<{key}>{xml(item, key)}</{key}>" for key, item in value.items() if item is not None and item != ""
        )
    if isinstance(value, list):
        return "".join(f"<member>{xml(item)}</member>" for item in value)
    if name.endswith("Timestamp") and isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, timezone.utc).isoformat()
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_with_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _with_lists(value) for key, value in node.items()}
