"""./sandbox check and ./sandbox local, on an emulator that `rehearse --keep` left running."""

import json
from pathlib import Path

import pytest

from tests.local.conftest import Deployed


def test_the_lifecycle_by_hand(deployed: Deployed, tmp_path: Path) -> None:
    healthy = deployed("check", "--stack", "app", "--expect", "healthy")
    assert healthy.returncode == 0, healthy.stderr
    assert "stack app is healthy" in healthy.stdout

    injected = deployed("local", "up", "--config", "failMode=true")
    assert "update   aws:lambda/function:Function app-function-lambda [environment]" in injected.stdout

    record = tmp_path / "check.json"
    failing = deployed("check", "--stack", "app", "--expect", "failing", "--requests", "3", "--json", str(record))
    assert failing.returncode == 0, failing.stdout + failing.stderr
    check = json.loads(record.read_text())
    assert (check["kind"], check["expect"], check["passed"], len(check["requests"])) == ("check", "failing", True, 3)
    assert {response["status"] for response in check["requests"]} == {500}
    assert [observation["name"] for observation in check["observations"]] == [
        "requests",
        "code",
        "function policy",
        "alarm storefront-app-handler-errors",
        "alarm storefront-app-api-5xx",
        "client's last answer",
        "errors in /aws/lambda/storefront-app-handler",
        "metric Errors",
        "metric 5xx",
    ]

    wrong = deployed("check", "--stack", "app", "--expect", "healthy", "--timeout", "0.3")
    assert wrong.returncode == 1
    assert "expected 5 in a row: 200 and status healthy, saw wrong 500" in wrong.stdout

    rolled_back = deployed("local", "up")
    assert rolled_back.returncode == 0
    assert deployed("check", "--stack", "app", "--expect", "healthy").returncode == 0


def test_a_healthy_app_does_not_pass_as_failing(deployed: Deployed) -> None:
    result = deployed("check", "--stack", "app", "--expect", "failing", "--timeout", "0.3")

    assert result.returncode == 1
    assert "FAIL  requests: expected 5 in a row: a 5xx status, saw wrong 200 healthy" in result.stdout


def test_missing_telemetry_fails_the_check_at_the_deadline(deployed: Deployed) -> None:
    cloudwatch = deployed.client("cloudwatch")
    cloudwatch.delete_alarms(AlarmNames=["storefront-app-api-5xx"])
    try:
        result = deployed("check", "--stack", "app", "--expect", "healthy", "--timeout", "0.3")
    finally:
        cloudwatch.close()
        assert "delete" in deployed("local", "refresh").stdout
        assert "create" in deployed("local", "up").stdout

    assert result.returncode == 1
    assert "FAIL  alarm storefront-app-api-5xx: expected OK, saw missing" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--stack", "nope"], {}, "--stack nope: there is no such stack in s3://"),
        (["--stack", "nope"], {}, "it has: app, bootstrap"),
        (["--stack", "bootstrap"], {}, "the stack's state has no 'functionName'"),
        (["--stack", "app"], {"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, "InvalidClientTokenId"),
        (["--stack", "app"], {"PULUMI_BACKEND_URL": "file:///tmp"}, "this reads S3 backends"),
        (["--stack", "app"], {"PULUMI_BACKEND_URL": "", "PULUMI_HOME": "/nowhere"}, "backend is not known"),
        (["--stack", "app", "--requests", "0"], {}, "--requests 0: must be a number from 1 to 1000"),
        (["--stack", "app", "--timeout", "-1"], {}, "--timeout -1: must be a number of seconds"),
        (
            ["--stack", "app", "--json", "/nowhere/x.json"],
            {},
            "/nowhere/x.json cannot be written (No such file",
        ),
    ],
)
def test_an_error_of_check_is_one_line(
    arguments: list[str], environment: dict[str, str], message: str, deployed: Deployed
) -> None:
    result = deployed("check", "--expect", "healthy", *arguments, **environment)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--config", "failMode=maybe"], "incident-sandbox:failMode is 'maybe'"),
        (["up", "--config", "logRetentionDays=15"], "incident-sandbox:logRetentionDays is '15'"),
        (["up", "--config", "scope=other"], "incident-sandbox:scope is 'other'"),
        (["up", "--config", "failMode"], "--config failMode: must be KEY=VALUE"),
        (["up", "--config", "aws:region=us-east-1"], "aws:region is 'us-east-1', and the emulator is in eu-west-1"),
        (["up", "--stack", "bootstrap"], "incident-sandbox:githubRepository is missing"),
        (["up", "--stack", "bootstrap", "--config", "githubRepository=foo"], "githubRepository is 'foo'"),
        (["destroy", "--stack", "bootstrap"], "protected, and `destroy` would delete it; nothing was deleted"),
        (["outputs", "--stack", "nope"], "there is no stack 'nope'"),
    ],
)
def test_an_error_of_local_is_one_line_and_changes_nothing(
    arguments: list[str], message: str, deployed: Deployed
) -> None:
    before = deployed.state()

    result = deployed("local", *arguments)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert deployed.state() == before


def test_a_second_stack_is_independent_of_the_first(deployed: Deployed) -> None:
    created = deployed("local", "up", "--stack", "blue", "--config", "failMode=true")
    assert "create 26" in created.stdout, created.stderr
    try:
        assert deployed("check", "--stack", "blue", "--expect", "failing").returncode == 0
        assert deployed("check", "--stack", "app", "--expect", "healthy").returncode == 0
        failing, healthy = deployed("status", "--stack", "blue"), deployed("status", "--stack", "app")
        assert (failing.returncode, healthy.returncode) == (1, 0)
        assert failing.stdout.startswith("stack blue: an incident is active, since 20")
        present = deployed("check", "--stack", "blue", "--expect", "gone")
        assert (present.returncode, "expected no resources, saw incident-sandbox-blue" in present.stdout) == (1, True)
    finally:
        destroyed = deployed("local", "destroy", "--stack", "blue")
    assert "delete 26" in destroyed.stdout
    assert deployed("check", "--stack", "blue", "--expect", "gone").returncode == 0
    logs = deployed.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/storefront-blue-handler")
    try:
        left = deployed("check", "--stack", "blue", "--expect", "gone")
    finally:
        logs.delete_log_group(logGroupName="/aws/lambda/storefront-blue-handler")
        logs.close()
    assert (left.returncode, "saw /aws/lambda/storefront-blue-handler" in left.stdout) == (1, True)
    assert deployed("status", "--stack", "blue").returncode == 0
