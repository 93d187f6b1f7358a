"""Compare findings with the truth: rules only, no model, no network."""

from datetime import datetime, timezone

from evaluation import question as questions
from evaluation.findings import Findings
from evaluation.scoring import blame, detection, event
from evaluation.scoring.result import (
    FAULT_AXES,
    Axis,
    AxisScore,
    Opinion,
    Outcome,
    Score,
    combine,
)
from evaluation.scoring.statements import Statement, from_causes, from_prose
from evaluation.scoring.vocabulary import Vocabulary, vocabulary
from evaluation.truth import Truth

__all__ = ["Axis", "AxisScore", "Outcome", "Score", "score"]

_ANY_TIME = datetime(2000, 1, 1, tzinfo=timezone.utc)
"""Times are not compared when an answer repeats the question."""


def score(truth: Truth, findings: Findings) -> Score:
    """Score one answer on every axis."""
    words = vocabulary(truth)
    asked = questions.question(truth.service, truth.region, _ANY_TIME)
    prose = from_prose(findings.text, lambda sentence: questions.is_echo(sentence, asked))
    health = detection.prose_verdict(prose, words)
    if truth.change is None:
        axes: dict[Axis, AxisScore] = {axis: _not_applicable("nothing was wrong") for axis in FAULT_AXES}
        axes[Axis.FALSE_ALARM] = _final(detection.false_alarm(findings, health))
        return Score(axes)

    structured = from_causes(findings.causes, findings.ruled_out)
    by_causes = _opinions(structured, words) if findings.causes else {}
    by_prose = _opinions(prose, words)
    return Score(
        {
            Axis.DETECTED: _final(detection.detected(findings, health)),
            **{axis: combine(by_causes.get(axis), by_prose[axis]) for axis in by_prose},
            Axis.TIME: combine(
                event.reported_time(findings, structured, words, truth), event.time_in_sentences(prose, words, truth)
            ),
            Axis.FALSE_ALARM: _not_applicable("there was a fault"),
        }
    )


def _opinions(statements: tuple[Statement, ...], words: Vocabulary) -> dict[Axis, Opinion]:
    blamed = blame.blame(statements, words)
    return {
        Axis.COMPONENT: blamed.component,
        Axis.MECHANISM: blamed.mechanism,
        Axis.CHANGE: event.change(statements, words, blamed),
        Axis.NO_RIVAL_ROOT: blamed.no_rival_root,
    }


def _final(opinion: Opinion) -> AxisScore:
    return AxisScore(opinion.outcome, opinion.sentence, opinion.reason)


def _not_applicable(reason: str) -> AxisScore:
    return AxisScore(Outcome.NOT_APPLICABLE, None, reason)
