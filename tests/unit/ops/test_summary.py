"""The summary on a workflow run's page."""

import json
from pathlib import Path
from typing import Any

import pytest

import cli.summary
from ops import summary
from ops.errors import UsageError
from ops.stacks import trust
from ops.stacks.backend import Backend

OUTPUTS = {
    "functionArn": "arn:aws-cn:lambda:cn-north-1:123456789012:function:storefront-app-handler",
    "functionName": "storefront-app-handler",
    "logGroupName": "/aws/lambda/storefront-app-handler",
    "alarmNames": ["errors", "5xx"],
    "apiUrl": "https://x/",
}


def event(kind: str, op: str, name: str, type: str = "aws:lambda/function:Function", **more: Any) -> dict[str, Any]:
    return {kind: {"metadata": {"op": op, "urn": f"urn:pulumi:app::p::{type}::{name}", "type": type, **more}}}


def write(path: Path, *events: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_each_changed_resource_has_a_line_and_the_others_are_counted(tmp_path: Path) -> None:
    log = write(
        tmp_path / "update.json",
        {"preludeEvent": {"config": {}}},
        event("resourcePreEvent", "update", "fn"),
        event("resOutputsEvent", "same", "role", "aws:iam/role:Role"),
        event("resOutputsEvent", "update", "fn", diffs=["environment"]),
        event("resOutputsEvent", "create", "app", "incident-sandbox:infra:App"),
        event("resOpFailedEvent", "create", "api", "aws:apigatewayv2/api:Api"),
        {"diagnosticEvent": {"severity": "error", "message": "<{%reset%}>no\n<{%reset%}>"}},
        {"diagnosticEvent": {"severity": "info", "message": "yes"}},
    )

    assert summary.of_file(log).splitlines()[2:] == [
        "| update | fn | `aws:lambda/function:Function` | environment |",
        "| create **failed** | api | `aws:apigatewayv2/api:Api` |  |",
        "",
        "1 unchanged.",
        "",
        "**Error:** no",
    ]


def test_an_incomplete_last_line_of_a_killed_engine_is_ignored(tmp_path: Path) -> None:
    log = write(tmp_path / "update.json", event("resOutputsEvent", "update", "fn"))
    log.write_text(log.read_text() + '{"resOutputsEvent": {"meta')

    assert "| update | fn |" in summary.of_file(log)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_check_is_recognized_by_its_kind_in_any_formatting(indent: int | None, tmp_path: Path) -> None:
    observation = {"name": "requests", "expected": "5 of 5", "actual": "a|b\nc", "passed": False}
    record = {"kind": "check", "version": 1, "verdict": "stack app is NOT healthy", "observations": [observation]}
    file = tmp_path / "after.json"
    file.write_text(json.dumps(record, indent=indent))

    text = summary.of_file(file)

    assert text.startswith("stack app is **not** healthy:")
    assert text.splitlines()[-1] == "| **no** | requests | 5 of 5 | a\\|b c |"


def test_links_point_to_the_console_of_the_partition() -> None:
    text = summary.links(OUTPUTS)

    assert (
        "https://cn-north-1.console.amazonaws.cn/lambda/home?region=cn-north-1#/functions/storefront-app-handler"
        in text
    )
    assert text.count("- alarm: ") == 2


@pytest.fixture
def no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state?region=eu-west-1")
    monkeypatch.setattr(Backend, "resources", lambda self, stack: None)
    monkeypatch.setattr(trust, "refuse_foreign_bucket", lambda *_: None)


@pytest.mark.usefixtures("no_stack")
def test_a_missing_file_is_ignored_and_a_wrong_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.summary.main(["--stack", "app", "--title", "t", str(tmp_path / "missing.json")]) == 0
    assert capsys.readouterr().out == "## t\n\n"

    wrong = tmp_path / "wrong.json"
    wrong.write_text("hello\n")
    with pytest.raises(UsageError, match=r"wrong\.json is not an event log of Pulumi's engine"):
        cli.summary.main(["--stack", "app", "--title", "t", str(wrong)])
    wrong.write_text('{"kind": "rehearsal", "version": 1}')
    with pytest.raises(UsageError, match=r"wrong\.json is a record of kind 'rehearsal': check is expected"):
        cli.summary.main(["--stack", "app", "--title", "t", str(wrong)])
