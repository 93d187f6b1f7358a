"""What a person is asked about an answer that the scorer left undecided, and what the replies decide.

The person sees the question, the answer and plain questions of what it says: neither what is true nor whether anything
was. Which reply is right, the truth decides here, unseen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from evaluation.scoring import Axis, Outcome, Score
from evaluation.scoring.event import TOLERANCE
from evaluation.times import parse_time
from evaluation.truth import Truth

NONE, OTHER = "none, or it does not say", "another one"
_PROPERTIES = ("the code", "the memory size", "the permissions", "the timeout", "traffic or a quota", "LOG_LEVEL")
"""Beside what is in the truth, so that the list says nothing."""


@dataclass(frozen=True)
class Inquiry:
    """One question to a person. Without options the reply is a time in ISO 8601, or empty."""

    axis: Axis
    text: str
    options: tuple[str, ...]
    decide: Callable[[str], Outcome]


def inquiries(truth: Truth, score: Score) -> list[Inquiry]:
    """Return what a person has to decide, in the order of the axes."""
    undecided = [axis for axis, decided in score.axes.items() if decided.outcome is Outcome.UNDECIDED]
    return [_inquiry(axis, truth) for axis in Axis if axis in undecided]


def _inquiry(axis: Axis, truth: Truth) -> Inquiry:
    if axis in (Axis.DETECTED, Axis.FALSE_ALARM):
        right = "yes" if axis is Axis.DETECTED else "no"
        text = "Does the answer say that something is wrong with the service?"
        return Inquiry(axis, text, ("yes", "no", NONE), _equal_to(right))
    if axis is Axis.NO_RIVAL_ROOT:
        text = "How many different root causes does the answer assert, symptoms and what merely contributed left out?"
        return Inquiry(axis, text, ("one", "more than one", NONE), _equal_to("one"))
    assert truth.change is not None
    if axis is Axis.COMPONENT:
        resources = {arn.rpartition(":")[2] for arn in (*truth.aliases, truth.change.arn)}
        options = (*sorted(resources), OTHER, NONE)
        return Inquiry(axis, "Which resource does the answer call the root cause's?", options,
                       _equal_to(truth.change.arn.rpartition(":")[2]))  # fmt: skip
    if axis is Axis.MECHANISM:
        others = [change.property_name for change in truth.other_changes]
        properties = {*_PROPERTIES, *others, truth.change.property_name}
        return Inquiry(axis, "What does the answer say is wrong with it?", (*sorted(properties), OTHER, NONE),
                       _equal_to(truth.change.property_name))  # fmt: skip
    if axis is Axis.CHANGE:
        options = ("an update of a configuration or its variables", "an update of code", OTHER, NONE)
        return Inquiry(axis, "Which change does the answer say brought it about?", options, _equal_to(options[0]))
    return Inquiry(axis, "When does the answer say that the change was made, or the symptom began?", (),
                   lambda reply: _decide_time(reply, truth))  # fmt: skip


def _equal_to(right: str) -> Callable[[str], Outcome]:
    return lambda reply: Outcome.HIT if reply == right else Outcome.MISS


def _decide_time(reply: str, truth: Truth) -> Outcome:
    """Raises ValueError when the reply is neither empty nor a time."""
    if not reply.strip():
        return Outcome.MISS
    assert truth.change is not None
    time = parse_time(reply)
    windows = [(truth.change.earliest, truth.change.latest)]
    if truth.onset is not None:
        windows.append((truth.onset, truth.onset))
    tolerance: timedelta = TOLERANCE
    is_right = any(start - time <= tolerance and time - end <= tolerance for start, end in windows)
    return Outcome.HIT if is_right else Outcome.MISS
