"""A preview says what an update would do, and nothing else. Each test leaves the app healthy, as it found it."""

import json

import pytest

from local_aws.provider.resource import Aws
from tests.cli.conftest import Shell


def test_the_flip_is_one_update_that_shows_the_variable(deployed: Shell) -> None:
    committed = (deployed.checkout / "Pulumi.app.yaml").read_text()
    deployed.pulumi("config", "set", "failMode", "true", "--stack", "app")

    told = deployed.pulumi("preview", "--diff", "--stack", "app")

    assert 'FAIL_MODE: "false" => "true"' in told
    assert "~ 1 to update\n    16 unchanged" in told
    deployed.pulumi("config", "set", "failMode", "false", "--stack", "app")
    assert (deployed.checkout / "Pulumi.app.yaml").read_text() == committed


def test_drift_is_shown_when_asked_for_and_put_right(deployed: Shell, aws: Aws) -> None:
    """As when somebody ran `aws lambda update-function-configuration`."""
    variables = {"Variables": {"FAIL_MODE": "true"}}
    aws.client("lambda").update_function_configuration(FunctionName="incident-sandbox-app", Environment=variables)

    assert deployed.steps("--stack", "app") == []
    told = deployed.pulumi("preview", "--diff", "--refresh", "--stack", "app")
    assert 'FAIL_MODE: "true" => "false"' in told
    deployed.pulumi("up", "--yes", "--refresh", "--skip-preview", "--stack", "app")

    found = aws.client("lambda").get_function_configuration(FunctionName="incident-sandbox-app")
    assert found["Environment"]["Variables"]["FAIL_MODE"] == "false"
    assert deployed.sandbox("check", "--stack", "app", "--expect", "healthy").returncode == 0


def test_on_a_destroyed_stack_it_lists_every_resource(deployed: Shell) -> None:
    deployed.sandbox("local", "destroy")

    steps = deployed.steps("--stack", "app")

    assert {step["op"] for step in steps} == {"create"}
    assert len(steps) == 17
    assert deployed.sandbox("local", "up").returncode == 0


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("aws:cloudwatch/metricAlarm:MetricAlarm", "app-alarms-api-5xx"),
        ("aws:cloudwatch/logGroup:LogGroup", "app-function-logs"),
        ("aws:lambda/permission:Permission", "app-api-permission"),
        ("aws:apigatewayv2/stage:Stage", "app-api-stage"),
        ("aws:lambda/function:Function", "app-function-lambda"),
        ("aws:iam/role:Role", "app-function-role"),
    ],
)
def test_a_forced_replacement_leaves_the_new_one(type: str, name: str, deployed: Shell) -> None:
    """pulumi/pulumi#9909: made first, it would be deleted by the old one's name, and a preview says unchanged."""
    resources = json.loads(deployed.pulumi("stack", "export", "--stack", "app"))["deployment"]["resources"]
    (urn,) = [one["urn"] for one in resources if one["type"] == type and one["urn"].endswith(f"::{name}")]

    deployed.pulumi("up", "--yes", "--skip-preview", "--stack", "app", "--replace", urn)

    told = deployed.pulumi("preview", "--refresh", "--stack", "app")
    assert "17 unchanged" in told
    assert deployed.sandbox("check", "--stack", "app", "--expect", "healthy").returncode == 0
