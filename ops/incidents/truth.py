"""The truth of an incident: what was changed, by whom, and what followed.

Derived from three sources that agree, or the record is not valid: the states in Pulumi's history, CloudTrail's events,
and the answers that the stack's own client logged.
"""

import itertools
from collections.abc import Collection
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from handler.scenario import SURFACES
from ops import observer, records
from ops.errors import UsageError
from ops.health.telemetry import Telemetry
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
    workload = Workload.of(incident.flip.resources)
    telemetry = Telemetry(workload)
    until = incident.recovered_until(min(now, incident.recovery.recorded + AFTERMATH)) if incident.recovery else now
    since = incident.healthy_since()
    try:
        answers = telemetry.answers(since.timestamp(), until.timestamp())
        seen = incidents.traffic(incident, answers, until)
        events = [_event(one) for one in telemetry.management_events(since.timestamp(), until.timestamp())]
        if incident.after:  # CloudTrail's end is inclusive
            events = [one for one in events if one["at"] < time_text(until)]
        alarms = {name: telemetry.transitions(name, since.timestamp()) for name in workload.alarms}
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None
    flip, others = _flip(incident, workload, harmless)
    events_of_flip = _within(events, incident.flip)
    call = events_of_flip[-1] if events_of_flip else {}
    harmful = [one for one in others if one.path not in harmless]
    why = _why_invalid(incident, seen, flip, harmful, events, workload)
    outputs = stack_outputs(incident.flip.resources)
    begun = incident.flip.started
    arn = outputs["functionArn"]
    transitions = _transitions(alarms, since, until)
    return {
        **records.new("truth", now),
        "id": f"{stack}-{begun:%Y%m%dT%H%M%SZ}",
        "stack": stack,
        "surface": outputs["surface"],
        "region": workload.region,
        "account": arn.split(":")[4],
        "service": observer.service_of(stack),
        "change": {
            "arn": arn,
            "type": flip.type,
            "path": flip.path,
            "from": flip.before or "",
            "to": flip.after or "",
            "api": call.get("name", ""),
            "earliest": time_text(begun),
            "latest": time_text(flip.at),
            "session": call.get("session", ""),
            "run": incident.flip.run,
        },
        "other_changes": _other_changes(others, arn),
        "onset": time_text(seen.onset) if seen.onset else None,
        "end": time_text(seen.end) if seen.end else None,
        "consequences": [name for name, states in transitions.items() if any(s["state"] == "ALARM" for s in states)],
        "aliases": _aliases(incident.flip.resources),
        "observable": {
            "message": incident.flip.message,
            "events": events,
            "alarms": transitions,
            "requests": {"ok": sum(one.is_ok for one in answers), "failed": sum(not one.is_ok for one in answers)},
        },
        "valid": {
            "valid": not why,
            "healthy_before": seen.healthy_before,
            "failing_throughout": seen.failing_throughout,
            "healthy_after": seen.healthy_after,
            "why": why,
        },
    }  # fmt: skip


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
    before = updates[0] if updates and updates[0].recorded <= since else None
    during = [update for update in updates if since < update.recorded <= until]
    workload = Workload.of(updates[-1].resources if updates else backend.deployed(stack))
    telemetry = Telemetry(workload)
    try:
        answers = telemetry.answers(since.timestamp(), until.timestamp())
        events = [_event(one) for one in telemetry.management_events(since.timestamp(), until.timestamp())]
        alarms = {name: telemetry.transitions(name, since.timestamp()) for name in workload.alarms}
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None
    others = [
        change
        for earlier, update in itertools.pairwise([*([before] if before else []), *during])
        for change in history.changes(earlier, update)
        if update.recorded <= asked or change.path not in harmless
    ]
    transitions = _transitions(alarms, since, until)
    is_healthy = bool(answers) and all(one.is_ok for one in answers)
    why = [] if is_healthy else ["not every request was answered, or there were none"]
    why += [f"no request was sent from {time_text(start)} to {time_text(end)}"
            for start, end in incidents.gaps(answers, since, until)]  # fmt: skip
    why += ["the stack was made to fail"] if any(status.is_incident(update.resources) for update in during) else []
    why += [f"alarm {name} went to ALARM" for name, states in transitions.items()
            if any(one["state"] == "ALARM" for one in states)]  # fmt: skip
    why += [f"{one.name} {one.path} was changed, at {time_text(one.at)}" for one in others if one.path not in harmless]
    by_updates = [event for update in during for event in _within(events, update)]
    why += [f"{event['session']} called {event['name']} at {event['at']}, which no update of the stack did"
            for event in events if event not in by_updates and not event["error"]]  # fmt: skip
    resources = updates[-1].resources if updates else []
    outputs = stack_outputs(resources)
    arn = str(outputs["functionArn"])
    return {
        **records.new("truth", datetime.now(timezone.utc)),
        "id": f"{stack}-{since:%Y%m%dT%H%M%SZ}",
        "stack": stack,
        "surface": outputs["surface"],
        "region": workload.region,
        "account": arn.split(":")[4],
        "service": observer.service_of(stack),
        "change": None,
        "other_changes": _other_changes(others, arn),
        "onset": None,
        "end": None,
        "consequences": [],
        "aliases": _aliases(resources),
        "observable": {
            "message": during[0].message if during else "",
            "events": events,
            "alarms": transitions,
            "requests": {"ok": sum(one.is_ok for one in answers), "failed": sum(not one.is_ok for one in answers)},
        },
        "valid": {
            "valid": not why,
            "healthy_before": is_healthy,
            "failing_throughout": False,
            "healthy_after": is_healthy,
            "why": why,
        },
    }


def sentence(truth: dict[str, Any]) -> str:
    """A truth record for people, in a few lines."""
    change, valid = truth["change"], truth["valid"]
    who = f" by session {change['session']}" if change["session"] else ""
    run = f", run {change['run']}" if change["run"] else ""
    lines = [
        f"incident {truth['id']} of {truth['service']} (stack {truth['stack']}, {truth['region']})",
        f"  change  {change['arn']}",
        f"          {change['path']}: {change['from'] or 'not set'} → {change['to'] or 'not set'}",
        f"          between {change['earliest']} and {change['latest']}",
        f"          {change['api'] or 'no event in CloudTrail yet'}{who}{run}",
        f"  onset   {truth['onset'] or 'not seen'}",
        f"  end     {truth['end'] or 'not seen'}",
        *(f"  alarm   {name} went to ALARM" for name in truth["consequences"]),
    ]
    if valid["valid"]:
        return "\n".join([*lines, "  valid   healthy before, failing throughout, healthy after; no other change"])
    return "\n".join([*lines, *(f"  NOT VALID: {reason}" for reason in valid["why"])])


def _flip(incident: Incident, workload: Workload, harmless: Collection[str]) -> tuple[Change, list[Change]]:
    """The change of the variable that makes the service fail, and all other changes until the incident's end.

    The rollback of the variable is a part of the incident, and so is that of what is harmless.
    """
    paths = {f"environment.variables.{surface.variable}": surface for surface in SURFACES.values()}
    found: list[tuple[Update, Change]] = []
    before = incident.before
    for update in incident.updates:
        found += [(update, change) for change in history.changes(before, update)]
        before = update
    flip, others = None, []
    for update, change in found:
        surface = paths.get(change.path) if change.name == workload.function else None
        if surface and update is incident.flip and change.after == surface.failing:
            flip = change
        elif update is incident.recovery and ((surface and change.after == surface.healthy) or change.path in harmless):
            continue
        else:
            others.append(change)
    if flip is None:  # it was failing when it was made
        function = next(one for one in incident.flip.resources if one["id"] == workload.function)
        variables = function["inputs"]["environment"]["variables"]
        path, surface = next(item for item in paths.items() if variables.get(item[1].variable) == item[1].failing)
        at = history.modified(function) or incident.flip.recorded
        arn = str(function["outputs"]["arn"])
        flip = Change(arn, workload.function, function["type"], path, None, surface.failing, at)
    return flip, others


def _why_invalid(
    incident: Incident,
    seen: Traffic,
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
    if not seen.healthy_before:
        why.append("requests before the change were not all answered, or there were none")
    if not seen.failing_throughout:
        why.append("not every request failed between the change and the rollback")
    why += [f"no request was sent from {time_text(start)} to {time_text(end)}" for start, end in seen.gaps]
    if incident.recovery and not seen.healthy_after:
        why.append("no request has been answered since the rollback")
    why += [f"{one.name} {one.path} was changed too, at {time_text(one.at)}" for one in others]
    if not _within(events, incident.flip):
        why.append("CloudTrail has no event of the change: it comes some minutes late; run this again")
    by_updates = [event for update in incident.updates for event in _within(events, update)]
    why += [
        f"{event['session']} called {event['name']} at {event['at']}, which no update of the stack did"
        for event in events
        if event not in by_updates
        and event["at"] >= time_text(incident.flip.started - PRECISION)
        and not event["error"]
    ]
    return why


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


def _transitions(
    alarms: dict[str, list[tuple[float, str]]], since: datetime, until: datetime
) -> dict[str, list[dict[str, str]]]:
    return {
        name: [{"at": time_text(datetime.fromtimestamp(at, timezone.utc)), "state": state} for at, state in states
               if since.timestamp() <= at <= until.timestamp()]
        for name, states in alarms.items()
    }  # fmt: skip


def _other_changes(changes: list[Change], arn: str) -> list[dict[str, str]]:
    return [
        {"arn": one.arn or arn, "type": one.type, "path": one.path, "from": one.before or "", "to": one.after or "",
         "at": time_text(one.at)}
        for one in changes
    ]  # fmt: skip


def _aliases(resources: Resources) -> dict[str, list[str]]:
    """The names of every resource that has an ARN."""
    aliases = {}
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if urn.is_in_aws(resource["type"]) and outputs.get("arn"):
            labels = {str(outputs.get("name") or resource.get("id")), str(resource.get("id"))}
            aliases[str(outputs["arn"])] = sorted(labels - {str(outputs["arn"])})
    return aliases
