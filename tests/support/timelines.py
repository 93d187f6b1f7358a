"""Timeline records to render: an hour with a fault in it, and what a person could put into one."""

from datetime import datetime, timedelta, timezone
from typing import Any

START = datetime(2026, 11, 25, 13, 30, tzinfo=timezone.utc)
ALARMS = ("storefront-errors", "storefront-5xx")
HOSTILE = "</script><script>document.title='owned'</script><b>|`*_ ;:# %{x} {{7*7}} @all https://x.example"


def at(minutes: float) -> str:
    """Return a time so many minutes after START."""
    return (START + timedelta(minutes=minutes)).isoformat()


def empty(minutes: float = 60) -> dict[str, Any]:
    """Return a timeline in which nothing was recorded."""
    lists = ("deployments", "requests", "errors", "server_errors", "alarms", "incidents")
    return {
        "kind": "timeline", "version": 1, "started": at(minutes), "stack": "app", "service": "storefront",
        "region": "eu-west-1", "from": at(0), "to": at(minutes), **{name: [] for name in lists},
    }  # fmt: skip


def with_incidents(*incidents: tuple[float, float | None], minutes: float = 60, bucket: float = 1) -> dict[str, Any]:
    """Return a timeline in which six requests per bucket fail from each onset to its end, in minutes.

    The first alarm follows a bucket later, the second two; a deployment makes each onset and each end.
    """
    timeline = empty(minutes)
    alarms: list[list[dict[str, str]]] = [[{"at": at(-5), "state": "OK"}] for _ in ALARMS]
    for onset, end in incidents:
        for time, before, after in ((onset, "catalog", "legacy"), (end, "legacy", "catalog")):
            if time is not None:
                change = {"resource": "fn", "path": "environment.PRICE_SOURCE", "from": before, "to": after}
                timeline["deployments"].append({"at": at(time), "message": f"Use {after}", "changes": [change]})
                for delay, transitions in enumerate(alarms, 1):
                    state = "ALARM" if time == onset else "OK"
                    transitions.append({"at": at(time + delay * bucket), "state": state})
        timeline["incidents"].append({"onset": at(onset), "end": None if end is None else at(end)})
    for number in range(round(minutes / bucket)):
        time = number * bucket
        failed = 6 if any(onset <= time < (minutes if end is None else end) for onset, end in incidents) else 0
        timeline["requests"].append({"minute": at(time), "ok": 6 - failed, "failed": failed})
        timeline["errors"].append({"minute": at(time), "count": failed})
        timeline["server_errors"].append({"minute": at(time), "count": failed})
    timeline["alarms"] = [
        {"name": name, "transitions": transitions} for name, transitions in zip(ALARMS, alarms, strict=True)
    ]
    return timeline


def hostile() -> dict[str, Any]:
    """Return a timeline whose every text is an attack, and long."""
    timeline = with_incidents((15, 45))
    text = HOSTILE + " long" * 200
    timeline.update(service=text, stack=text, region=text)
    for deployment in timeline["deployments"]:
        change = {"resource": text, "path": text, "from": None, "to": text}
        deployment.update(message=f"{text}\n```\n| a |", changes=[change] * 20)
    for alarm in timeline["alarms"]:
        alarm["name"] = text
    return timeline
