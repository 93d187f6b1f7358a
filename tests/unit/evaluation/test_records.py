"""Truth and findings records: what is read, and what a person is told about one that is wrong."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from evaluation import findings, records, truth
from evaluation.findings import Cause, Findings, ReportedChange, Role, Verdict
from ops.errors import UsageError
from tests.unit.evaluation.cases import CALLER_MEMORY, HANDLER, HEALTHY, truth_record

STARTED = datetime(2026, 3, 3, 14, 30, tzinfo=timezone.utc)
FINDINGS = Findings(
    Verdict.FAULT,
    "JSON",
    (
        Cause(Role.ROOT, "X was set", (HANDLER,), ReportedChange("X", "true", "14:02", "")),
        Cause(Role.LATENT, "Low memory"),
    ),
    ("IAM",),
    "2026-03-03T14:02:31Z",
    "text",
)


def test_a_truth_record_is_read_with_times_in_utc() -> None:
    record = truth_record(other_changes=[CALLER_MEMORY], onset="2026-03-03T15:02:31+01:00")

    read = truth.from_record(record)

    assert read.change is not None
    assert (read.change.property_name, read.change.new_value) == ("FAIL_MODE", "true")
    assert read.change.earliest == datetime(2026, 3, 3, 14, 2, 10, tzinfo=timezone.utc)
    assert read.onset == datetime(2026, 3, 3, 14, 2, 31, tzinfo=timezone.utc)
    assert read.other_changes[0].property_name == "memorySize"
    assert read.aliases[HANDLER][0] == "storefront-app-handler"
    assert (read.is_valid, read.why_invalid) == (True, ())


def test_a_healthy_truth_has_no_change() -> None:
    assert truth.from_record(truth_record(**HEALTHY)).change is None


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("not json", ["truth.json", "not JSON", "truth record"]),
        ("[]", ["truth.json", "kind is None", "'truth'"]),
        (json.dumps({"kind": "score"}), ["kind is 'score'", "must be 'truth'"]),
        (json.dumps(truth_record(version=2)), ["$.version", "1 was expected", "truth.schema.json"]),
        (json.dumps(truth_record(surface="other")), ["$.surface", "'other'", "truth.schema.json"]),
        (json.dumps(truth_record(onset="yesterday")), ["$.onset", "'yesterday'", "date-time"]),
        # https://github.com/notatallshaw/nab/pull/947
        (json.dumps(truth_record(onset="0001-01-01T00:00:00+01:00")), ["$.onset", "0001-01-01", "date-time"]),
        (json.dumps(truth_record(onset="9999-12-31T23:59:59-01:00")), ["$.onset", "9999-12-31", "date-time"]),
        (json.dumps(truth_record(account="12")), ["$.account", "'12'"]),
        (json.dumps(truth_record(change={"arn": "arn:x"})), ["$.change"]),
    ],
)
def test_a_wrong_truth_file_is_named_in_one_line_with_value_and_rule(
    tmp_path: Path, text: str, mentions: list[str]
) -> None:
    path = tmp_path / "truth.json"
    path.write_text(text)

    with pytest.raises(UsageError) as error:
        truth.load(path)

    assert [word for word in mentions if word not in str(error.value)] == []
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json: cannot be read \(No such file"):
        findings.load(tmp_path / "none.json")


def test_findings_come_back_from_their_record() -> None:
    assert findings.from_record(FINDINGS.record(STARTED)) == FINDINGS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_findings_come_back_from_a_file(encoding: str, tmp_path: Path) -> None:
    """As editors write it: https://github.com/chroblert/WindowsVulnScan/issues/2"""
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(FINDINGS.record(STARTED)), encoding=encoding)

    assert findings.load(path) == FINDINGS


@pytest.mark.parametrize(
    ("field", "value", "mentions"),
    [
        ("verdict", "maybe", ["$.verdict", "'maybe'"]),
        ("causes", [{"role": "root"}], ["$.causes[0]", "required"]),
        ("extra", 1, ["extra"]),
    ],
)
def test_a_wrong_findings_record_is_refused(field: str, value: Any, mentions: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        findings.from_record({**FINDINGS.record(STARTED), field: value}, "answer.json")

    assert [word for word in ["answer.json", "findings.schema.json", *mentions] if word not in str(error.value)] == []


@pytest.mark.parametrize("kind", ["truth", "findings", "score"])
def test_the_schemas_are_valid_and_close_their_objects(kind: str) -> None:
    schema = json.loads((records.SCHEMAS / f"{kind}.schema.json").read_text())

    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])
