"""The journal of AWS DevOps Agent, in the shapes that others published, and in shapes nobody promised."""

import json
from typing import Any

import pytest

from evaluation.adapters import from_journal
from evaluation.findings import Verdict

SUMMARY = {"type": "investigation_summary", "findings": [{"title": "From the summary", "type": "root_cause"}]}
REPORT = "### Root Cause: From the report\n"


def record(record_type: str, content: Any, created: int = 0) -> dict[str, Any]:
    return {"recordType": record_type, "content": content, "createdAt": created}


def assistant(text: str, created: int = 0) -> dict[str, Any]:
    return record("message", {"role": "assistant", "content": [{"text": text}]}, created)


EVERY_TYPE = [
    record("utilization", {"skills": []}),
    assistant("From a message"),
    record("investigation_result", {"text": "From the result"}),
    record("investigation_summary_md", REPORT),
    record("investigation_summary", SUMMARY),
]


def statement(records: list[dict[str, Any]]) -> str:
    findings = from_journal(records)
    assert findings is not None
    return findings.causes[0].statement.strip() if findings.causes else findings.text


@pytest.mark.parametrize(
    ("count", "expected", "source"),
    [
        (5, "From the summary.", "investigation_summary: AWS DevOps Agent's structured summary as JSON"),
        (4, "From the report.", "investigation_summary_md: Markdown report"),
        (3, "From the result", "investigation_result: free text"),
        (2, "From a message", "message: free text"),
    ],
)
def test_records_are_read_in_order_of_their_type(count: int, expected: str, source: str) -> None:
    records = EVERY_TYPE[:count]
    findings = from_journal(records)

    assert statement(records) == expected
    assert findings is not None
    assert findings.source == f"journal record {source}"


@pytest.mark.parametrize("content", [SUMMARY, json.dumps(SUMMARY), json.dumps(json.dumps(SUMMARY))])
def test_a_document_may_be_an_object_or_a_string(content: Any) -> None:
    assert statement([record("investigation_summary", content)]) == "From the summary."


@pytest.mark.parametrize("content", [REPORT, {"markdown": REPORT}, {"content": {"text": REPORT}}, json.dumps(REPORT)])
def test_markdown_may_stand_in_a_field(content: Any) -> None:
    assert statement([record("investigation_summary_md", content)]) == "From the report."


def test_the_last_report_counts_whatever_the_order_of_the_records() -> None:
    old = record("investigation_summary_md", "### Root Cause: Old\n", 1)
    new = record("investigation_summary_md", "### Root Cause: New\n", 2)

    assert statement([old, new]) == statement([new, old]) == "New."


def test_messages_of_the_person_who_asked_are_not_the_answer() -> None:
    records = [assistant("Answer", 1), record("message", {"role": "user", "content": [{"text": "Question"}]}, 2)]

    assert statement(records) == "Answer"


def test_an_empty_record_is_passed_over() -> None:
    assert statement([record("investigation_summary", ""), record("investigation_summary_md", REPORT)]) == (
        "From the report."
    )


def test_a_verdict_in_our_format_is_read_from_a_message() -> None:
    findings = from_journal([assistant('All is well.\n```json\n{"verdict": "no_fault", "causes": []}\n```')])

    assert findings is not None
    assert findings.verdict is Verdict.NO_FAULT


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record("ui_investigation_summary", {"tree": []}), record("something_new", "text")],
        [{"recordType": "investigation_summary"}],
        [record("investigation_summary", None), record("message", 7), record("message", "no role")],
        [record("investigation_summary_md", {"unknown": 1}), record("investigation_result", [None, 3])],
        [{"content": "text"}, {"recordType": 5, "content": []}],
    ],
    ids=["empty", "unknown types", "no content", "wrong content", "unknown fields", "no type"],
)
def test_a_journal_without_a_usable_record_gives_none(records: list[dict[str, Any]]) -> None:
    assert from_journal(records) is None


def test_records_that_are_no_objects_are_passed_over() -> None:
    broken: Any = [None, "text", record("investigation_summary_md", REPORT)]

    assert statement(broken) == "From the report."
