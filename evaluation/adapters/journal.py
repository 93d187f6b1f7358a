"""The journal of AWS DevOps Agent. `recordType` is a free string and `content` a document: there is no contract."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluation.adapters.answer import read
from evaluation.findings import Findings

_TEXT_FIELDS = ("markdown", "text", "content", "summary", "message", "body")
_ASSISTANT = ("assistant", "agent", "ai")


def from_journal(records: Sequence[Mapping[str, Any]]) -> Findings | None:
    """Read the records of one execution, in any order, or None when none of them says anything.

    The first of these that has text: the last `investigation_summary`, the last `investigation_summary_md`, the last
    `investigation_result`, the last message of the assistant. `source` says which. Never raises for any content.
    """
    records = _oldest_first(records)
    for record_type in ("investigation_summary", "investigation_summary_md", "investigation_result"):
        findings = _last(records, record_type, lambda content: True)
        if findings is not None:
            return findings
    return _last(records, "message", _is_assistant)


def _oldest_first(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The API's default order is newest first. Records without comparable times stay as they are."""
    mappings = [record for record in records if isinstance(record, Mapping)]
    try:
        return sorted(mappings, key=lambda record: record["createdAt"])
    except (KeyError, TypeError):
        return mappings


def _last(records: Sequence[Mapping[str, Any]], record_type: str, accepts: Callable[[object], bool]) -> Findings | None:
    for record in reversed(records):
        if record.get("recordType") != record_type:
            continue
        content = _decoded(record.get("content"))
        if not accepts(content):
            continue
        text = _text(content)
        if text.strip():
            findings = read(text)
            return replace(findings, source=f"journal record {record_type}: {findings.source}")
    return None


def _decoded(content: object) -> object:
    """A document may be an object, or the same as a JSON string."""
    if isinstance(content, str):
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return content
    return content


def _text(content: object) -> str:
    """The text of a content: a string, a list of parts, an object with a text field; else the object as JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n\n".join(text for part in content if (text := _text(part)))
    if not isinstance(content, dict):
        return ""
    if any(isinstance(content.get(name), list) for name in ("findings", "symptoms", "causes")) or "verdict" in content:
        return json.dumps(content)
    return next((text for name in _TEXT_FIELDS if (text := _text(content.get(name)))), "")


def _is_assistant(content: object) -> bool:
    return isinstance(content, dict) and str(content.get("role", "")).lower() in _ASSISTANT
