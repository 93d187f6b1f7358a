"""./sandbox check and ./sandbox local, on an emulator that runs, with the app deployed."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.policies import trust
from tests.local.conftest import Deployed
from tests.local.test_denied_calls import package
from tests.support.attacks import METRIC


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
        "beside the stack, of its names or tags",
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
    assert deployed("status", "--stack", "blue").returncode == 0


LEFT_BY_NAME = {"Project": "billing", "Stack": "other"}
"""Tags that do not say whose it is: the name does."""

LEFT_BY_TAG = {"Project": "storefront", "Stack": "app"}
OF_NO_STACK = {"Project": "storefront", "Stack": "gone-long-ago"}
OF_ANOTHER_STACK = {"Project": "storefront", "Stack": "app-x"}


def test_what_is_left_of_a_stack_is_named_by_names_and_by_tags(deployed: Deployed) -> None:
    """Each kind of resource, beside those that are another stack's or another team's."""
    assert deployed("local", "up", "--stack", "app-x").returncode == 0
    assert deployed("local", "destroy", "--stack", "app").returncode == 0
    try:
        assert deployed("check", "--stack", "app", "--expect", "gone").returncode == 0
        with leftovers(deployed) as expected:
            left = deployed("check", "--stack", "app", "--expect", "gone")
        assert left.returncode == 1, left.stdout + left.stderr
        (line,) = [line for line in left.stdout.splitlines() if "nothing of its names or tags" in line]
        assert sorted(line.partition(", saw ")[2].split(", ")) == sorted(expected)
        assert deployed("check", "--stack", "app", "--expect", "gone").returncode == 0
    finally:
        assert deployed("local", "destroy", "--stack", "app-x").returncode == 0
        assert deployed("local", "up", "--stack", "app").returncode == 0


def test_what_is_beside_a_stack_that_is_healthy_is_named(deployed: Deployed) -> None:
    iam, functions, gateway = (deployed.client(service) for service in ("iam", "lambda", "apigatewayv2"))
    path = "/storefront/app/"
    role = iam.create_role(RoleName="storefront-app-evil", Path=path, AssumeRolePolicyDocument=trust.by_lambda())
    functions.create_function(FunctionName="evil", Runtime="python3.13", Handler="a.b", Role=role["Role"]["Arn"],
                              Tags=LEFT_BY_TAG, Code={"ZipFile": package("")})  # fmt: skip
    api = gateway.create_api(Name="storefront-app-more", ProtocolType="HTTP", Tags=LEFT_BY_TAG)["ApiId"]
    try:
        beside = deployed("check", "--stack", "app", "--expect", "healthy")
    finally:
        gateway.delete_api(ApiId=api)
        functions.delete_function(FunctionName="evil")
        iam.delete_role(RoleName="storefront-app-evil")
        for client in (iam, functions, gateway):
            client.close()

    assert beside.returncode == 1, beside.stdout + beside.stderr
    (line,) = [line for line in beside.stdout.splitlines() if line.startswith("  FAIL")]
    named = line.partition(", saw ")[2].split(", ")
    assert named == [f"/apis/{api} (storefront-app-more)", "function:evil", f"role{path}storefront-app-evil"]
    assert deployed("check", "--stack", "app", "--expect", "healthy").returncode == 0


@contextlib.contextmanager
def leftovers(deployed: Deployed) -> Iterator[list[str]]:
    """Make leftovers of stack `app`, and some resources that are not; yield how `check` names the former."""
    with contextlib.ExitStack() as stack:

        def client(service: str) -> Any:
            return stack.enter_context(contextlib.closing(deployed.client(service)))

        functions, logs, alarms, events, gateway, iam = (
            client(service) for service in ("lambda", "logs", "cloudwatch", "events", "apigatewayv2", "iam")
        )

        expected: list[str] = []

        def role(name: str, path: str = "/storefront/app/") -> str:
            made = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust.by_lambda())
            stack.callback(iam.delete_role, RoleName=name)
            return str(made["Role"]["Arn"])

        def function(name: str, tags: dict[str, str]) -> None:
            functions.create_function(FunctionName=name, Runtime="python3.13", Handler="a.b", Role=arn, Tags=tags,
                                      Code={"ZipFile": package("")})  # fmt: skip
            stack.callback(functions.delete_function, FunctionName=name)

        def log_group(name: str, tags: dict[str, str]) -> None:
            logs.create_log_group(logGroupName=name, tags=tags)
            stack.callback(logs.delete_log_group, logGroupName=name)

        def alarm(name: str, tags: dict[str, str]) -> None:
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            alarms.put_metric_alarm(**METRIC, AlarmName=name, Tags=listed)
            stack.callback(alarms.delete_alarms, AlarmNames=[name])

        def rule(name: str, tags: dict[str, str]) -> None:
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            events.put_rule(Name=name, ScheduleExpression="rate(1 hour)", Tags=listed)
            stack.callback(events.delete_rule, Name=name)

        def api(name: str, tags: dict[str, str]) -> str:
            id = str(gateway.create_api(Name=name, ProtocolType="HTTP", Tags=tags)["ApiId"])
            stack.callback(gateway.delete_api, ApiId=id)
            return f"/apis/{id} ({name})"

        arn = role("storefront-app-evil-role")
        role("storefront-nobody-role")
        role("storefront-app-x-more-role")
        role("storefront-app-billing-role", "/")
        for make, kind, own, beside, other in (
            (function, "function:", "storefront-app-handler", "evil", "billing"),
            (log_group, "log-group:", "/aws/lambda/storefront-app-client", "/evil", "/aws/lambda/billing"),
            (alarm, "alarm:", "storefront-app-api-5xx", "evil", "billing"),
            (rule, "rule/", "storefront-app-client-schedule", "evil", "billing"),
        ):
            make(own, LEFT_BY_NAME)
            make(f"{beside}-tagged", LEFT_BY_TAG)
            make(f"{beside}-of-no-stack", OF_NO_STACK)
            make(f"{beside}-other-stack", OF_ANOTHER_STACK)
            make(other, LEFT_BY_NAME)
            expected.extend(f"{kind}{name}" for name in (own, f"{beside}-tagged", f"{beside}-of-no-stack"))
        log_group("/aws/lambda/storefront-app-evil", {})
        expected += [
            api("storefront-app-api", {}),
            api("evil", LEFT_BY_TAG),
            api("storefront-nobody-api", {}),
            "log-group:/aws/lambda/storefront-app-evil",
            "role/storefront/app/storefront-app-evil-role",
            "role/storefront/app/storefront-nobody-role",
        ]
        api("evil-2", OF_ANOTHER_STACK)
        api("storefront-app-x-api", {})
        yield expected
