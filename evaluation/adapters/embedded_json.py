"""JSON objects in a text: alone, in a fenced block, in the middle of prose, or inside JSON strings."""

import json
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark")
_DECODER = json.JSONDecoder()
_MAX_NESTING = 3
"""JSON in a string in a string: more was never published."""


@dataclass(frozen=True)
class EmbeddedJson:
    """An object, the text around it, and where it stood: for the findings' source."""

    value: dict[str, Any]
    surrounding_text: str
    place: str


def find(text: str) -> tuple[EmbeddedJson, ...]:
    """Return the JSON objects of a text in the order they stand in."""
    whole = parse_object(text)
    if whole is not None:
        place = "JSON" if text.lstrip().startswith("{") else "JSON in a string"
        return (EmbeddedJson(whole, "", place),)
    lines = text.splitlines(keepends=True)
    fenced = []
    for token in _PARSER.parse(text):
        if token.type == "fence" and token.map is not None and token.level == 0:
            value = parse_object(token.content)
            if value is not None:
                around = "".join(lines[: token.map[0]] + lines[token.map[1] :])
                fenced.append(EmbeddedJson(value, around, "JSON in a fenced block"))
    return tuple(fenced) or _bare(text)


def parse_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text is, also inside JSON strings, or None."""
    value: object = text
    for _ in range(_MAX_NESTING + 1):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _bare(text: str) -> tuple[EmbeddedJson, ...]:
    """Objects that begin a line of prose."""
    result = []
    start = 0
    while (start := text.find("{", start)) != -1:
        line_start = text.rfind("\n", 0, start) + 1
        if text[line_start:start].strip():
            start += 1
            continue
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        result.append(EmbeddedJson(value, text[:start] + text[end:], "JSON in the text"))
        start = end
    return tuple(result)
