"""Previews of the Pulumi CLI. Each test leaves the app healthy."""

import json

import pytest

from local_aws.provider.resource import Aws
from tests.cli.conftest import Shell


def test_the_flip_is_previewed_as_one_update_of_the_variable(deployed: Shell) -> None:
    committed = (deployed.checkout / "Pulumi.app.yaml").read_text()
    deployed.pulumi("config", "set", "failMode", "true", "--stack", "app")

    stdout = deployed.pulumi("preview", "--diff", "--stack", "app")

    assert 'FAIL_MODE: "false" => "true"' in stdout
    assert "~ 1 to update\n    25 unchanged" in stdout
    deployed.pulumi("config", "set", "failMode", "false", "--stack", "app")
    assert (deployed.checkout / "Pulumi.app.yaml").read_text() == committed


def test_drift_is_shown_and_corrected_with_refresh(deployed: Shell, aws: Aws) -> None:
    """The drift is a change by `aws lambda update-function-configuration`."""
    aws.client("lambda").update_function_configuration(
        FunctionName="storefront-app-handler", Environment={"Variables": {"FAIL_MODE": "true"}}
    )

    assert deployed.steps("--stack", "app") == []
    stdout = deployed.pulumi("preview", "--diff", "--refresh", "--stack", "app")
    assert 'FAIL_MODE: "true" => "false"' in stdout
    deployed.pulumi("up", "--yes", "--refresh", "--skip-preview", "--stack", "app")

    configuration = aws.client("lambda").get_function_configuration(FunctionName="storefront-app-handler")
    assert configuration["Environment"]["Variables"]["FAIL_MODE"] == "false"
    assert deployed.sandbox("check", "--stack", "app", "--expect", "healthy").returncode == 0


def test_a_preview_of_a_destroyed_stack_lists_every_resource(deployed: Shell) -> None:
    deployed.sandbox("local", "destroy")

    steps = deployed.steps("--stack", "app")

    assert {step["op"] for step in steps} == {"create"}
    assert len(steps) == 26
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
def test_a_forced_replacement_leaves_the_new_resource(type: str, name: str, deployed: Shell) -> None:
    """Otherwise it would be deleted by the old one's name, and a preview would not show it: pulumi/pulumi#9909."""
    resources = json.loads(deployed.pulumi("stack", "export", "--stack", "app"))["deployment"]["resources"]
    urns = [resource["urn"] for resource in resources if resource["type"] == type]
    (urn,) = [urn for urn in urns if urn.endswith(f"::{name}")]

    deployed.pulumi("up", "--yes", "--skip-preview", "--stack", "app", "--replace", urn)

    stdout = deployed.pulumi("preview", "--refresh", "--stack", "app")
    assert "26 unchanged" in stdout
    assert deployed.sandbox("check", "--stack", "app", "--expect", "healthy").returncode == 0
