"""What AWS has of a workload: logs, metrics, alarms, and the function's code and policy."""

import functools
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from ops import clients
from ops.health.workload import Workload

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.literals import LookupAttributeKeyType
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilterLogEventsRequestPaginateTypeDef

METRIC_PERIOD_SECONDS = 60
EVENT_TIME = "event time"
"""A key that no record has of itself."""


class Answer(NamedTuple):
    """What the stack's client got: when it sent the request, in which invocation, and the status, 0 for none."""

    sent: float
    run: str
    status: int

    @property
    def is_ok(self) -> bool:
        return self.status == 200


class Telemetry:
    """Reads a workload's telemetry. Times are in epoch seconds, by AWS's clock; errors are botocore's."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload

    def logged_errors(self, since: float, until: float | None = None) -> int:
        """Requests for which the function's log has errors, from `since` to before `until`."""
        records = self._records(self._workload.log_group, since, until)
        return len({record.get("requestId") for record in records if _is_error(record)})

    def logged_5xx(self, since: float, until: float | None = None) -> int:
        """Requests for which the access log has a 5xx status, from `since` to before `until`."""
        records = self._records(self._workload.access_log_group, since, until)
        return len({record.get("requestId") for record in records if _is_5xx(record)})

    def errors_metric(self, since: float) -> int:
        """The sum of AWS/Lambda's `Errors` of the function since a time.

        A metric counts whole minutes: the errors that the log has of the first minute before `since` are subtracted.
        """
        dimension: DimensionTypeDef = {"Name": "FunctionName", "Value": self._workload.function}
        first = _minute(since)
        return self._metric("AWS/Lambda", "Errors", dimension, first) - self.logged_errors(first, since)

    def server_errors_metric(self, since: float) -> int:
        """The sum of AWS/ApiGateway's `5xx` of the API since a time, as `errors_metric` by the access log."""
        dimension: DimensionTypeDef = {"Name": "ApiId", "Value": self._workload.api_id}
        first = _minute(since)
        return self._metric("AWS/ApiGateway", "5xx", dimension, first) - self.logged_5xx(first, since)

    def alarm_state(self, name: str) -> str:
        """OK, ALARM, INSUFFICIENT_DATA, or `missing` when there is no such alarm."""
        alarms = self._cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return str(alarms[0]["StateValue"]) if alarms else "missing"

    def was_in_alarm(self, name: str, since: float) -> bool:
        """Whether the alarm went to ALARM since a time."""
        return any(state == "ALARM" for _, state in self.transitions(name, since))

    def transitions(self, name: str, since: float) -> list[tuple[float, str]]:
        """When the alarm went to which state, since a time; in order."""
        pages = self._cloudwatch.get_paginator("describe_alarm_history").paginate(
            AlarmName=name, HistoryItemType="StateUpdate", StartDate=_utc(int(since))
        )
        items = [item for page in pages for item in page["AlarmHistoryItems"]]
        return sorted(
            (item["Timestamp"].timestamp(), str(json.loads(item["HistoryData"])["newState"]["stateValue"]))
            for item in items
        )

    def answers(self, since: float, until: float) -> list[Answer]:
        """What the stack's own client got, in order; nothing where the stack has none."""
        if self._workload.client_log_group is None:
            return []
        records = self._records(self._workload.client_log_group, since, until)
        answers = [
            Answer(float(record["sent"]), str(record.get("requestId")), int(record["status"]))
            for record in records
            if "sent" in record and "status" in record
        ]
        return sorted((answer for answer in answers if since <= answer.sent < until), key=lambda answer: answer.sent)

    def error_times(self, since: float, until: float) -> list[float]:
        """When requests failed by the function's log: each once."""
        return self._times(self._workload.log_group, _is_error, since, until)

    def server_error_times(self, since: float, until: float) -> list[float]:
        """When requests got a 5xx status by the access log."""
        return self._times(self._workload.access_log_group, _is_5xx, since, until)

    def management_events(self, since: float, until: float) -> "list[EventTypeDef]":
        """CloudTrail's events of calls that changed the function, in order of time.

        They come some 5 minutes late on average:
        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html
        """
        return self._events("ResourceName", self._workload.function, since, until)

    def calls(self, name: str, since: float, until: float) -> list[dict[str, Any]]:
        """The parameters of all calls of one API in CloudTrail's events, in order of time."""
        events = self._events("EventName", name, since, until)
        return [json.loads(event["CloudTrailEvent"]).get("requestParameters") or {} for event in events]

    def _events(self, key: "LookupAttributeKeyType", value: str, since: float, until: float) -> "list[EventTypeDef]":
        pages = self._cloudtrail.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}],
            StartTime=_utc(since),
            EndTime=_utc(until),
        )
        events = [event for page in pages for event in page["Events"] if str(event.get("ReadOnly")).lower() != "true"]
        return sorted(events, key=lambda event: event["EventTime"])

    def code_sha256(self) -> str:
        """The hash of the package that the function runs, in Base64, or `missing` when there is no such function."""
        try:
            function = self._lambda.get_function(FunctionName=self._workload.function)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return "missing"
            raise
        return str(function["Configuration"]["CodeSha256"])

    def invokers(self) -> frozenset[tuple[str, str, str]]:
        """The statements of the function's own policy, each as (id, principal, source ARN); "" where it has none."""
        try:
            policy = json.loads(self._lambda.get_policy(FunctionName=self._workload.function)["Policy"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return frozenset()
            raise
        return frozenset(_invoker(statement) for statement in policy["Statement"])

    def _times(self, group: str, is_meant: Callable[[dict[str, Any]], bool], since: float, until: float) -> list[float]:
        requests: dict[str, float] = {}
        for record in self._records(group, since, until):
            if is_meant(record):
                requests.setdefault(str(record.get("requestId")), record[EVENT_TIME])
        return sorted(requests.values())

    def _records(self, group: str, since: float, until: float | None) -> Iterator[dict[str, Any]]:
        """The JSON objects among a log group's events, each with the event's time as EVENT_TIME."""
        window: FilterLogEventsRequestPaginateTypeDef = {"logGroupName": group, "startTime": int(since * 1000)}
        if until is not None:
            window["endTime"] = int(until * 1000)
        pages = self._logs.get_paginator("filter_log_events")
        for page in pages.paginate(**window):
            for event in page["events"]:
                try:
                    record = json.loads(event["message"])
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield {**record, EVENT_TIME: event["timestamp"] / 1000}

    def _metric(self, namespace: str, name: str, dimension: "DimensionTypeDef", since: float) -> int:
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[dimension],
            StartTime=_utc(since),
            EndTime=_utc(time.time() + METRIC_PERIOD_SECONDS),
            Period=METRIC_PERIOD_SECONDS,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in answer["Datapoints"]))

    @functools.cached_property
    def _logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs")

    @functools.cached_property
    def _cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch")

    @functools.cached_property
    def _cloudtrail(self) -> "CloudTrailClient":
        return self._session.client("cloudtrail")

    @functools.cached_property
    def _lambda(self) -> "LambdaClient":
        return self._session.client("lambda")

    @functools.cached_property
    def _session(self) -> boto3.Session:
        return clients.Session(self._workload.region)


def _is_error(record: dict[str, Any]) -> bool:
    return record.get("level") == "ERROR"


def _is_5xx(record: dict[str, Any]) -> bool:
    return str(record.get("status", "")).startswith("5")


def _minute(time: float) -> float:
    return time - time % METRIC_PERIOD_SECONDS


def _utc(time: float) -> datetime:
    return datetime.fromtimestamp(time, timezone.utc)


def _invoker(statement: dict[str, Any]) -> tuple[str, str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    principal = statement.get("Principal", "")
    if isinstance(principal, dict):
        principal = principal.get("Service") or principal.get("AWS") or ""
    source = next((value for keys in (statement.get("Condition") or {}).values() for key, value in keys.items()
                   if key.lower() == "aws:sourcearn"), "")  # fmt: skip
    return str(statement.get("Sid", "")), str(principal), str(source)
