"""The deployed workload: its answers, and what CloudWatch has of it. Reading only."""

import email.utils
import functools
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import boto3

from ops.errors import UsageError

REQUEST_TIMEOUT_SECONDS = 30  # API Gateway's own limit on an integration
METRIC_PERIOD_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What one request got: an HTTP status, 0 when there was no answer; the body's beginning; how long it took; and
    when it was answered, in epoch seconds by the server's clock."""

    status: int
    body: str
    milliseconds: int
    answered: float

    @property
    def is_healthy(self) -> bool:
        try:
            return self.status == 200 and json.loads(self.body).get("status") == "healthy"
        except (ValueError, AttributeError):
            return False

    @property
    def is_failure(self) -> bool:
        return 500 <= self.status < 600

    @property
    def summary(self) -> str:
        if self.is_healthy:
            return "200 healthy"
        return f"{self.status} {self.body}" if self.status else self.body


@dataclass(frozen=True)
class Workload:
    """An app stack's workload, by its outputs."""

    url: str
    api_id: str
    function: str
    log_group: str
    alarms: list[str]
    region: str

    @classmethod
    def of(cls, outputs: dict[str, Any]) -> "Workload":
        """Raises UsageError when the outputs are not an app stack's."""
        try:
            return cls(
                url=outputs["apiUrl"],
                api_id=outputs["apiId"],
                function=outputs["functionName"],
                log_group=outputs["logGroupName"],
                alarms=list(outputs["alarmNames"]),
                region=outputs["functionArn"].split(":")[3],
            )
        except KeyError as error:
            raise UsageError(
                f"the stack has no output {error}: check looks at stacks of scope app, such as `--stack app`"
            ) from None

    def request(self) -> Answer:
        """Send one GET and take whatever comes."""
        started = time.monotonic()
        date = None
        try:
            with urllib.request.urlopen(self.url, timeout=REQUEST_TIMEOUT_SECONDS, context=_tls()) as response:
                status, body, date = response.status, response.read(), response.headers["Date"]
        except urllib.error.HTTPError as error:
            with error:
                status, body, date = error.code, error.read(), error.headers["Date"]
        except (OSError, http.client.HTTPException) as error:
            status, body = 0, f"no answer: {error}".encode()
        milliseconds = round((time.monotonic() - started) * 1000)
        answered = email.utils.parsedate_to_datetime(date).timestamp() if date else time.time()
        return Answer(status, body.decode(errors="replace")[:500], milliseconds, answered)

    def logged_errors(self, since: float) -> int:
        """Requests that the function's log has errors of since a time in epoch seconds."""
        pages = self._logs.get_paginator("filter_log_events")
        found = set()
        for page in pages.paginate(logGroupName=self.log_group, startTime=int(since * 1000)):
            for event in page["events"]:
                try:
                    record = json.loads(event["message"])
                except ValueError:
                    continue
                if isinstance(record, dict) and record.get("level") == "ERROR":
                    found.add(record.get("requestId"))
        return len(found)

    def metric(self, name: str, since: float) -> int:
        """Sum of the function's `Errors` or the API's `5xx`, from the minute in which `since` lies (epoch seconds)."""
        namespace, dimension = {
            "Errors": ("AWS/Lambda", {"Name": "FunctionName", "Value": self.function}),
            "5xx": ("AWS/ApiGateway", {"Name": "ApiId", "Value": self.api_id}),
        }[name]
        first = since - since % METRIC_PERIOD_SECONDS
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[dimension],
            StartTime=datetime.fromtimestamp(first, timezone.utc),
            EndTime=datetime.fromtimestamp(time.time() + METRIC_PERIOD_SECONDS, timezone.utc),
            Period=METRIC_PERIOD_SECONDS,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in answer["Datapoints"]))

    def alarm_state(self, name: str) -> str:
        """OK, ALARM, INSUFFICIENT_DATA, or `missing` when there is no such alarm."""
        found = self._cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return str(found[0]["StateValue"]) if found else "missing"

    def was_in_alarm(self, name: str, since: float) -> bool:
        """Whether the alarm went to ALARM since a time in epoch seconds."""
        answer = self._cloudwatch.describe_alarm_history(
            AlarmName=name, HistoryItemType="StateUpdate", StartDate=datetime.fromtimestamp(int(since), timezone.utc)
        )
        states = [json.loads(item["HistoryData"])["newState"]["stateValue"] for item in answer["AlarmHistoryItems"]]
        return "ALARM" in states

    @functools.cached_property
    def _logs(self) -> Any:
        return self._session.client("logs")

    @functools.cached_property
    def _cloudwatch(self) -> Any:
        return self._session.client("cloudwatch")

    @functools.cached_property
    def _session(self) -> Any:
        """Its own, because boto3's default one keeps the credentials that a process began with."""
        return boto3.Session(region_name=self.region)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Trust what the AWS clients trust: AWS_CA_BUNDLE where it is set."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
