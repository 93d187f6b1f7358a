"""The score of one answer, and the record of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from evaluation.times import format_time

VERSION = 1


class Outcome(str, Enum):
    """A hit is good on every axis: `false_alarm` is hit when none was raised."""

    HIT = "hit"
    MISS = "miss"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not_applicable"


class Axis(str, Enum):
    """What an answer is scored on."""

    DETECTED = "detected"
    COMPONENT = "component"
    MECHANISM = "mechanism"
    CHANGE = "change"
    TIME = "time"
    NO_RIVAL_ROOT = "no_rival_root"
    FALSE_ALARM = "false_alarm"


FAULT_AXES: tuple[Axis, ...] = tuple(axis for axis in Axis if axis is not Axis.FALSE_ALARM)
NEEDED = (Axis.DETECTED, Axis.COMPONENT, Axis.MECHANISM, Axis.NO_RIVAL_ROOT, Axis.FALSE_ALARM)
"""Axes that a PASS needs, where they apply."""


@dataclass(frozen=True)
class AxisScore:
    """The outcome on one axis, the sentence of the answer that decided it, and why. `decided_by`: scorer or person."""

    outcome: Outcome
    sentence: str | None
    reason: str
    decided_by: str = "scorer"


@dataclass(frozen=True)
class Score:
    """The outcomes on all axes."""

    axes: Mapping[Axis, AxisScore]

    @property
    def verdict(self) -> str:
        """PASS, FAIL or UNDECIDED."""
        outcomes = {self.axes[axis].outcome for axis in NEEDED}
        if Outcome.MISS in outcomes:
            return "FAIL"
        return "UNDECIDED" if Outcome.UNDECIDED in outcomes else "PASS"

    def record(self, started: datetime) -> dict[str, Any]:
        """Return the score record of a run that started then."""
        return {
            "kind": "score",
            "version": VERSION,
            "started": format_time(started),
            "verdict": self.verdict,
            "axes": {
                axis.value: {
                    "outcome": self.axes[axis].outcome.value,
                    "sentence": self.axes[axis].sentence,
                    "reason": self.axes[axis].reason,
                    "decided_by": self.axes[axis].decided_by,
                }
                for axis in Axis
            },
        }


@dataclass(frozen=True)
class Opinion:
    """What one part of an answer, its causes or its prose, says on an axis.

    `is_explicit`: it says so itself ("X was ruled out"), and does not merely leave it out.
    """

    outcome: Outcome
    sentence: str | None
    reason: str
    is_explicit: bool = False


def combine(structured: Opinion | None, prose: Opinion) -> AxisScore:
    """Structured causes count before prose. What they leave out, prose may say; where the two disagree, undecided."""
    if structured is None:
        return AxisScore(prose.outcome, prose.sentence, prose.reason)
    decided = {structured.outcome, prose.outcome}
    if structured.outcome is not Outcome.HIT and not structured.is_explicit and prose.outcome is Outcome.HIT:
        if prose.is_explicit:
            return AxisScore(prose.outcome, prose.sentence, prose.reason)
    elif decided == {Outcome.HIT, Outcome.MISS} and prose.is_explicit:
        sentence = prose.sentence if prose.sentence is not None else structured.sentence
        return AxisScore(
            Outcome.UNDECIDED, sentence, f"the causes and the prose disagree: {structured.reason}; {prose.reason}"
        )
    if structured.outcome is Outcome.HIT and prose.outcome is Outcome.UNDECIDED and prose.is_explicit:
        return AxisScore(Outcome.UNDECIDED, prose.sentence, f"the prose disagrees with the causes: {prose.reason}")
    return AxisScore(structured.outcome, structured.sentence, structured.reason)
