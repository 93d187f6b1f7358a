"""A timeline as Markdown for a workflow run's page, with a picture that GitHub draws."""

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ops.incidents import timeline_record
from ops.incidents.timeline_record import Alarm, Event, Requests, Span, State, Timeline, shortened
from ops.quoting import plain_text

# GitHub's limits are 1 MiB for a step and 50,000 characters for Mermaid; a page is for reading, so it ends far earlier.
MOST_EVENTS = 40
MOST_DETAILS = 3
MOST_ALARMS = 8
MOST_BARS = 30
"""Per section of the picture."""
LONGEST_TEXT = 120


GANTT = """\
---
displayMode: compact
config:
  gantt:
    leftPadding: 170
---
gantt
    todayMarker off""".splitlines()
"""`compact`: a section's bars share a line. The padding has room for a section's name."""

TICKS = {
    "second": [1, 2, 5, 10, 15, 30],
    "minute": [1, 2, 5, 10, 15, 30],
    "hour": [1, 2, 3, 6, 12],
}
MOST_TICKS = 10
"""Mermaid's own choice is twice as many, whose labels overlap when they have seconds."""

LONGEST_SECTION = 28
STATE_BARS: dict[State, tuple[str, str]] = {
    "ALARM": ("ALARM", "crit"),
    "OK": ("OK", "done"),
    "INSUFFICIENT_DATA": ("-", "active"),  # a text that is longer than its bar covers the next one
}


def render(record: Mapping[str, Any]) -> str:
    """Return the Markdown of a timeline record: the headline, the picture, and the events in a table.

    Raises UsageError when the record is not a timeline.
    """
    timeline = timeline_record.parse(record)
    headline = f"**{plain_text(timeline.headline)}**"
    subject = plain_text(shortened(timeline.subject, LONGEST_TEXT))
    picture = [] if timeline.is_empty else ["```mermaid", *_gantt(timeline), "```", ""]
    return "\n".join([headline, "", subject, "", *picture, *_table(timeline)]).rstrip() + "\n"


def _gantt(timeline: Timeline) -> Iterator[str]:
    """Draw incidents, deployments, requests and alarms as bars on one time axis."""
    yield from GANTT
    # Without an offset: Mermaid would convert the times to the reader's time zone.
    yield "    dateFormat YYYY-MM-DDTHH:mm:ss.SSS"
    yield f"    axisFormat {'%H:%M:%S' if timeline.needs_seconds else '%H:%M'}"
    yield from _tick_interval(timeline.span)
    if timeline.incidents:
        yield "    section Incidents"
        for incident in timeline.incidents[-MOST_BARS:]:
            yield _bar(timeline.duration(incident.span), "crit", incident.span)
    if timeline.deployments:
        yield "    section Deployments"
        numbered = list(enumerate(timeline.deployments, 1))
        for number, deployment in numbered[-MOST_BARS:]:
            yield f"    {number} :milestone, {_time(deployment.at)}, 0ms"
    if timeline.requests:
        yield "    section Requests"
        for span, fails in _phases(timeline)[-MOST_BARS:]:
            yield _bar("failed", "crit", span) if fails else _bar("answered", "done", span)
    for alarm in timeline.alarms[:MOST_ALARMS]:
        yield from _states(alarm)


def _tick_interval(span: Span) -> list[str]:
    intervals = [
        (timedelta(**{f"{unit}s": count}), f"{count}{unit}") for unit, counts in TICKS.items() for count in counts
    ]
    texts = [text for interval, text in intervals if span.length / interval <= MOST_TICKS]
    return [f"    tickInterval {text}" for text in texts[:1]]


def _states(alarm: Alarm) -> Iterator[str]:
    """Draw what an alarm was in; its name is from outside, and Mermaid has no way to escape a text."""
    name = re.sub(r"[^\w ./-]", " ", alarm.name)
    yield f"    section {shortened(name, LONGEST_SECTION) or 'unnamed'}"
    for span, state in alarm.states[-MOST_BARS:]:
        yield _bar(*STATE_BARS[state], span)


def _bar(text: str, style: str, span: Span) -> str:
    return f"    {text} :{style}, {_time(span.start)}, {_time(span.end)}"


def _phases(timeline: Timeline) -> list[tuple[Span, bool]]:
    """Return when requests were answered and when some failed, minutes that are alike in one."""

    def fails(minute: Requests) -> bool:
        return minute.failed > 0

    minutes = [minute for minute in timeline.requests if minute.ok or minute.failed]
    groups = [(list(group), failed) for failed, group in itertools.groupby(minutes, key=fails)]
    first, last = timeline.span.start, timeline.span.end
    return [
        (Span(max(group[0].at, first), min(group[-1].at + timeline.bucket, last)), failed) for group, failed in groups
    ]


def _table(timeline: Timeline) -> Iterator[str]:
    """List the events in order of time, the last ones where there are many."""
    events = timeline.events
    if not events:
        return
    yield "| UTC | event |"
    yield "|---|---|"
    for event in events[-MOST_EVENTS:]:
        yield f"| {timeline.exact_clock(event.at)} | {_event(event)} |"
    if len(events) > MOST_EVENTS:
        yield ""
        yield f"The first {len(events) - MOST_EVENTS} events are left out."


def _event(event: Event) -> str:
    number = f"Deployment {event.deployment}: " if event.deployment else ""
    texts = [f"{number}{event.text}", *event.details[:MOST_DETAILS]]
    left_out = len(event.details) - MOST_DETAILS
    more = [f"and {left_out} more"] if left_out > 0 else []
    return "<br>".join([*(plain_text(shortened(text, LONGEST_TEXT)) for text in texts), *more])


def _time(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds")
