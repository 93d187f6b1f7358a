"""The report of the rule-based investigator, from what AWS shows, without AWS."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from boto3 import Session

from evaluation.adapters import read
from evaluation.findings import Verdict
from evaluation.investigators import runbook

NOW = datetime.now(timezone.utc).replace(microsecond=0)
SINCE = NOW - timedelta(minutes=30)
HANDLER = "arn:aws:lambda:eu-west-1:111122223333:function:shop-app-handler"
OTHER = "arn:aws:lambda:eu-west-1:111122223333:function:billing"


def event(minutes_ago: float, name: str, **fields: Any) -> dict[str, Any]:
    detail = {"readOnly": False, "requestParameters": {"environment": {}}, **fields}
    time = NOW - timedelta(minutes=minutes_ago)
    return {"EventName": name, "EventTime": time, "Username": "deploy-7", "CloudTrailEvent": json.dumps(detail)}


class Clients:
    """One object for all clients; each call returns what AWS would show."""

    def __init__(
        self,
        errors: int = 0,
        alarm: str = "OK",
        events: tuple[dict[str, Any], ...] = (),
        variables: Mapping[str, str] | None = None,
        modified_minutes_ago: float = 600,
    ) -> None:
        self.errors, self.alarm, self.events = errors, alarm, events
        self.variables = variables or {"MODE": "new"}
        self.modified = (NOW - timedelta(minutes=modified_minutes_ago)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        self.operation = operation
        return self

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        log = [
            {"timestamp": int((NOW - timedelta(minutes=10)).timestamp() * 1000) + number, "eventId": str(number),
             "message": json.dumps({"level": "ERROR", "message": "no", "requestId": str(number)})}
            for number in range(self.errors)
        ]  # fmt: skip
        pages: dict[str, dict[str, Any]] = {
            "describe_alarms": {"MetricAlarms": [{"AlarmName": "shop-app-errors", "StateValue": self.alarm}]},
            "get_resources": {"ResourceTagMappingList": [{"ResourceARN": HANDLER}, {"ResourceARN": OTHER}]},
            "filter_log_events": {"events": log},
            "lookup_events": {"Events": list(self.events)},
        }
        yield pages[self.operation]

    def describe_alarm_history(self, **parameters: Any) -> dict[str, Any]:
        return {"AlarmHistoryItems": []}

    def get_metric_statistics(self, **parameters: Any) -> dict[str, Any]:
        return {"Datapoints": [{"Sum": self.errors if parameters["MetricName"] == "Errors" else 0}]}

    def get_function_configuration(self, **parameters: Any) -> dict[str, Any]:
        return {"Environment": {"Variables": dict(self.variables)}, "LastModified": self.modified}


def investigate(clients: Clients) -> runbook.Report:
    return runbook.investigate(cast(Session, clients), "shop-app", SINCE)


def test_the_last_change_before_the_onset_is_blamed_and_not_one_after_it_a_read_or_a_refused_call() -> None:
    update = event(11, "UpdateFunctionConfiguration20150331v2")
    events = (
        event(5, "UpdateFunctionCode20150331v2"),
        event(10.5, "GetFunctionConfiguration", readOnly=True),
        event(10.6, "UpdateFunctionConfiguration20150331v2", errorCode="AccessDenied"),
        update,
        event(60, "CreateFunction20150331"),
    )
    report = investigate(Clients(9, "ALARM", events))

    assert report.is_fault
    assert report.change is not None
    assert (report.change.call, report.change.at) == ("UpdateFunctionConfiguration20150331v2", update["EventTime"])
    findings = read(report.text)
    assert findings.verdict is Verdict.FAULT
    assert [cause.resources for cause in findings.causes] == [(HANDLER,)]
    assert findings.causes[0].change is not None
    assert (findings.causes[0].change.what, findings.causes[0].change.to) == ("environment variable MODE", "new")


def test_a_call_that_cloudtrail_does_not_have_yet_shows_in_the_function() -> None:
    report = investigate(Clients(9, "ALARM", modified_minutes_ago=11))

    assert report.change is not None
    assert report.change.by == "a caller that CloudTrail does not have yet"


def test_all_variables_are_named_because_which_was_changed_is_not_on_record() -> None:
    clients = Clients(9, "ALARM", (event(11, "UpdateFunctionConfiguration20150331v2"),), {"A": "1", "B": "2"})
    report = investigate(clients)

    assert report.title == "environment variables A, B of shop-app-handler"
    assert "are now A=1, B=2" in report.statement


def test_a_change_without_symptoms_is_no_fault() -> None:
    report = investigate(Clients(0, "OK", (event(5, "UpdateFunctionCode20150331v2"),)))

    assert read(report.text).verdict is Verdict.NO_FAULT


def test_one_failed_request_without_an_alarm_is_no_fault() -> None:
    assert not investigate(Clients(1)).is_fault


def test_a_fault_without_a_change_on_record_is_said_so() -> None:
    report = investigate(Clients(9, "ALARM", modified_minutes_ago=3000))

    assert report.change is None
    assert "no change of it before that is on record" in report.statement


def test_an_alarm_without_a_failing_function_names_no_cause() -> None:
    findings = read(investigate(Clients(0, "ALARM")).text)

    assert (findings.verdict, findings.causes) == (Verdict.FAULT, ())
