"""The telemetry patch: what AWS records by itself and the emulator does not, read through AWS's own APIs."""

import io
import json
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from local_aws.emulator.process import Emulator
from local_aws.provider.resource import Aws
from tests.support.deploying import app_over_bootstrap

DEADLINE_SECONDS = 10


class App:
    """The project's own app, deployed, with its telemetry."""

    def __init__(self, root: Path, folder: Path, emulator: Emulator, aws: Aws) -> None:
        self._engine, _, _ = app_over_bootstrap(root, aws, folder)
        self._aws = aws
        self._tls = ssl.create_default_context(cafile=str(emulator.directory / "ca.pem"))
        self.set("trafficPerMinute", "0")  # the test's requests are counted

    def set(self, key: str, value: str) -> None:
        self._engine.set_config(key, value)
        self.outputs = self._engine.up().outputs

    def get(self, path: str = "") -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(self.outputs["apiUrl"] + path, context=self._tls) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def total(self, namespace: str, metric: str, **dimensions: str) -> int:
        now = datetime.now(timezone.utc)
        points = self._aws.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return int(sum(point["Sum"] for point in points))

    def states(self) -> list[str]:
        alarms = self._aws.client("cloudwatch").describe_alarms(AlarmNames=self.outputs["alarmNames"])
        return [alarm["StateValue"] for alarm in alarms["MetricAlarms"]]

    def access_log(self) -> list[dict[str, Any]]:
        group = self.outputs["accessLogGroupName"]
        events = self._aws.client("logs").filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"]) for event in events]


@pytest.fixture
def app(root: Path, tmp_path: Path, emulator: Emulator, aws: Aws) -> App:
    return App(root, tmp_path, emulator, aws)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_SECONDS} s"
        time.sleep(0.02)


def test_a_function_error_gets_the_response_of_aws(app: App) -> None:
    app.set("failMode", "true")

    assert app.get() == (500, {"message": "Internal Server Error"})


def test_a_request_counts_once_in_the_metrics_of_both_services(app: App) -> None:
    app.get()
    app.set("failMode", "true")
    app.get()
    app.get()
    app.get("nowhere")

    function, api = {"FunctionName": app.outputs["functionName"]}, {"ApiId": app.outputs["apiId"]}
    assert app.total("AWS/Lambda", "Invocations", **function) == 3
    assert app.total("AWS/Lambda", "Errors", **function) == 2
    assert app.total("AWS/ApiGateway", "Count", **api) == 4
    assert app.total("AWS/ApiGateway", "5xx", **api) == 2
    assert app.total("AWS/ApiGateway", "4xx", **api) == 1
    assert app.total("AWS/ApiGateway", "5xx", **api, Stage="$default") == 2


def test_each_request_is_one_line_in_the_access_log(app: App) -> None:
    app.get()
    app.get("nowhere")
    app.set("failMode", "true")
    app.get()

    healthy, lost, failed = app.access_log()

    assert (healthy["status"], healthy["routeKey"], healthy["integrationErrorMessage"]) == ("200", "GET /", "-")
    assert (lost["status"], lost["path"], lost["integrationStatus"]) == ("404", "/nowhere", "-")
    assert failed["status"] == "500"
    assert "request could not be served" in failed["integrationErrorMessage"]
    assert len({line["requestId"] for line in (healthy, lost, failed)}) == 3


def test_alarms_change_state_by_themselves(app: App, aws: Aws) -> None:
    until(lambda: app.states() == ["OK", "OK"], "OK before the first request")
    app.set("trafficPerMinute", "6")
    app.set("failMode", "true")

    until(lambda: app.states() == ["ALARM", "ALARM"], "ALARM, by the stack's own traffic alone")
    app.set("failMode", "false")
    until(lambda: app.states() == ["OK", "OK"], "OK, once errors stop")

    history = aws.client("cloudwatch").describe_alarm_history(
        AlarmName=app.outputs["alarmNames"][0], HistoryItemType="StateUpdate"
    )
    states = {json.loads(item["HistoryData"])["newState"]["stateValue"] for item in history["AlarmHistoryItems"]}
    assert states == {"INSUFFICIENT_DATA", "OK", "ALARM"}


def test_an_alarm_evaluates_only_its_own_dimensions(app: App, aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="of-another-function",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "another"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        TreatMissingData="notBreaching",
    )
    app.set("failMode", "true")

    until(lambda: app.get()[0] == 500 and app.states() == ["ALARM", "ALARM"], "ALARM, while errors go on")

    other = cloudwatch.describe_alarms(AlarmNames=["of-another-function"])["MetricAlarms"][0]
    assert other["StateValue"] == "OK"


def test_a_handler_that_raised_is_called_in_the_same_execution_environment_again(aws: Aws) -> None:
    """On AWS only a crash or a timeout ends it (local_aws/emulator/environments.py has the sources)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "import os\ndef handler(event, context):\n    raise ValueError(os.getpid())\n")
    allow = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    role = aws.client("iam").create_role(RoleName="raising", AssumeRolePolicyDocument=trust)["Role"]
    client = aws.client("lambda")
    client.create_function(
        FunctionName="raising",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="raising", WaiterConfig={"Delay": 1})

    responses = [client.invoke(FunctionName="raising") for _ in range(3)]

    assert [response["FunctionError"] for response in responses] == ["Unhandled"] * 3
    assert len({json.loads(response["Payload"].read())["errorMessage"] for response in responses}) == 1
