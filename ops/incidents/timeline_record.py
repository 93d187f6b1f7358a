"""A timeline record, validated, and what every rendering of it says in words."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator, FormatChecker

from ops.errors import UsageError

SCHEMA = Path(__file__).parents[1] / "schemas" / "timeline.schema.json"

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

MINUTE = timedelta(minutes=1)
SHORT = timedelta(minutes=10)
"""Below it, seconds matter."""
NO_MESSAGE = "an update without a message"
"""What Pulumi's history has of an `up` without --message: nothing."""


@dataclass(frozen=True)
class Span:
    """A part of the time axis."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlap(self, other: "Span") -> timedelta:
        return max(min(self.end, other.end) - max(self.start, other.start), timedelta())


@dataclass(frozen=True)
class Change:
    resource: str
    path: str
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        before, after = ("not set" if value is None else value or '""' for value in (self.before, self.after))
        return f"{self.resource} {self.path}: {before} → {after}"


@dataclass(frozen=True)
class Deployment:
    at: datetime
    message: str
    changes: list[Change]


@dataclass(frozen=True)
class Requests:
    """The answers that the stack's own caller got in the minute that began at `at`."""

    at: datetime
    ok: int
    failed: int


@dataclass(frozen=True)
class Count:
    """How often something happened in the minute that began at `at`."""

    at: datetime
    count: int


@dataclass(frozen=True)
class Alarm:
    """An alarm's name and the states that it was in, in order of time."""

    name: str
    states: list[tuple[Span, State]]


@dataclass(frozen=True)
class Incident:
    """An incident within the time axis; `is_over` is false when it goes on at the end of it."""

    span: Span
    is_over: bool


@dataclass(frozen=True)
class Event:
    """Something that happened: a headline in words and its details, one per line."""

    at: datetime
    text: str
    details: list[str]
    deployment: int | None = None
    """The deployment's number, where it is one."""


@dataclass(frozen=True)
class Timeline:
    """A stack within a span of time."""

    stack: str
    service: str
    region: str
    span: Span
    deployments: list[Deployment]
    requests: list[Requests]
    errors: list[Count]
    server_errors: list[Count]
    alarms: list[Alarm]
    incidents: list[Incident]

    @property
    def is_empty(self) -> bool:
        """Is there nothing to draw?"""
        states = any(alarm.states for alarm in self.alarms)
        return not (self.deployments or self.requests or self.errors or self.server_errors or self.incidents or states)

    @property
    def bucket(self) -> timedelta:
        """How long each count lasts: a minute, or less where the emulator's clock runs faster."""
        series = ([count.at for count in counts] for counts in (self.requests, self.errors, self.server_errors))
        gaps = [later - earlier for times in series for earlier, later in itertools.pairwise(times) if later > earlier]
        return min([MINUTE, *gaps])

    @property
    def needs_seconds(self) -> bool:
        """Would times to the minute hide what happened?"""
        return self.span.length < SHORT or any(incident.span.length < SHORT for incident in self.incidents)

    @property
    def has_dates(self) -> bool:
        """Do times need a date, because there are several?"""
        return self.span.start.date() != self.span.end.date()

    def clock(self, time: datetime) -> str:
        """Return a time of this timeline as people read it, in UTC, with the date where there are several."""
        return self._written(self._rounded(time), "%H:%M:%S" if self.needs_seconds else "%H:%M")

    def exact_clock(self, time: datetime) -> str:
        """Return a time to the second, otherwise as `clock`."""
        return self._written(time, "%H:%M:%S")

    def duration(self, span: Span) -> str:
        """Return how long something took in words, which agree with its times in words."""
        return duration(self._rounded(span.end) - self._rounded(span.start))

    @property
    def subject(self) -> str:
        """Name the stack and the date."""
        first, last = (f"{time.day} {time:%B %Y}" for time in (self.span.start, self.span.end))
        dates = first if first == last else f"{first} to {last}"
        return f"{self.service} (stack {self.stack}, {self.region}), {dates}, times in UTC"

    @property
    def headline(self) -> str:
        """Say in two sentences what happened."""
        whole = f"from {self.clock(self.span.start)} to {self.clock(self.span.end)} UTC"
        if self.is_empty:
            return f"Nothing was recorded {whole}."
        if not self.incidents:
            return f"No incident {whole}. {self._answers()}"
        return f"{self._failures(whole)} {self._alarms()}".strip()

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order of time."""
        deployments = [
            Event(
                deployment.at, deployment.message or NO_MESSAGE, [change.text for change in deployment.changes], number
            )
            for number, deployment in enumerate(self.deployments, 1)
        ]
        onsets = [Event(incident.span.start, "Onset: requests begin to fail", []) for incident in self.incidents]
        ends = [
            Event(incident.span.end, f"End: requests are answered again, after {duration(incident.span.length)}", [])
            for incident in self.incidents
            if incident.is_over
        ]
        transitions = [
            Event(
                part.start, f"Alarm {shortened(alarm.name, 60)}: {state}{self._time_to_detect(part.start, state)}", []
            )
            for alarm in self.alarms
            for part, state in alarm.states
            if part.start > self.span.start
        ]
        return sorted([*deployments, *onsets, *transitions, *ends], key=lambda event: event.at)

    def _rounded(self, time: datetime) -> datetime:
        unit = 1 if self.needs_seconds else 60
        seconds = time.timestamp()
        return datetime.fromtimestamp((seconds + unit / 2) // unit * unit, timezone.utc)

    def _written(self, time: datetime, form: str) -> str:
        return f"{time.day} {time:%b} {time:{form}}" if self.has_dates else f"{time:{form}}"

    def _answers(self) -> str:
        failed = sum(requests.failed for requests in self.requests)
        total = failed + sum(requests.ok for requests in self.requests)
        if total == 0:
            return "No requests were recorded."
        return f"{failed:,} of {total:,} requests failed." if failed else f"All {total:,} requests were answered."

    def _failures(self, whole: str) -> str:
        """Say when requests failed."""
        if len(self.incidents) > 1:
            total = sum((incident.span.length for incident in self.incidents), timedelta())
            last = "" if self.incidents[-1].is_over else " The last incident goes on."
            return f"{len(self.incidents)} incidents {whole}: requests failed for {duration(total)} in all.{last}"
        (incident,) = self.incidents
        onset, end = self.clock(incident.span.start), self.clock(incident.span.end)
        length = self.duration(incident.span)
        if incident.is_over:
            return f"Requests failed from {onset} to {end} UTC, {length}."
        return f"Requests have failed since {onset} UTC, {length} so far."

    def _alarms(self) -> str:
        """Say for how much of the incidents the alarms were in ALARM."""
        total = sum((incident.span.length for incident in self.incidents), timedelta())
        if not self.alarms or not total:
            return ""
        times = [self._time_in_alarm(alarm) for alarm in self.alarms]
        if not any(times):
            return "No alarm was in ALARM meanwhile."
        shares = sorted(round(100 * time / total) for time in times)
        share = f"{shares[0]} %" if shares[0] == shares[-1] else f"{shares[0]} to {shares[-1]} %"
        count = len(self.alarms)
        alarms = {1: "The alarm was", 2: "Both alarms were"}.get(count, f"All {count} alarms were")
        return f"{alarms} in ALARM for {share} of {'it' if len(self.incidents) == 1 else 'that time'}."

    def _time_in_alarm(self, alarm: Alarm) -> timedelta:
        overlaps = (
            span.overlap(incident.span)
            for span, state in alarm.states
            for incident in self.incidents
            if state == "ALARM"
        )
        return sum(overlaps, timedelta())

    def _time_to_detect(self, time: datetime, state: State) -> str:
        onsets = [incident.span.start for incident in self.incidents if incident.span.start <= time < incident.span.end]
        return f", {duration(time - onsets[-1])} after onset" if state == "ALARM" and onsets else ""


def parse(record: Mapping[str, Any]) -> Timeline:
    """Return a record's timeline, everything in UTC and in order of time.

    Raises UsageError when the record is not a timeline as the schema describes it, or its times contradict each other.
    """
    error = next(iter(sorted(_validator().iter_errors(record), key=lambda error: error.json_path)), None)
    if error is not None:
        raise _invalid(f"{error.json_path}: {' '.join(error.message.split())[:200]}")
    span = Span(_time(record["from"]), _time(record["to"]))
    if span.length <= timedelta():
        raise _invalid(f"$.to: {record['to']} must be later than $.from, {record['from']}")
    return Timeline(
        record["stack"],
        record["service"],
        record["region"],
        span,
        sorted((_deployment(deployment) for deployment in record["deployments"]), key=lambda item: item.at),
        sorted((Requests(_time(c["minute"]), c["ok"], c["failed"]) for c in record["requests"]), key=lambda c: c.at),
        _counts(record["errors"]),
        _counts(record["server_errors"]),
        [Alarm(alarm["name"], _states(alarm["transitions"], span)) for alarm in record["alarms"]],
        sorted((_incident(incident, span) for incident in record["incidents"]), key=lambda item: item.span.start),
    )


def duration(length: timedelta) -> str:
    """Return a length of time in words, as precise as it is worth."""
    seconds = round(length.total_seconds())
    if seconds < 1:
        return "less than a second"
    if length >= SHORT:
        seconds = round(seconds / 60) * 60
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)


def shortened(text: str, limit: int) -> str:
    """Return a text as one line of so many characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _deployment(item: Mapping[str, Any]) -> Deployment:
    changes = [Change(change["resource"], change["path"], change["from"], change["to"]) for change in item["changes"]]
    return Deployment(_time(item["at"]), item["message"], changes)


def _counts(items: list[Mapping[str, Any]]) -> list[Count]:
    return sorted((Count(_time(item["minute"]), item["count"]) for item in items), key=lambda count: count.at)


def _states(transitions: list[Mapping[str, Any]], span: Span) -> list[tuple[Span, State]]:
    """Return the states within the span: each lasts until the next transition, the last to the span's end."""
    changes = sorted(((_time(item["at"]), item["state"]) for item in transitions), key=lambda change: change[0])
    ends = [*(at for at, _ in changes[1:]), span.end]
    states = [
        (Span(max(at, span.start), min(end, span.end)), state) for (at, state), end in zip(changes, ends, strict=False)
    ]
    return [(part, state) for part, state in states if part.length > timedelta()]


def _incident(item: Mapping[str, Any], span: Span) -> Incident:
    onset, end = _time(item["onset"]), span.end if item["end"] is None else _time(item["end"])
    if end < onset:
        raise _invalid(f"$.incidents: the end {end.isoformat()} is before the onset {onset.isoformat()}")
    return Incident(Span(onset, end), item["end"] is not None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def _invalid(reason: str) -> UsageError:
    return UsageError(f"the timeline is not valid: {reason}; correct it as ops/schemas/{SCHEMA.name} says")


_formats = FormatChecker(formats=[])


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    if isinstance(value, str):
        _time(value)
    return True


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=_formats)
