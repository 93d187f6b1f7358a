"""A preview says what an update would do, and nothing else. Each test leaves the app healthy, as it found it."""

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
