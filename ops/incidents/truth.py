"""The truth of an incident: what was changed, by whom, and what followed.

Derived from three sources that agree, or the record is not valid: the states in Pulumi's history, CloudTrail's events,
and the answers that the stack's own client logged.
"""

import itertools
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from handler.scenario import SURFACES
from ops import observer, records
from ops.console import one_line
from ops.errors import UsageError
from ops.health.telemetry import Answer, Telemetry
from ops.health.workload import Workload, stack_outputs
from ops.incidents import incident as incidents
from ops.incidents.incident import Incident, Traffic
from ops.records import time_text
from ops.stacks import history, status, urn
from ops.stacks.backend import Backend
from ops.stacks.history import Change, Resources, Update

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef

PRECISION = timedelta(seconds=1)
"""Of the times in CloudTrail and of an update's start."""

AFTERMATH = timedelta(minutes=10)
"""How much after an incident is looked at."""


def record(stack: str, incident: Incident, harmless: Collection[str] = ()) -> dict[str, Any]:
    """The truth record of one incident of a stack (evaluation/schemas/truth.schema.json).

    `harmless` are paths of properties that may change while it goes on, and are changed back when it ends.
    Raises UsageError when AWS cannot be asked.
    """
    now = datetime.now(timezone.utc)
    until = incident.recovered_until(min(now, incident.recovery.recorded + AFTERMATH)) if incident.recovery else now
    since = incident.healthy_since()
    workload = Workload.of(incident.flip.resources)
    observed = Observed.of(workload, since, until)
    if incident.after:  # CloudTrail's end is inclusive
        observed = replace(observed, events=[event for event in observed.events if event["at"] < time_text(until)])
    traffic = incidents.traffic(incident, observed.answers, until)
    flip, others = _flip(incident, workload, harmless)
    events_of_flip = _within(observed.events, incident.flip)
    call = events_of_flip[-1] if events_of_flip else {}
    harmful = [change for change in others if change.path not in harmless]
    begun = incident.flip.started
    change = {
        "arn": stack_outputs(incident.flip.resources)["functionArn"],
        "type": flip.type,
        "path": flip.path,
        "from": flip.before or "",
        "to": flip.after or "",
        "api": call.get("name", ""),
        "earliest": time_text(begun),
        "latest": time_text(flip.at),
        "session": call.get("session", ""),
        "run": incident.flip.run,
    }
    why = _why_invalid(incident, traffic, flip, harmful, observed.events, workload)
    valid = (traffic.healthy_before, traffic.failing_throughout, traffic.healthy_after)
    content = {
        "change": change,
        "onset": time_text(traffic.onset) if traffic.onset else None,
        "end": time_text(traffic.end) if traffic.end else None,
        "consequences": observed.raised,
    }
    return _record(stack, begun, incident.flip.resources, observed, others, incident.flip.message, why, valid, content)


def record_of_health(
    backend: Backend, stack: str, since: datetime, asked: datetime, until: datetime, harmless: Collection[str]
) -> dict[str, Any]:
    """The truth record of a time in which nothing was wrong with a stack.

    `harmless` are paths of properties that may change until `asked`, and are changed back before `until`. Raises
    UsageError when the stack is not deployed, or AWS cannot be asked.
    """
    updates: list[Update] = []
    for update in backend.updates(stack):
        updates.insert(0, update)
        if update.recorded <= since:
            break
    during = [update for update in updates if since < update.recorded <= until]
    resources = updates[-1].resources if updates else backend.deployed(stack)
    observed = Observed.of(Workload.of(resources), since, until)
    others = [
        change
        for before, update in itertools.pairwise(updates)
        for change in history.changes(before, update)
        if update in during and (update.recorded <= asked or change.path not in harmless)
    ]
    is_healthy = bool(observed.answers) and all(answer.is_ok for answer in observed.answers)
    why = [] if is_healthy else ["not every request was answered, or there were none"]
    gaps = incidents.gaps(observed.answers, since, until)
    why += [f"no request was sent from {time_text(start)} to {time_text(end)}" for start, end in gaps]
    why += ["the stack was made to fail"] if any(status.is_incident(update.resources) for update in during) else []
    why += [f"alarm {name} went to ALARM" for name in observed.raised]
    why += [
        f"{change.name} {change.path} was changed, at {time_text(change.at)}"
        for change in others
        if change.path not in harmless
    ]
    why += _by_nobody(observed.events, during)
    message = during[0].message if during else ""
    content: dict[str, Any] = {"change": None, "onset": None, "end": None, "consequences": []}
    return _record(stack, since, resources, observed, others, message, why, (is_healthy, False, is_healthy), content)


@dataclass(frozen=True)
class Observed:
    """What AWS has of a stack in a time: what its client got, CloudTrail's events, and the alarms' transitions."""

    answers: list[Answer]
    events: list[dict[str, str]]
    alarms: dict[str, list[dict[str, str]]]

    @classmethod
    def of(cls, workload: Workload, since: datetime, until: datetime) -> "Observed":
        """Raises UsageError when AWS cannot be asked."""
        telemetry, window = Telemetry(workload), (since.timestamp(), until.timestamp())
        try:
            return cls(
                telemetry.answers(*window),
                [_event(event) for event in telemetry.management_events(*window)],
                {
                    name: [
                        {"at": time_text(datetime.fromtimestamp(at, timezone.utc)), "state": state}
                        for at, state in telemetry.transitions(name, window[0])
                        if window[0] <= at <= window[1]
                    ]
                    for name in workload.alarms
                },
            )
        except (ClientError, BotoCoreError) as error:
            raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None

    @property
    def raised(self) -> list[str]:
        """The alarms that went to ALARM."""
        return [
            name for name, states in self.alarms.items() if any(transition["state"] == "ALARM" for transition in states)
        ]


def _record(
    stack: str,
    begun: datetime,
    resources: Resources,
    observed: Observed,
    others: list[Change],
    message: str,
    why: list[str],
    valid: tuple[bool, bool, bool],
    content: dict[str, Any],
) -> dict[str, Any]:
    """A truth record; `valid`: healthy before, failing throughout, healthy after; `content` is about the incident."""
    outputs = stack_outputs(resources)
    arn = str(outputs["functionArn"])
    return {
        **records.new("truth", datetime.now(timezone.utc)),
        "id": f"{stack}-{begun:%Y%m%dT%H%M%SZ}",
        "stack": stack,
        "surface": outputs["surface"],
        "region": arn.split(":")[3],
        "account": arn.split(":")[4],
        "service": observer.service_of(stack),
        **content,
        "other_changes": [
            {"arn": change.arn or arn, "type": change.type, "path": change.path, "from": change.before or "",
             "to": change.after or "", "at": time_text(change.at)}
            for change in others
        ],
        "aliases": _aliases(resources),
        "observable": {
            "message": message,
            "events": observed.events,
            "alarms": observed.alarms,
            "requests": {
                "ok": sum(answer.is_ok for answer in observed.answers),
                "failed": sum(not answer.is_ok for answer in observed.answers),
            },
        },
        "valid": {
            "valid": not why,
            "healthy_before": valid[0],
            "failing_throughout": valid[1],
            "healthy_after": valid[2],
            "why": why,
        },
    }  # fmt: skip


def sentence(truth: dict[str, Any]) -> str:
    """A truth record for people, in a few lines."""
    change, valid = truth["change"], truth["valid"]
    where = f"of {truth['service']} (stack {truth['stack']}, {truth['region']})"
    if change is None:
        requests = truth["observable"]["requests"]
        lines = [f"no incident {where}", f"  client  {requests['ok']} requests answered, {requests['failed']} failed"]
        return _with_validity(lines, valid, "every request answered, no alarm; no change")
    who = f" by session {change['session']}" if change["session"] else ""
    run = f", run {change['run']}" if change["run"] else ""
    message = one_line(truth["observable"]["message"])
    lines = [
        f"incident {truth['id']} {where}",
        f"  change  {change['arn']}",
        f"          {change['path']}: {change['from'] or 'not set'} → {change['to'] or 'not set'}",
        f"          between {change['earliest']} and {change['latest']}",
        f"          {change['api'] or 'no event in CloudTrail yet'}{who}{run}",
        *([f"  update  {message}"] if message else []),
        f"  onset   {truth['onset'] or 'not seen'}",
        f"  end     {truth['end'] or 'not seen'}",
        *(f"  alarm   {name} went to ALARM" for name in truth["consequences"]),
    ]
    return _with_validity(lines, valid, "healthy before, failing throughout, healthy after; no other change")


def _with_validity(lines: list[str], valid: dict[str, Any], why: str) -> str:
    reasons = [f"  valid   {why}"] if valid["valid"] else [f"  NOT VALID: {reason}" for reason in valid["why"]]
    return "\n".join([*lines, *reasons])


def _flip(incident: Incident, workload: Workload, harmless: Collection[str]) -> tuple[Change, list[Change]]:
    """The change of the variable that makes the service fail, and all other changes until the incident's end.

    The rollback of the variable is a part of the incident, and so is that of what is harmless.
    """
    paths = {f"environment.variables.{surface.variable}": surface for surface in SURFACES.values()}
    changes: list[tuple[Update, Change]] = []
    before = incident.before
    for update in incident.updates:
        changes += [(update, change) for change in history.changes(before, update)]
        before = update
    flip, others = None, []
    for update, change in changes:
        surface = paths.get(change.path) if change.name == workload.function else None
        if surface and update is incident.flip and change.after == surface.failing:
            flip = change
        elif update is incident.recovery and ((surface and change.after == surface.healthy) or change.path in harmless):
            continue
        else:
            others.append(change)
    if flip is None:  # it was failing when it was made
        function = next(resource for resource in incident.flip.resources if resource["id"] == workload.function)
        variables = function["inputs"]["environment"]["variables"]
        path, surface = next(item for item in paths.items() if variables.get(item[1].variable) == item[1].failing)
        at = history.modified(function) or incident.flip.recorded
        arn = str(function["outputs"]["arn"])
        flip = Change(arn, workload.function, function["type"], path, None, surface.failing, at)
    return flip, others


def _why_invalid(
    incident: Incident,
    traffic: Traffic,
    flip: Change,
    others: list[Change],
    events: list[dict[str, str]],
    workload: Workload,
) -> list[str]:
    """Why the incident is not what an investigation can be held against; nothing when it is."""
    if workload.client_log_group is None:
        return ["the stack has no traffic of its own (trafficPerMinute is 0): onset and end are not known"]
    why = []
    if flip.before is None:
        why.append("the service was failing when it was deployed: no change made it fail")
    if incident.recovery is None:
        why.append("the incident goes on")
    elif not stack_outputs(incident.recovery.resources).get("functionArn"):
        why.append("the stack was destroyed while it was failing")
    if not traffic.healthy_before:
        why.append("requests before the change were not all answered, or there were none")
    if not traffic.failing_throughout:
        why.append("not every request failed between the change and the rollback")
    why += [f"no request was sent from {time_text(start)} to {time_text(end)}" for start, end in traffic.gaps]
    if incident.recovery and not traffic.healthy_after:
        why.append("no request has been answered since the rollback")
    why += [f"{change.name} {change.path} was changed too, at {time_text(change.at)}" for change in others]
    if not _within(events, incident.flip):
        why.append("CloudTrail has no event of the change: it comes some minutes late; run this again")
    since = time_text(incident.flip.started - PRECISION)
    return why + _by_nobody([event for event in events if event["at"] >= since], incident.updates)


def _by_nobody(events: list[dict[str, str]], updates: list[Update]) -> list[str]:
    """The successful calls that are of no update."""
    by_updates = [event for update in updates for event in _within(events, update)]
    return [
        f"{event['session']} called {event['name']} at {event['at']}, which no update of the stack did"
        for event in events
        if event not in by_updates and not event["error"]
    ]


def _event(event: "EventTypeDef") -> dict[str, str]:
    """An event of CloudTrail. An event has its caller's session as the user's name where it has a session."""
    content = str(event.get("CloudTrailEvent", ""))
    return {
        "id": event["EventId"],
        "name": event["EventName"],
        "at": time_text(event["EventTime"]),
        "session": str(event.get("Username", "")),
        "error": "denied or failed" if '"errorCode"' in content else "",
    }


def _within(events: list[dict[str, str]], update: Update) -> list[dict[str, str]]:
    """The successful calls while an update ran."""
    since, until = time_text(update.started - PRECISION), time_text(update.recorded + PRECISION)
    return [event for event in events if since <= event["at"] <= until and not event["error"]]


def _aliases(resources: Resources) -> dict[str, list[str]]:
    """The names of every resource that has an ARN."""
    aliases = {}
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if urn.is_in_aws(resource["type"]) and outputs.get("arn"):
            labels = {str(outputs.get("name") or resource.get("id")), str(resource.get("id"))}
            aliases[str(outputs["arn"])] = sorted(labels - {str(outputs["arn"])})
    return aliases
