"""Nothing that an investigator can read by AWS's APIs says that the incident was made on purpose."""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore import xform_name

from infra.aws_context import AwsContext
from infra.names import AppNames
from infra.policies import people
from tests.local.conftest import Deployed

DENIED = re.compile(
    r"incident|sandbox|inject|fail(?:ure)?[ _-]?mode|chaos|roll(?:ed|ing)?[ _-]?back|simulat|experiment", re.IGNORECASE
)


HANDLER = AppNames("app").function
SHOWN = {
    (f"{call} {HANDLER}", "Environment.Variables.FAIL_MODE", "FAIL_MODE")
    for call in ("get_function_configuration", "list_functions")
}
"""What an investigator of the surface `named`, which stack app has, is meant to see."""


NOT_READ = {
    "apigateway:GET": "as get_apis, get_routes, get_integrations, get_stages",
    "cloudwatch:GetMetricData": "numbers; list_metrics has the names",
    "cloudwatch:GetMetricStatistics": "numbers",
    "logs:GetLogEvents": "the events of filter_log_events",
    "logs:StartQuery": "the events of filter_log_events",
    "logs:GetQueryResults": "the events of filter_log_events",
    "xray:BatchGetTraces": "the emulator has no traces",
    "xray:GetServiceGraph": "the emulator has no traces",
    "xray:GetTraceSummaries": "the emulator has no traces",
}
"""Actions of the role `observer` that are not called here by their names."""


class Text(NamedTuple):
    """A key or a value of a response: which call, for what, where in the response, and the text."""

    call: str
    path: str
    text: str


@pytest.fixture(scope="module")
def lived(deployed: Deployed) -> Deployed:
    """Give the stacks of both surfaces a whole lifecycle, and leave them healthy."""
    for stack in ("app", "plain"):
        for mode, health in (("false", "healthy"), ("true", "failing"), ("false", "healthy")):
            updated = deployed("local", "up", "--stack", stack, "--config", f"failMode={mode}")
            assert updated.returncode == 0, updated.stderr
            checked = deployed("check", "--stack", stack, "--expect", health)
            assert checked.returncode == 0, checked.stdout + checked.stderr
    return deployed


class Reader:
    """Calls AWS's read APIs as an investigator of one stack does."""

    def __init__(self, deployed: Deployed, stack: str, clients: contextlib.ExitStack) -> None:
        self._deployed, self._clients, self._names = deployed, clients, AppNames(stack)

    def texts(self) -> Iterator[Text]:
        """All keys and values of all responses."""
        for call, response in self._responses():
            for path, text in leaves(response):
                yield Text(call, path, text)

    def _responses(self) -> Iterator[tuple[str, Any]]:
        yield from self._functions()
        yield from self._logs()
        yield from self._alarms()
        yield from self._api()
        yield from self._schedule()
        yield from self._roles()
        yield "get_resources", self._client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
        yield from self._events()

    def _functions(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("lambda")
        for function in (self._names.function, self._names.client):
            configuration = aws.get_function_configuration(FunctionName=function)
            yield f"get_function_configuration {function}", configuration
            yield f"list_tags {function}", aws.list_tags(Resource=configuration["FunctionArn"])
            yield f"get_policy {function}", json.loads(aws.get_policy(FunctionName=function)["Policy"])
        for listed in aws.list_functions()["Functions"]:
            if listed["FunctionName"].startswith(self._names.prefix):
                yield f"list_functions {listed['FunctionName']}", listed

    def _logs(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("logs")
        for group in (self._names.log_group, self._names.access_log_group, self._names.client_log_group):
            (described,) = aws.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            yield f"describe_log_groups {group}", described
            arn = described["arn"].removesuffix(":*")
            yield f"list_tags_for_resource {group}", aws.list_tags_for_resource(resourceArn=arn)
            yield f"describe_log_streams {group}", aws.describe_log_streams(logGroupName=group)["logStreams"]
            pages = list(aws.get_paginator("filter_log_events").paginate(logGroupName=group))
            assert any(page["events"] for page in pages), f"{group} is empty"
            for page in pages:
                yield f"filter_log_events {group}", page["events"]

    def _alarms(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("cloudwatch")
        alarms = aws.describe_alarms(AlarmNamePrefix=self._names.prefix)["MetricAlarms"]
        assert {alarm["AlarmName"] for alarm in alarms} == {self._names.errors_alarm, self._names.server_errors_alarm}
        for alarm in alarms:
            name = alarm["AlarmName"]
            yield f"describe_alarms {name}", alarm
            yield f"list_tags_for_resource {name}", aws.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])
            for page in aws.get_paginator("describe_alarm_history").paginate(AlarmName=name):
                yield f"describe_alarm_history {name}", page["AlarmHistoryItems"]
        yield "list_metrics", aws.list_metrics()["Metrics"]

    def _api(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("apigatewayv2")
        (api,) = [api for api in aws.get_apis()["Items"] if api["Name"] == self._names.api]
        yield "get_apis", api
        for call in (aws.get_routes, aws.get_integrations, aws.get_stages):
            yield call.__name__, call(ApiId=api["ApiId"])["Items"]

    def _schedule(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("events")
        (rule,) = aws.list_rules(NamePrefix=self._names.prefix)["Rules"]
        yield "list_rules", rule
        yield "describe_rule", aws.describe_rule(Name=rule["Name"])
        yield "list_targets_by_rule", aws.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        yield "list_tags_for_resource of the rule", aws.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]

    def _roles(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("iam")
        for role in (self._names.execution_role, self._names.client_role):
            yield f"get_role {role}", aws.get_role(RoleName=role)["Role"]
            yield f"list_role_tags {role}", aws.list_role_tags(RoleName=role)["Tags"]
            for policy in aws.list_role_policies(RoleName=role)["PolicyNames"]:
                yield f"get_role_policy {role}", aws.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            yield f"list_attached_role_policies {role}", aws.list_attached_role_policies(RoleName=role)
        yield "list_roles", aws.list_roles()["Roles"]

    def _events(self) -> Iterator[tuple[str, Any]]:
        aws = self._client("cloudtrail")
        for page in aws.get_paginator("lookup_events").paginate():
            for event in page["Events"]:
                content = json.loads(event.pop("CloudTrailEvent"))
                yield f"lookup_events {event['EventName']}", [event, content]

    def _client(self, service: str) -> Any:
        return self._clients.enter_context(contextlib.closing(self._deployed.client(service)))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key and every value of a response, JSON in it too; not how the call was made."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "ResponseMetadata":
                yield f"{path}.{key}".lstrip("."), key
                yield from leaves(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, str(value)


def actions(policy: str) -> set[str]:
    """Return what a policy allows."""
    listed = (statement["Action"] for statement in json.loads(policy)["Statement"])
    return {action for one in listed for action in ([one] if isinstance(one, str) else one)}


@pytest.mark.parametrize(("stack", "shown"), [("app", SHOWN), ("plain", set())])
def test_no_response_names_the_incident(stack: str, shown: set[tuple[str, ...]], lived: Deployed) -> None:
    with contextlib.ExitStack() as clients:
        texts = list(Reader(lived, stack, clients).texts())

    denied = {(text.call, text.path, *DENIED.findall(text.text)) for text in texts if DENIED.search(text.text)}
    assert len(texts) > 1000
    assert denied == shown
    called = {text.call.split()[0] for text in texts}
    allowed = actions(people.observer(AwsContext("aws", "111122223333", "eu-west-1")))
    assert {action for action in allowed if xform_name(action.partition(":")[2]) not in called} == NOT_READ.keys()
