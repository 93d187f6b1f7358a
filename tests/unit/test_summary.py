"""What a workflow's page says, and what is told of an incident."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops import incident, summary
from ops.backend import Backend
from ops.errors import UsageError

OUTPUTS = {
    "functionArn": "arn:aws-cn:lambda:cn-north-1:123456789012:function:incident-sandbox-app",
    "functionName": "incident-sandbox-app",
    "logGroupName": "/aws/lambda/incident-sandbox-app",
    "alarmNames": ["errors", "5xx"],
    "apiUrl": "https://x/",
}


def event(kind: str, op: str, name: str, type: str = "aws:lambda/function:Function", **more: Any) -> dict[str, Any]:
    return {kind: {"metadata": {"op": op, "urn": f"urn:pulumi:app::p::{type}::{name}", "type": type, **more}}}


def test_each_changed_resource_is_a_line_and_the_others_are_counted() -> None:
    events = [
        {"preludeEvent": {}},
        event("resourcePreEvent", "update", "fn"),
        event("resOutputsEvent", "same", "role", "aws:iam/role:Role"),
        event("resOutputsEvent", "update", "fn", diffs=["environment"]),
        event("resOutputsEvent", "create", "app", "incident-sandbox:infra:App"),
        event("resOpFailedEvent", "create", "api", "aws:apigatewayv2/api:Api"),
        {"diagnosticEvent": {"severity": "error", "message": "<{%reset%}>no\n<{%reset%}>"}},
        {"diagnosticEvent": {"severity": "info", "message": "yes"}},
    ]

    assert summary.changes(events).splitlines()[2:] == [
        "| update | fn | `aws:lambda/function:Function` | environment |",
        "| create **failed** | api | `aws:apigatewayv2/api:Api` |  |",
        "",
        "1 unchanged.",
        "",
        "**Error:** no ",
    ]


def test_what_a_killed_engine_wrote_last_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "update.json"
    log.write_text(json.dumps(event("resOutputsEvent", "update", "fn")) + '\n{"resOutputsEvent": {"meta')

    assert "| update | fn |" in summary._told(log)


def test_what_was_seen_does_not_break_the_table() -> None:
    observation = {"name": "requests", "expected": "5 of 5", "seen": "a|b\nc", "held": False}

    text = summary.checked({"stack": "app", "expect": "healthy", "held": False, "observations": [observation]})

    assert text.startswith("Stack app is **not** healthy:")
    assert text.splitlines()[-1] == "| **no** | requests | 5 of 5 | a\\|b c |"


def test_links_lead_to_the_console_of_the_partition() -> None:
    text = summary.links(OUTPUTS)

    assert (
        "https://cn-north-1.console.amazonaws.cn/lambda/home?region=cn-north-1#/functions/incident-sandbox-app" in text
    )
    assert text.count("- alarm: ") == 2


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the backend has of a stack."""
    has: dict[str, Any] = {"resources": None, "last": None}
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state?region=eu-west-1")
    monkeypatch.setattr(Backend, "resources", lambda self, stack: has["resources"])
    monkeypatch.setattr(Backend, "last_update", lambda self, stack: has["last"])
    return has


def test_a_step_that_was_not_reached_left_no_file_and_a_wrong_file_is_named(
    backend: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert summary.main(["--stack", "app", "--title", "t", str(tmp_path / "missing.json")]) == 0
    assert capsys.readouterr().out == "## t\n\n"

    wrong = tmp_path / "wrong.json"
    wrong.write_text("hello\n")
    with pytest.raises(UsageError, match=r"wrong\.json: is neither an event log of Pulumi's nor a record of check"):
        summary.main(["--stack", "app", "--title", "t", str(wrong)])


@pytest.mark.parametrize(
    ("variables", "status"), [({"FAIL_MODE": "true"}, 1), ({"FAIL_MODE": "false"}, 0), ({}, 0), (None, 0)]
)
def test_an_incident_is_on_when_the_function_was_deployed_to_fail(
    variables: dict[str, Any] | None, status: int, backend: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    function = {
        "type": "aws:lambda/function:Function",
        "inputs": {"environment": variables and {"variables": variables}},
    }
    backend["resources"] = [{"type": "pulumi:pulumi:Stack"}, function]
    backend["last"] = {"message": "inject-failure by octocat", "time": "2026-11-23 21:00:00 UTC"}

    assert incident.main(["--stack", "app"]) == status

    told = json.dumps(capsys.readouterr().out)
    assert ("since 2026-11-23 21:00:00 UTC: inject-failure by octocat" in told) == bool(status)


def test_where_there_is_no_stack_no_incident_is_on(backend: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert incident.main(["--stack", "app"]) == 0
    assert capsys.readouterr().out == "stack app: not deployed\n"
