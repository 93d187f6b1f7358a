"""One trial as the page shows it: its timeline, the agent's words and the truth."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from evaluation.campaign.files import Answer, Arm, CampaignFolder, Judgements, Status, Times, TrialResult
from evaluation.report import wording
from evaluation.scoring.result import NEEDED, Axis, AxisScore, Outcome, Score
from evaluation.truth import Truth

_GIST_LENGTH = 150
_GIST_AXES = (Axis.MECHANISM, Axis.COMPONENT, Axis.NO_RIVAL_ROOT, Axis.FALSE_ALARM, Axis.DETECTED)
"""Axes whose deciding sentence says the most about an answer, the best first."""

ENDED = (Status.DONE, Status.VOID)
"""Trials that a report shows: the arm of a trial under way stays secret until its answer is stored."""


@dataclass(frozen=True)
class Event:
    """A moment of a trial; `offset` is the time since the trial's first one."""

    stage: str
    label: str
    at: datetime
    offset: str


@dataclass(frozen=True)
class Passage:
    """A part of an answer; `axes` names what it decided, empty where it decided nothing."""

    text: str
    axes: str = ""


@dataclass(frozen=True)
class AxisRow:
    """One axis of a trial."""

    axis: Axis
    label: str
    decision: AxisScore
    is_needed: bool

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        return wording.OUTCOMES[self.decision.outcome]


@dataclass(frozen=True)
class TrialView:
    """A trial with all that its part of the page shows. `bar`: positions on the timeline as CSS variables, percent."""

    result: TrialResult
    arm: str
    verdict: str
    gist: str
    events: tuple[Event, ...]
    bar: str
    truth: Truth | None
    is_sealed: bool | None
    answer: Answer | None
    passages: tuple[Passage, ...]
    axes: tuple[AxisRow, ...]
    judgements: Judgements | None


def views(folder: CampaignFolder, results: Iterable[TrialResult]) -> list[TrialView]:
    """Return the trials that have ended. Raises UsageError when a file of theirs is wrong."""
    return [_view(folder, result) for result in results if result.trial.status in ENDED]


def _view(folder: CampaignFolder, result: TrialResult) -> TrialView:
    trial = result.trial
    truth, answer = folder.truth(trial.id), folder.answer(trial.id)
    events = _events(trial.arm, trial.times, truth)
    return TrialView(
        result=result,
        arm=wording.ARMS[trial.arm],
        verdict=wording.VERDICTS[result.verdict],
        gist=_gist(result, answer),
        events=events,
        bar=_bar(events),
        truth=truth,
        is_sealed=folder.is_sealed_truth(trial),
        answer=answer,
        passages=passages(answer.text, result.score) if answer else (),
        axes=_axes(result.score),
        judgements=folder.judgements(trial.id),
    )


def _gist(result: TrialResult, answer: Answer | None) -> str:
    """Return what the answer comes to, in one line."""
    if result.trial.void_reason:
        return f"Void: {result.trial.void_reason}"
    if answer is None:
        return "No answer is stored"
    if not result.trial.finished:
        return f"No answer by the deadline{f': {answer.reason}' if answer.reason else ''}"
    decided = [result.score.axes[axis].sentence for axis in _GIST_AXES] if result.score else []
    lines = (line.strip("#*->` ") for line in answer.text.splitlines() if not line.startswith("#"))
    text = next((text for text in (*decided, *lines) if text), "The answer is empty")
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _GIST_LENGTH else one_line[: _GIST_LENGTH - 1].rstrip() + "…"


def _events(arm: Arm, times: Times, truth: Truth | None) -> tuple[Event, ...]:
    stages = [(stage.name, _label(stage.name, arm), getattr(times, stage.name)) for stage in fields(Times)]
    moments = [(name, label, at) for name, label, at in stages if at is not None]
    if arm.has_fault and truth:
        moments += [("other_change", "harmless change", change.at) for change in truth.other_changes]
    moments.sort(key=lambda moment: moment[2])
    return tuple(
        Event(name, label, at, f"+{wording.duration((at - moments[0][2]).total_seconds())}")
        for name, label, at in moments
    )


def _label(stage: str, arm: Arm) -> str:
    if stage == "changed":
        return "fault made" if arm.has_fault else "harmless change made"
    return wording.STAGES[stage]


def _bar(events: tuple[Event, ...]) -> str:
    """Return where the stages are on the bar, as CSS variables; empty where there is no stretch of time to draw."""
    if len(events) < 2 or events[0].at == events[-1].at:
        return ""
    start, length = events[0].at, (events[-1].at - events[0].at).total_seconds()
    return ";".join(
        f"--{event.stage.replace('_', '-')}:{100 * (event.at - start).total_seconds() / length:.1f}%"
        for event in events[1:-1]
    )


def _axes(score: Score | None) -> tuple[AxisRow, ...]:
    if score is None:
        return ()
    return tuple(
        AxisRow(axis, wording.AXES[axis], decision, axis in NEEDED)
        for axis, decision in score.axes.items()
        if decision.outcome is not Outcome.NOT_APPLICABLE
    )


def passages(text: str, score: Score | None) -> tuple[Passage, ...]:
    """Cut an answer into passages, those apart that decided an axis.

    A sentence that the scorer quotes is looked up by its words, since the scorer reads it without Markdown. One that is
    not in the text as such is only in the table of axes.
    """
    decided: dict[tuple[int, int], list[str]] = {}
    for sentence, axes in _sentences(score).items():
        words = re.findall(r"\w+", sentence)
        match = re.search(r"\b" + r"\W+".join(words) + r"\b[.`*]*", text) if words else None
        if match:
            decided.setdefault(match.span(), []).extend(axes)
    result: list[Passage] = []
    position = 0
    for (start, end), axes in sorted(decided.items()):
        if start < position:
            continue
        result += [Passage(text[position:start]), Passage(text[start:end], ", ".join(axes))]
        position = end
    result.append(Passage(text[position:]))
    return tuple(passage for passage in result if passage.text)


def _sentences(score: Score | None) -> Mapping[str, list[str]]:
    sentences: dict[str, list[str]] = {}
    for axis, decision in score.axes.items() if score else ():
        if decision.sentence and decision.outcome is not Outcome.NOT_APPLICABLE:
            sentences.setdefault(decision.sentence, []).append(axis.value.replace("_", " "))
    return sentences
