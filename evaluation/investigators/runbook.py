"""An honest rule-based investigator: what an engineer on call looks at, in order, with read access only.

Alarms and metrics say whether something is wrong; the function with errors is the suspect; its log says since when; and
CloudTrail which change came last before that. CloudTrail omits the values of environment variables, so that the report
has them as they are now. Knows no name of this project: whatever it names, it has read in AWS.

Needs boto3 alone, because the emulator's stand-in for AWS DevOps Agent investigates with it, too.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from boto3 import Session

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

MIN_ERRORS = 3
"""A single failed request, without an alarm, is no incident."""
LOOK_BACK = timedelta(days=1)
"""A change can be older than the time that is asked about."""
CLOCK_SLACK = timedelta(seconds=1)
"""CloudTrail's times are to the second."""
MAX_PAGES = 20


@dataclass(frozen=True)
class Change:
    """The last change before the onset: `properties` are what may have been changed, with their values of now."""

    call: str
    at: datetime
    by: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Report:
    """What was seen and concluded. `function` is the suspect's ARN."""

    service: str
    errors: int
    alarms: tuple[str, ...]
    function: str | None = None
    onset: datetime | None = None
    symptom: str = ""
    change: Change | None = None
    ruled_out: tuple[str, ...] = ()

    @property
    def is_fault(self) -> bool:
        """Whether something is wrong with the service."""
        return bool(self.alarms) or self.errors >= MIN_ERRORS

    @property
    def title(self) -> str:
        """The conclusion in one line."""
        if not self.is_fault:
            return f"The service {self.service} is healthy"
        if not self.function:
            return "The root cause was not determined"
        return f"{_what(self.change)} of {_name(self.function)}" if self.change else f"{_name(self.function)} fails"

    @property
    def statement(self) -> str:
        """The root cause in sentences."""
        if not self.function:
            return "Alarms were raised, and no function of the service has errors."
        name = _name(self.function)
        if not self.change:
            return f"The function {name} fails, and no change of it before that is on record."
        change = self.change
        sentence = (
            f"{change.call} by {change.by} at {_time(change.at)} changed the configuration of the function {name}."
        )
        if change.properties:
            listed = ", ".join(f"{key}={value}" for key, value in change.properties.items())
            plural = "s" if len(change.properties) > 1 else ""
            sentence += f" Its environment variable{plural} {'are' if plural else 'is'} now {listed}."
        return sentence

    @property
    def markdown(self) -> str:
        """The report for people."""
        if not self.is_fault:
            return f"The service {self.service} is healthy. No alarm was raised, and {self.errors} errors were logged."
        lines = [f"The service {self.service} is not healthy.", "", f"## Root cause: {self.title}", "", self.statement]
        lines += ["", "## Symptoms", ""]
        if self.onset:
            lines.append(f"- Errors since {_time(self.onset)}: {self.errors} in the log. {self.symptom}")
        lines += [f"- The alarm {alarm} was raised." for alarm in self.alarms]
        lines += ["", "## Ruled out", "", *(f"- {item}" for item in self.ruled_out)] if self.ruled_out else []
        return "\n".join(lines)

    @property
    def text(self) -> str:
        """The answer: prose, and JSON in the format that the question asks for."""
        return f"{self.markdown}\n\n```json\n{json.dumps(self._findings(), indent=2)}\n```\n"

    def _findings(self) -> dict[str, Any]:
        if not self.is_fault:
            return {"verdict": "no_fault", "causes": [], "ruled_out": [], "onset": None}
        change = self.change and {
            "what": _what(self.change),
            "to": ", ".join(self.change.properties.values()) or None,
            "at": _time(self.change.at),
            "by": f"{self.change.call} by {self.change.by}",
        }
        resources = [self.function] if self.function else []
        cause = {"role": "root", "statement": self.statement, "resources": resources, "change": change}
        return {
            "verdict": "fault",
            "causes": [cause] if self.function else [],
            "ruled_out": list(self.ruled_out),
            "onset": _time(self.onset) if self.onset else None,
        }


def investigate(session: Session, service: str, since: datetime) -> Report:
    """Look at the service, whose resources have names that begin with `service`. Raises botocore's errors."""
    cloudwatch = session.client("cloudwatch")
    alarms = tuple(_raised_alarms(cloudwatch, service, since))
    functions = functions_of(session, service)
    minute = since.replace(second=0, microsecond=0)  # metrics are of whole minutes
    counts = {arn: _sum(cloudwatch, "Errors", _name(arn), minute) for arn in functions}
    suspect = max(counts, key=lambda arn: counts[arn], default=None)
    if suspect is None or not counts[suspect]:
        return Report(service, 0, alarms)
    errors = list(_errors(session.client("logs"), _name(suspect), since))
    # What the metric has of the minute that `since` is in may be from before.
    metric = _sum(cloudwatch, "Errors", _name(suspect), minute + timedelta(minutes=1))
    report = Report(service, max(len(errors), metric), alarms, suspect)
    if not report.is_fault:
        return report
    onset = min((time for time, _ in errors), default=None)
    change = _last_change(session, _name(suspect), onset or datetime.now(timezone.utc))
    ruled_out = [f"{_name(arn)} has no errors of its own." for arn, count in counts.items() if not count]
    if not _sum(cloudwatch, "Throttles", _name(suspect), minute):
        ruled_out.append(f"{_name(suspect)} was not throttled.")
    symptom = next((message for time, message in errors if time == onset), "")
    return Report(service, report.errors, alarms, suspect, onset, symptom, change, tuple(ruled_out))


def _raised_alarms(cloudwatch: "CloudWatchClient", service: str, since: datetime) -> Iterator[str]:
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=service):
        for alarm in page["MetricAlarms"]:
            history = cloudwatch.describe_alarm_history(
                AlarmName=alarm["AlarmName"], HistoryItemType="StateUpdate", StartDate=since
            )["AlarmHistoryItems"]
            if alarm["StateValue"] == "ALARM" or any("to ALARM" in item["HistorySummary"] for item in history):
                yield alarm["AlarmName"]


def functions_of(session: Session, service: str) -> list[str]:
    pages = session.client("resourcegroupstaggingapi").get_paginator("get_resources")
    listed = [resource["ResourceARN"] for page in pages.paginate(ResourceTypeFilters=["lambda:function"])
              for resource in page["ResourceTagMappingList"]]  # fmt: skip
    return sorted(arn for arn in listed if _name(arn).startswith(service))


def _sum(cloudwatch: "CloudWatchClient", metric: str, function: str, minute: datetime) -> int:
    until = datetime.now(timezone.utc) + timedelta(minutes=1)
    if minute >= until:
        return 0
    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda", MetricName=metric, Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=minute, EndTime=until, Period=3600, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return int(sum(point["Sum"] for point in points))


def _errors(logs: "CloudWatchLogsClient", function: str, since: datetime) -> Iterator[tuple[datetime, str]]:
    """Yield the requests with errors, each once: a function logs what went wrong, and the runtime the exception."""
    group, requests = f"/aws/lambda/{function}", set[str]()
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000), filterPattern="ERROR"
    )
    for number, page in enumerate(pages):
        for event in page["events"]:
            try:
                record = json.loads(event["message"])
            except ValueError:
                record = {}
            request = str(record.get("requestId") or event.get("eventId") or event["timestamp"])
            if request not in requests:
                requests.add(request)
                message = str(record.get("message") or record.get("errorMessage") or event["message"])
                yield datetime.fromtimestamp(event["timestamp"] / 1000, timezone.utc), message.strip()[:200]
        if number >= MAX_PAGES:
            return


def _last_change(session: Session, function: str, onset: datetime) -> Change | None:
    """The last call that changed the function, not after the onset; it takes CloudTrail some minutes to have a call."""
    configuration = session.client("lambda").get_function_configuration(FunctionName=function)
    variables = {**(configuration.get("Environment") or {}).get("Variables", {})}
    pages = session.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": function}],
        StartTime=onset - LOOK_BACK, EndTime=onset + CLOCK_SLACK,
    )  # fmt: skip
    for page in pages:
        for event in page["Events"]:  # the newest first
            detail = json.loads(event["CloudTrailEvent"])
            if detail.get("readOnly") or detail.get("errorCode") or event["EventTime"] > onset + CLOCK_SLACK:
                continue
            sets_environment = "environment" in (detail.get("requestParameters") or {})
            by = str(event.get("Username") or detail.get("userIdentity", {}).get("arn") or "an unknown caller")
            return Change(event["EventName"], event["EventTime"], by, variables if sets_environment else {})
    modified = datetime.fromisoformat(configuration["LastModified"].replace("+0000", "+00:00"))
    if onset - LOOK_BACK < modified <= onset + CLOCK_SLACK:
        return Change("An update", modified, "a caller that CloudTrail does not have yet", variables)
    return None


def _what(change: Change) -> str:
    names = ", ".join(change.properties)
    if not names:
        return change.call
    return f"environment variable{'s' if len(change.properties) > 1 else ''} {names}"


def _name(arn: str) -> str:
    return arn.split(":")[6]


def _time(time: datetime) -> str:
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
