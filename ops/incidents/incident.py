"""The incidents of a stack, found in Pulumi's history and in what its client got.

Nothing is typed in: an incident begins with the update after which the function was failing, and ends with the one
after which it was not.
"""

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ops.errors import UsageError
from ops.health.telemetry import Answer
from ops.stacks import status
from ops.stacks.backend import Backend
from ops.stacks.history import Update

HISTORY = timedelta(minutes=10)
"""How much before an incident must be healthy, where no update comes in between."""

GAP = 3
"""A gap in the traffic is longer than so many of its usual intervals."""


@dataclass(frozen=True)
class Incident:
    """The updates of an incident: the last healthy state before, the one that began it, others while it went on, the
    one that ended it, and the next one. `before`, `recovery` and `after` are None where there is none."""

    before: Update | None
    flip: Update
    during: tuple[Update, ...]
    recovery: Update | None
    after: Update | None = None

    @property
    def updates(self) -> list[Update]:
        """From the first that belongs to it to the last, each after the one before."""
        return [self.flip, *self.during, *([self.recovery] if self.recovery else [])]

    @property
    def changing_until(self) -> datetime:
        """When the change was complete."""
        return self.flip.recorded

    def healthy_since(self) -> datetime:
        """From when on requests before the incident are looked at."""
        earliest = self.flip.started - HISTORY
        return max(earliest, self.before.recorded) if self.before else earliest

    def failing_until(self, now: datetime) -> datetime:
        """Until when requests must fail."""
        return self.recovery.started if self.recovery else now

    def recovered_until(self, now: datetime) -> datetime:
        """Until when requests after the incident are looked at: the next update may begin another."""
        return min(now, self.after.started) if self.after else now


@dataclass(frozen=True)
class Traffic:
    """What the answers that a stack's client got show of an incident."""

    answers: tuple[Answer, ...]
    onset: datetime | None
    end: datetime | None
    healthy_before: bool
    failing_throughout: bool
    healthy_after: bool
    gaps: tuple[tuple[datetime, datetime], ...]


def find(backend: Backend, stack: str, since: datetime | None = None) -> Iterator[Incident]:
    """A stack's incidents, the newest first. Reads no more of the history than the caller asks for.

    With `since`, those that ended before it are left out, and what is older is not read.
    Raises UsageError when there is no such stack, or its state is not what the last update in its history left.
    """
    resources = backend.resources(stack)
    if resources is None:
        raise backend.no_such_stack(stack)
    updates = backend.updates(stack)
    newest = next(updates, None)
    if status.is_incident(resources) != bool(newest and status.is_incident(newest.resources)):
        state = "failing" if status.is_incident(resources) else "not failing"
        raise UsageError(
            f"--stack {stack}: its state is {state}, and no update in its history made it so: one is running, or was "
            "killed before it was recorded; wait for it, or end the incident and begin another"
        )
    failing: list[Update] = []
    recovery: Update | None = None
    after: Update | None = None
    for update in itertools.chain([newest] if newest else [], updates):
        if status.is_incident(update.resources):
            failing.append(update)
            continue
        if failing:
            yield Incident(update, failing[-1], tuple(reversed(failing[:-1])), recovery, after)
        if since and update.recorded < since:
            return
        after = failing[-1] if failing else recovery
        recovery, failing = update, []
    if failing:
        yield Incident(None, failing[-1], tuple(reversed(failing[:-1])), recovery, after)


def traffic(incident: Incident, answers: list[Answer], now: datetime) -> Traffic:
    """What the answers show; `now` is until when they were read."""
    flipped, rolled_back = incident.flip.started, incident.failing_until(now)
    ended = incident.recovery.recorded if incident.recovery else now
    during = [answer for answer in answers if flipped <= _time(answer) < ended]
    failed = [answer for answer in during if not answer.is_ok]
    before = [answer for answer in answers if incident.healthy_since() <= _time(answer)]
    before = [answer for answer in before if _time(answer) < (_time(failed[0]) if failed else flipped)]
    # An update's start is known to the second: what failed after it was before the rollback all the same.
    complete = [answer for answer in during if incident.changing_until <= _time(answer)]
    complete = [answer for answer in complete if _time(answer) < rolled_back or not answer.is_ok]
    until = incident.recovered_until(now)
    since = [answer for answer in answers if rolled_back <= _time(answer) < until] if incident.recovery else []
    bad = [number for number, answer in enumerate(since) if not answer.is_ok]
    recovered = since[bad[-1] + 1 :] if bad else since
    missing = gaps(answers, flipped, rolled_back)
    return Traffic(
        answers=tuple(answers),
        onset=_time(failed[0]) if failed else None,
        end=_time(recovered[0]) if recovered and failed else None,
        healthy_before=bool(before) and all(answer.is_ok for answer in before),
        failing_throughout=bool(failed) and not any(answer.is_ok for answer in complete) and not missing,
        healthy_after=bool(recovered),
        gaps=tuple(missing),
    )


def interval(answers: list[Answer]) -> timedelta | None:
    """How often the client runs: the median between the first requests of its runs; None for fewer than two runs."""
    lengths = [later - earlier for earlier, later in itertools.pairwise(starts(answers))]
    return timedelta(seconds=statistics.median(lengths)) if lengths else None


def starts(answers: list[Answer]) -> list[float]:
    """When each run of the client began, in order, in epoch seconds."""
    first: dict[str, float] = {}
    for answer in answers:
        first.setdefault(answer.run, answer.sent)
    return sorted(first.values())


def gaps(answers: list[Answer], since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """When the client sent nothing for longer than GAP of its usual intervals."""
    usual = interval(answers)
    if usual is None:
        return []
    times = [since, *(_time(answer) for answer in answers if since <= _time(answer) < until), until]
    return [(earlier, later) for earlier, later in itertools.pairwise(times) if later - earlier > GAP * usual]


def _time(answer: Answer) -> datetime:
    return datetime.fromtimestamp(answer.sent, timezone.utc)
