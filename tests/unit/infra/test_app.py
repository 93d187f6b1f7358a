"""The resources that the program registers in scope app."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import settings
from tests.support import recording
from tests.support.recording import ACCOUNT

FUNCTION = "aws:lambda/function:Function"
HANDLER, CLIENT = "app-function-lambda", "client-lambda"
TAGGED = {
    "aws:lambda/function:Function",
    "aws:iam/role:Role",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/stage:Stage",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
}


def by_name(result: recording.Recording) -> dict[str, dict[str, Any]]:
    return {resource.name: resource.inputs for resource in result.resources}


def test_the_flip_changes_one_property_of_one_resource() -> None:
    healthy, failing = by_name(recording.run({"failMode": "false"})), by_name(recording.run({"failMode": "true"}))

    differing = {
        (name, key)
        for name in healthy.keys() | failing.keys()
        for key in healthy[name].keys() | failing[name].keys()
        if healthy[name].get(key) != failing[name].get(key)
    }

    assert differing == {("app-function-lambda", "environment")}
    assert failing["app-function-lambda"]["environment"] == {"variables": {"FAIL_MODE": "true"}}
    assert healthy["app-function-lambda"]["environment"] == {"variables": {"FAIL_MODE": "false"}}


def test_the_outputs_have_what_checks_and_workflows_read() -> None:
    outputs = recording.run({"failMode": "true"}).outputs

    assert outputs.keys() == {
        "apiUrl",
        "apiId",
        "functionName",
        "functionArn",
        "logGroupName",
        "accessLogGroupName",
        "clientLogGroupName",
        "alarmNames",
        "failMode",
        "surface",
    }
    assert outputs["failMode"] is True
    assert outputs["functionName"] == "storefront-app-handler"
    assert len(outputs["alarmNames"]) == 2


def test_every_taggable_resource_has_the_standard_tags() -> None:
    result = recording.run({"githubRepository": "octo-org/octo-repo"})

    tagged = [resource for resource in result.resources if resource.type in TAGGED]

    assert {resource.type for resource in tagged} == TAGGED
    for resource in tagged:
        assert resource.inputs.get("tags") == {
            "Project": "storefront",
            "Stack": "app",
            "ManagedBy": "pulumi",
            "Repository": "octo-org/octo-repo",
        }, resource.name


def test_two_stacks_in_an_account_share_no_physical_name() -> None:
    def names(stack: str) -> set[str]:
        result = recording.run({}, stack=stack)
        return {
            f"{resource.type} {resource.inputs['name']}"
            for resource in result.resources
            if resource.type in TAGGED and resource.type != "aws:apigatewayv2/stage:Stage"
        }

    assert names("app") & names("blue") == set()


@pytest.mark.parametrize(("function", "files"), [(HANDLER, ["main.py", "scenario.py"]), (CLIENT, ["client.py"])])
def test_a_package_contains_the_text_of_its_files_and_nothing_else(function: str, files: list[str], root: Path) -> None:
    code = recording.run({}).resource(FUNCTION, function).inputs["code"]

    assert sorted(code["assets"]) == files
    for file in files:
        assert code["assets"][file]["text"] == (root / "handler" / file).read_text()


def test_the_surface_decides_which_variable_makes_the_fault() -> None:
    def variables(**settings: str) -> Any:
        return recording.run(settings).resource(FUNCTION, HANDLER).inputs["environment"]["variables"]

    assert variables(surface="plain", failMode="false") == {"PRICE_SOURCE": "catalog"}
    assert variables(surface="plain", failMode="true") == {"PRICE_SOURCE": "legacy"}
    assert variables(surface="named", failMode="true") == {"FAIL_MODE": "true"}


def test_the_client_requests_the_public_url_each_minute_as_often_as_the_settings_say() -> None:
    result = recording.run({"trafficPerMinute": "4"})

    assert result.resource(FUNCTION, CLIENT).inputs["environment"]["variables"] == {
        "URL": "https://app-api-stage.example/",
        "REQUESTS": "4",
    }
    assert result.resource("aws:cloudwatch/eventRule:EventRule").inputs["scheduleExpression"] == "rate(1 minute)"
    permission = result.resource("aws:lambda/permission:Permission", "traffic").inputs
    assert permission["principal"] == "events.amazonaws.com"
    assert "app-traffic-permission" in result.resource("aws:cloudwatch/eventTarget:EventTarget").depends_on


def test_without_traffic_there_is_no_client() -> None:
    result = recording.run({"trafficPerMinute": "0"})

    assert len(result.of_type(FUNCTION)) == 1
    assert "clientLogGroupName" not in result.outputs


def test_the_execution_role_has_the_boundary_and_writes_only_its_own_log_group() -> None:
    result = recording.run({})
    role = result.resource("aws:iam/role:Role", "app-function").inputs
    statements = json.loads(result.resource("aws:iam/rolePolicy:RolePolicy", "app-function").inputs["policy"])[
        "Statement"
    ]

    assert role["path"] == "/storefront/app/"
    assert role["permissionsBoundary"] == (f"arn:aws:iam::{ACCOUNT}:policy/storefront/app/storefront-app-boundary")
    assert [statement["Resource"] for statement in statements if statement["Sid"] == "WriteLogs"] == [
        "arn:aws:mock:::/aws/lambda/storefront-app-handler:*"
    ]
    assert {action.split(":")[0] for statement in statements for action in statement["Action"]} == {"logs", "xray"}


def test_the_function_logs_json_to_its_group_and_is_traced() -> None:
    function = recording.run({}).resource(FUNCTION, HANDLER).inputs

    assert function["loggingConfig"] == {"logFormat": "JSON", "logGroup": "/aws/lambda/storefront-app-handler"}
    assert function["tracingConfig"] == {"mode": "Active"}
    assert function["architectures"] == ["arm64"]
    assert function["runtime"] == "python3.13"
    assert function["handler"] == "main.handle"


def test_the_function_waits_for_its_policy_and_the_stage_for_the_route() -> None:
    """Lambda refuses tracing when the role may not write traces yet; a stage deploys only existing routes."""
    result = recording.run({})

    assert "app-function-role-policy" in result.resource(FUNCTION, HANDLER).depends_on
    assert "app-api-route" in result.resource("aws:apigatewayv2/stage:Stage").depends_on


def test_only_this_api_may_invoke_the_function() -> None:
    permission = recording.run({}).resource("aws:lambda/permission:Permission", "app-api").inputs

    assert permission["principal"] == "apigateway.amazonaws.com"
    assert permission["sourceArn"] == "arn:aws:execute-api:::app-api-api/*/*"


def test_the_access_log_is_json_with_the_request_id() -> None:
    stage = recording.run({}).resource("aws:apigatewayv2/stage:Stage").inputs
    line = json.loads(stage["accessLogSettings"]["format"])

    assert stage["name"] == "$default"
    assert stage["defaultRouteSettings"] == {"throttlingRateLimit": 50, "throttlingBurstLimit": 100}
    assert line["requestId"] == "$context.requestId"
    assert line["status"] == "$context.status"


def test_one_error_in_a_minute_is_an_alarm_and_missing_data_is_not() -> None:
    alarms = {
        (alarm.inputs["namespace"], alarm.inputs["metricName"]): alarm.inputs
        for alarm in recording.run({}).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    }

    assert alarms.keys() == {("AWS/Lambda", "Errors"), ("AWS/ApiGateway", "5xx")}
    assert alarms["AWS/Lambda", "Errors"]["dimensions"] == {"FunctionName": "storefront-app-handler"}
    assert alarms["AWS/ApiGateway", "5xx"]["dimensions"] == {"ApiId": "app-api-api-id"}
    for alarm in alarms.values():
        assert (alarm["statistic"], alarm["period"], alarm["threshold"]) == ("Sum", 60, 1)
        assert alarm["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["treatMissingData"] == "notBreaching"


def test_all_log_groups_have_the_retention_of_the_settings() -> None:
    groups = recording.run({"logRetentionDays": "3"}).of_type("aws:cloudwatch/logGroup:LogGroup")

    assert [group.inputs["retentionInDays"] for group in groups] == [3, 3, 3]
    assert 14 in settings.RETENTION_DAYS


def test_no_description_names_the_cause() -> None:
    """Investigators can read names, tags and descriptions."""
    result = recording.run({"failMode": "true"})

    descriptions = [
        text.lower()
        for resource in result.resources
        for key in ("description", "alarmDescription")
        if (text := resource.inputs.get(key))
    ]

    assert descriptions
    assert [text for text in descriptions for word in ("inject", "fail_mode", "simulat") if word in text] == []


def test_every_resource_is_deleted_before_its_replacement_is_created() -> None:
    """Names are fixed: deleting the old resource afterwards, by its name, would delete the new one."""
    bootstrap = recording.run({"scope": "bootstrap", "githubRepository": "octo-org/octo-repo"}, "bootstrap")
    resources = recording.run({}).resources + bootstrap.resources

    in_aws = [resource for resource in resources if resource.type.startswith("aws:")]

    assert [resource.name for resource in in_aws if not resource.delete_before_replace] == []
