"""What happened to a stack around its last incident, as a timeline record (ops/schemas/timeline.schema.json)."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra import names
from ops import records
from ops.errors import UsageError
from ops.health.telemetry import Answer, Telemetry
from ops.health.workload import Workload
from ops.incidents import incident as incidents
from ops.incidents.incident import Incident
from ops.records import time_text
from ops.stacks import history
from ops.stacks.backend import Backend
from ops.stacks.history import Update

MARGIN = timedelta(minutes=15)
"""How much before and after an incident is shown."""

WITHOUT_INCIDENT = timedelta(hours=1)
"""How much is shown of a stack that had no incident."""

MARGIN_INTERVALS = 15
"""The margin is no longer than so many of the client's intervals."""


def record(backend: Backend, stack: str, after: datetime | None = None) -> dict[str, Any]:
    """The timeline of a stack's last incident, or of its last hour where it had none; with `after`, from then to now.

    Raises UsageError when the stack is not there or not deployed, or AWS cannot be asked.
    """
    now = datetime.now(timezone.utc)
    incident = None if after else next(incidents.find(backend, stack), None)
    workload = Workload.of(incident.flip.resources if incident else backend.deployed(stack))
    telemetry = Telemetry(workload)
    since = after or (incident.flip.started - MARGIN if incident else now - WITHOUT_INCIDENT)
    until = min(now, incident.recovery.recorded + MARGIN) if incident and incident.recovery else now
    try:
        answers = telemetry.answers(since.timestamp(), until.timestamp())
        since, until = _margins(incident, answers, since, until)
        window = since.timestamp(), until.timestamp()
        answers = [answer for answer in answers if window[0] <= answer.sent < window[1]]
        starts = incidents.starts(answers)  # all is counted per run, which is per minute on AWS
        return {
            **records.new("timeline", now),
            "stack": stack,
            "service": names.SERVICE,
            "region": workload.region,
            "from": time_text(since),
            "to": time_text(until),
            "deployments": _deployments(backend, stack, since, until),
            "requests": _requests(answers, starts),
            "errors": _counts(telemetry.error_times(*window), starts),
            "server_errors": _counts(telemetry.server_error_times(*window), starts),
            "alarms": [
                {"name": name, "transitions": [
                    {"at": _at(at), "state": state} for at, state in telemetry.transitions(name, 0) if at <= window[1]
                ]}
                for name in workload.alarms
            ],
            "incidents": _incidents(backend, stack, answers, since, until),
        }  # fmt: skip
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None


def _margins(
    incident: Incident | None, answers: list[Answer], since: datetime, until: datetime
) -> tuple[datetime, datetime]:
    """Around a short incident shorter margins, so that it can be seen."""
    usual = incidents.interval(answers)
    if usual is None or incident is None:
        return since, until
    margin = MARGIN_INTERVALS * usual
    end = min(until, incident.recovery.recorded + margin) if incident.recovery else until
    return max(since, incident.flip.started - margin), end


def _deployments(backend: Backend, stack: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The updates within the time that changed something."""
    deployments: list[dict[str, Any]] = []
    later: Update | None = None
    for update in backend.updates(stack):
        if later and later.started >= since and later.started <= until:
            deployments += _deployment(update, later)
        later = update
        if update.started < since:
            break
    else:
        if later and since <= later.started <= until:
            deployments += _deployment(None, later)
    return deployments


def _deployment(before: Update | None, update: Update) -> list[dict[str, Any]]:
    changes = history.changes(before, update)
    if before and not changes and bool(before.resources) == bool(update.resources):
        return []
    changed = [
        {"resource": change.name, "path": change.path, "from": change.before, "to": change.after}
        for change in changes
    ]  # fmt: skip
    return [{"at": time_text(update.started), "message": update.message, "changes": changed}]


def _requests(answers: list[Answer], starts: list[float]) -> list[dict[str, Any]]:
    ok = Counter(_start(answer.sent, starts) for answer in answers if answer.is_ok)
    failed = Counter(_start(answer.sent, starts) for answer in answers if not answer.is_ok)
    return [{"minute": _at(start), "ok": ok[start], "failed": failed[start]} for start in starts]


def _counts(times: list[float], starts: list[float]) -> list[dict[str, Any]]:
    counts = Counter(_start(time, starts) for time in times)
    return [{"minute": _at(start), "count": counts[start]} for start in sorted({*starts, *counts})]


def _start(time: float, starts: list[float]) -> float:
    """The run that a time belongs to; the minute where there was none yet."""
    earlier = [start for start in starts if start <= time]
    return earlier[-1] if earlier else time - time % 60


def _incidents(
    backend: Backend, stack: str, answers: list[Answer], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Every incident within the time; one that has another before or after it is shown with both."""
    spans = []
    for incident in incidents.find(backend, stack):
        if incident.recovery and incident.recovery.recorded < since:
            break
        if incident.flip.started >= until:
            continue
        traffic = incidents.traffic(incident, answers, until)
        onset = max(traffic.onset or incident.flip.started, since)
        end = traffic.end or (incident.recovery.recorded if incident.recovery else None)
        spans.append({"onset": time_text(onset), "end": time_text(min(end, until)) if end else None})
    return spans


def _at(time: float) -> str:
    return time_text(datetime.fromtimestamp(time, timezone.utc))
