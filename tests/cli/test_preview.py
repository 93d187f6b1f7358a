"""Previews of the Pulumi CLI. Each test leaves the app healthy."""

import json

from local_aws.provider.resource import Aws
from ops.stacks import urn
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


REPLACED = {
    "app-alarms-api-5xx",
    "app-function-logs",
    "app-api-permission",
    "app-api-stage",
    "app-function-lambda",
    "app-function-role",
}
"""One resource of each type that has a fixed name, and a new one only after the old one is gone."""


def test_a_forced_replacement_leaves_the_new_resource(deployed: Shell) -> None:
    """Otherwise it would be deleted by the old one's name, and a preview would not show it: pulumi/pulumi#9909."""
    resources = json.loads(deployed.pulumi("stack", "export", "--stack", "app"))["deployment"]["resources"]
    urns = [resource["urn"] for resource in resources if urn.name_of(resource["urn"]) in REPLACED]
    assert len(urns) == len(REPLACED)

    replace = [argument for each in urns for argument in ("--replace", each)]
    deployed.pulumi("up", "--yes", "--skip-preview", "--stack", "app", *replace)

    stdout = deployed.pulumi("preview", "--refresh", "--stack", "app")
    assert "26 unchanged" in stdout
    assert deployed.sandbox("check", "--stack", "app", "--expect", "healthy").returncode == 0
