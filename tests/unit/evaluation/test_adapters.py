"""Raw answers of every known shape become findings that say what they were read from."""

import json

import pytest

from evaluation.adapters import read
from evaluation.findings import Cause, ReportedChange, Role, Verdict

OWN = {
    "verdict": "fault",
    "causes": [
        {
            "role": "root",
            "statement": "X was set to true",
            "resources": ["handler"],
            "change": {"what": "X", "to": True, "at": "2026-03-03T14:02:12Z", "by": None},
        }
    ],
    "ruled_out": ["IAM"],
    "onset": "2026-03-03T14:02:31Z",
}
ROOT = Cause(Role.ROOT, "X was set to true", ("handler",), ReportedChange("X", "true", "2026-03-03T14:02:12Z"))


@pytest.mark.parametrize(
    ("raw", "source", "text"),
    [
        (json.dumps(OWN), "findings as JSON", ""),
        (json.dumps(json.dumps(OWN)), "findings as JSON in a string", ""),
        (json.dumps(json.dumps(json.dumps(OWN))), "findings as JSON in a string", ""),
        (
            f"Prose.\n\n```json\n{json.dumps(OWN)}\n```\n\nMore.",
            "findings as JSON in a fenced block",
            "Prose.\n\n\nMore.",
        ),
        (f"Prose.\n{json.dumps(OWN, indent=2)}\nMore.", "findings as JSON in the text", "Prose.\n\nMore."),
    ],
    ids=["alone", "string", "string in a string", "fenced", "in the text"],
)
def test_json_in_our_format_is_read_wherever_it_stands(raw: str, source: str, text: str) -> None:
    findings = read(raw)

    assert findings.source == source
    assert findings.verdict is Verdict.FAULT
    assert findings.causes == (ROOT,)
    assert findings.ruled_out == ("IAM",)
    assert findings.onset == "2026-03-03T14:02:31Z"
    assert findings.text == text


def test_the_last_of_several_json_answers_counts() -> None:
    first, last = json.dumps({"verdict": "no_fault"}), json.dumps({"verdict": "fault"})

    assert read(f"```json\n{first}\n```\nI was wrong.\n```json\n{last}\n```").verdict is Verdict.FAULT


def test_fields_of_unexpected_types_count_as_absent() -> None:
    findings = read(
        json.dumps({"verdict": "Fault", "causes": [None, {"statement": 7, "resources": "x", "change": []}]})
    )

    assert findings.verdict is Verdict.FAULT
    assert findings.causes == (Cause(Role.ROOT, "7", ("x",), None),)


def test_json_of_an_unknown_format_is_no_findings() -> None:
    findings = read('{"answer": 42}')

    assert (findings.source, findings.verdict) == ("free text", Verdict.UNSTATED)


def summary(*findings: dict[str, object], **fields: object) -> str:
    return json.dumps({"type": "investigation_summary", "findings": findings, **fields})


def test_a_structured_summary_gives_root_contributing_and_latent_causes() -> None:
    findings = read(
        summary(
            {"title": "X set", "description": "At 14:02.", "type": "root_cause", "related_resources": ["handler", 3]},
            {"title": "No alarm", "type": "cause"},
            {"title": "Concurrency is 1", "description": "This did not cause the failure.", "type": "cause"},
            {"title": "Maybe IAM", "type": "hypothesis"},
            symptoms=[{"title": "500s", "description": "All.", "start_time": "2026-03-03T14:02:31Z"}],
        )
    )

    assert findings.verdict is Verdict.FAULT
    assert findings.source == "AWS DevOps Agent's structured summary as JSON"
    assert findings.causes == (
        Cause(Role.ROOT, "X set. At 14:02.", ("handler",)),
        Cause(Role.CONTRIBUTING, "No alarm. "),
        Cause(Role.LATENT, "Concurrency is 1. This did not cause the failure."),
    )
    assert findings.onset == "2026-03-03T14:02:31Z"
    assert findings.text == "## Symptoms\n\n- 500s. All."


def test_without_a_root_cause_what_is_called_a_cause_is_the_answer() -> None:
    assert read(summary({"title": "X set", "type": "cause"})).causes[0].role is Role.ROOT


@pytest.mark.parametrize(
    "title", ["Service is operating normally", "storefront is healthy", "No faults were detected", "No issues found"]
)
def test_a_summary_that_finds_nothing_says_no_fault(title: str) -> None:
    assert read(summary({"title": title, "type": "root_cause"})).verdict is Verdict.NO_FAULT


def test_a_summary_with_symptoms_only_states_no_verdict() -> None:
    assert read(summary(symptoms=[{"title": "500s"}])).verdict is Verdict.UNSTATED


def test_a_report_gives_the_causes_under_its_headings() -> None:
    findings = read(
        "# Investigation Summary\n\n## Findings\n\n### Root Cause: X changed to true\n"
        "**Description:** It was set at 14:02.\n**Cascades to:** symptom-1\n\n"
        "## Contributing factors\n\nNo alarm.\n\n## Ruled out\n\nIAM.\n\n## Recommendations\n\nSet X back.\n"
    )

    assert findings.source == "Markdown report"
    assert findings.verdict is Verdict.FAULT
    assert findings.causes == (
        Cause(Role.ROOT, "X changed to true. It was set at 14:02."),
        Cause(Role.CONTRIBUTING, "No alarm."),
    )
    assert findings.ruled_out == ("IAM.",)


def test_each_item_under_root_causes_is_a_cause() -> None:
    assert [cause.statement for cause in read("## Root causes\n\n1. X was set\n2. Y is slow\n").causes] == [
        "X was set.",
        "Y is slow.",
    ]


def test_sections_below_a_root_cause_belong_to_it() -> None:
    findings = read("## Root cause\n\nX was set.\n\n### Evidence\n\nSeen at 14:02.\n\n## Other\n\nNothing.\n")

    assert [cause.statement for cause in findings.causes] == ["X was set. Seen at 14:02."]


@pytest.mark.parametrize("cause", ["Could not be determined.", "Unknown", "Not identified."])
def test_a_root_cause_that_is_not_known_is_none(cause: str) -> None:
    findings = read(f"## Root cause\n\n{cause}\n")

    assert (findings.causes, findings.verdict) == ((), Verdict.UNSTATED)


def test_a_report_that_names_no_root_cause_on_purpose_says_no_fault() -> None:
    assert read("## Root cause\n\nNone. The service is healthy.\n").verdict is Verdict.NO_FAULT


def test_free_text_is_kept_as_it_is() -> None:
    findings = read("It is X.")

    assert (findings.source, findings.text, findings.verdict) == ("free text", "It is X.", Verdict.UNSTATED)
