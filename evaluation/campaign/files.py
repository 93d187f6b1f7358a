"""The folder of a campaign: its plan, and for each trial what was done, answered and decided. Read and written here.

A trial that was void is repeated as another trial, NNNN-2 and so on.

    DIR/campaign.json                        the plan
    DIR/trials/NNNN/trial.json               what was done and when
    DIR/trials/NNNN/truth.json               what was really changed
    DIR/trials/NNNN/answer.json              what the investigator said, raw
    DIR/trials/NNNN/findings.json            the answer in our format
    DIR/trials/NNNN/score.json               the scorer's decisions
    DIR/trials/NNNN/judgements.json          a person's decisions
Each file is replaced as a whole, so that a reader may look at any time.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import ops.records
from evaluation import findings as findings_records
from evaluation import records
from evaluation import truth as truth_records
from evaluation.findings import Findings
from evaluation.scoring.result import Axis, AxisScore, Outcome, Score
from evaluation.times import format_time, parse_time
from evaluation.truth import Truth
from ops.errors import UsageError

VERSION = 1

_SEALED = ("id", "stack", "surface", "region", "account", "service", "change", "other_changes")
"""Fields of a truth that are final before the question is asked; the others go on until the rollback."""


class Arm(str, Enum):
    """What is done to the workload before the question is asked."""

    FAULT = "fault"
    FAULT_THEN_CHANGE = "fault_then_change"
    HEALTHY = "healthy"
    HEALTHY_WITH_CHANGE = "healthy_with_change"

    @property
    def has_fault(self) -> bool:
        """Whether the workload fails in this arm."""
        return self in (Arm.FAULT, Arm.FAULT_THEN_CHANGE)


class Status(str, Enum):
    """How far a trial is. Only `DONE` counts in statistics."""

    PLANNED = "planned"
    RUNNING = "running"
    ASKED = "asked"
    ANSWERED = "answered"
    DONE = "done"
    VOID = "void"


class Verdict(str, Enum):
    """The result of a trial as a whole."""

    PASS = "pass"
    FAIL = "fail"
    UNDECIDED = "undecided"
    VOID = "void"
    NOT_SCORED = "not_scored"


@dataclass(frozen=True)
class Campaign:
    """The plan. `surfaces` is by stack; `settings` and `versions` are free, `settings["command"]` is shown as is."""

    started: datetime
    seed: int
    agent: str
    trials: int
    stacks: tuple[str, ...]
    surfaces: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the campaign record."""
        return {
            **_beginning("campaign", self.started),
            "seed": self.seed,
            "agent": self.agent,
            "trials": self.trials,
            "stacks": list(self.stacks),
            "surfaces": dict(self.surfaces),
            "settings": dict(self.settings),
            "versions": dict(self.versions),
        }


@dataclass(frozen=True)
class Times:
    """When the stages of a trial ended, in their order."""

    healthy_before: datetime | None = None
    changed: datetime | None = None
    symptom: datetime | None = None
    asked: datetime | None = None
    answered: datetime | None = None
    rolled_back: datetime | None = None
    healthy_after: datetime | None = None


@dataclass(frozen=True)
class Trial:
    """One trial. `seconds`: from the question to the answer, or to the deadline where it is not `finished`."""

    started: datetime
    id: str
    block: int
    arm: Arm
    stack: str
    surface: str
    status: Status = Status.PLANNED
    void_reason: str | None = None
    truth_sha256: str | None = None
    times: Times = Times()
    seconds: float | None = None
    finished: bool = True
    cost_usd: float | None = None
    attempt: int = 1

    @property
    def planned_id(self) -> str:
        """The id in the plan, which a trial has in common with those that were void before it."""
        return self.id.partition("-")[0]

    def record(self) -> dict[str, Any]:
        """Return the trial record."""
        times = {stage.name: getattr(self.times, stage.name) for stage in fields(Times)}
        return {
            **_beginning("trial", self.started),
            "id": self.id,
            "block": self.block,
            "arm": self.arm.value,
            "stack": self.stack,
            "surface": self.surface,
            "status": self.status.value,
            "void_reason": self.void_reason,
            "truth_sha256": self.truth_sha256,
            "times": {name: time.isoformat(timespec="microseconds") if time else None for name, time in times.items()},
            "seconds": self.seconds,
            "finished": self.finished,
            "cost_usd": self.cost_usd,
            "attempt": self.attempt,
        }


@dataclass(frozen=True)
class Answer:
    """What an investigator said. `status`: completed, void or timed_out; `raw`: the answer as it came, JSON."""

    started: datetime
    agent: str
    status: str
    text: str
    seconds: float
    reason: str | None = None
    cost_usd: float | None = None
    raw: Any = None

    def record(self) -> dict[str, Any]:
        """Return the answer record."""
        return {
            **_beginning("answer", self.started),
            "agent": self.agent,
            "status": self.status,
            "reason": self.reason,
            "text": self.text,
            "seconds": self.seconds,
            "cost_usd": self.cost_usd,
            "raw": self.raw,
        }


@dataclass(frozen=True)
class Judgement:
    """A person's decision on one axis: hit or miss, by whom and when."""

    outcome: Outcome
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True)
class Judgements:
    """People's decisions on a trial."""

    started: datetime
    axes: Mapping[Axis, Judgement]

    def record(self) -> dict[str, Any]:
        """Return the judgements record."""
        return {
            **_beginning("judgements", self.started),
            "axes": {
                axis.value: {
                    "outcome": decided.outcome.value,
                    "by": decided.by,
                    "at": format_time(decided.at),
                    "note": decided.note,
                }
                for axis, decided in self.axes.items()
            },
        }

    def apply_to(self, score: Score) -> Score:
        """Return the score with the person's decisions in place of the scorer's, on the axes that apply."""
        axes = dict(score.axes)
        for axis, decided in self.axes.items():
            if axes[axis].outcome is not Outcome.NOT_APPLICABLE:
                axes[axis] = AxisScore(decided.outcome, axes[axis].sentence, decided.note, decided_by="person")
        return Score(axes)


@dataclass(frozen=True)
class TrialResult:
    """A trial and its score, a person's decisions included."""

    trial: Trial
    score: Score | None = None

    @property
    def verdict(self) -> Verdict:
        """The result. A done trial without an answer by the deadline fails, whatever a draft of the answer says."""
        if self.trial.status is Status.VOID:
            return Verdict.VOID
        if self.trial.status is not Status.DONE:
            return Verdict.NOT_SCORED
        if not self.trial.finished:
            return Verdict.FAIL
        return Verdict(self.score.verdict.lower()) if self.score else Verdict.NOT_SCORED


@dataclass(frozen=True)
class CampaignFolder:
    """The files of one campaign. Readers raise UsageError for a file that is wrong, writers OSError."""

    path: Path

    def campaign(self) -> Campaign:
        """Read the plan. Raises UsageError when there is none."""
        valid = records.load(self.path / "campaign.json", "campaign")
        return Campaign(
            started=parse_time(valid["started"]),
            seed=valid["seed"],
            agent=valid["agent"],
            trials=valid["trials"],
            stacks=tuple(valid["stacks"]),
            surfaces=valid["surfaces"],
            settings=valid["settings"],
            versions=valid["versions"],
        )

    def write_campaign(self, campaign: Campaign) -> None:
        """Write the plan, in a folder that is created where it does not exist."""
        self.path.mkdir(parents=True, exist_ok=True)
        ops.records.write(self.path / "campaign.json", campaign.record())

    def trial_folder(self, trial_id: str) -> Path:
        """Return the folder of one trial, whether it exists or not."""
        return self.path / "trials" / trial_id

    def trials(self) -> tuple[Trial, ...]:
        """Read all trials, by id. A folder without trial.json does not count: its writer was stopped before it."""
        files = (self.path / "trials").glob("*/trial.json")
        return tuple(self.trial(name) for name in sorted((file.parent.name for file in files), key=_by_number))

    def trial(self, trial_id: str) -> Trial:
        """Read one trial. Raises UsageError when it is missing, wrong, or another trial's."""
        path = self.trial_folder(trial_id) / "trial.json"
        valid = records.load(path, "trial")
        if valid["id"] != trial_id:
            raise UsageError(f"{path}: id is {valid['id']!r}, must be the folder's name; move the file back")
        times = {name: _optional_time(text) for name, text in valid["times"].items()}
        return Trial(
            started=parse_time(valid["started"]),
            id=valid["id"],
            block=valid["block"],
            arm=Arm(valid["arm"]),
            stack=valid["stack"],
            surface=valid["surface"],
            status=Status(valid["status"]),
            void_reason=valid["void_reason"],
            truth_sha256=valid["truth_sha256"],
            times=Times(**times),
            seconds=valid["seconds"],
            finished=valid["finished"],
            cost_usd=valid["cost_usd"],
            attempt=valid["attempt"],
        )

    def attempts(self, planned_id: str) -> list[Trial]:
        """Read the trials of one number in the plan, in their order."""
        ids = (file.parent.name for file in (self.path / "trials").glob(f"{planned_id}*/trial.json"))
        return [self.trial(name) for name in sorted(ids, key=_by_number) if name.partition("-")[0] == planned_id]

    def is_done(self, planned_id: str) -> bool:
        """Return whether a trial of this number in the plan counts."""
        return any(trial.status is Status.DONE for trial in self.attempts(planned_id))

    def void(self, trial: Trial, reason: str) -> None:
        """Note that a trial shows nothing."""
        self.write_trial(replace(trial, status=Status.VOID, void_reason=reason))

    def write_trial(self, trial: Trial) -> None:
        """Write one trial."""
        self._write(trial.id, trial.record())

    def truth(self, trial_id: str) -> Truth | None:
        """Read what was really changed; None when it is not written yet."""
        path = self._file(trial_id, "truth")
        return truth_records.load(path) if path.exists() else None

    def is_sealed_truth(self, trial: Trial) -> bool | None:
        """Return whether the truth is the one that was sealed before the question; None without truth or seal."""
        path = self._file(trial.id, "truth")
        if trial.truth_sha256 is None or not path.exists():
            return None
        return truth_seal(records.load(path, "truth")) == trial.truth_sha256

    def write_truth(self, trial_id: str, record: Mapping[str, Any]) -> None:
        """Write a truth record. Raises UsageError when it is not one."""
        self._write(trial_id, records.validate(dict(record), "truth", f"truth of trial {trial_id}"))

    def answer(self, trial_id: str) -> Answer | None:
        """Read the answer; None when there is none yet."""
        path = self._file(trial_id, "answer")
        if not path.exists():
            return None
        return answer_from_record(records.load(path, "answer"))

    def write_answer(self, trial_id: str, answer: Answer) -> None:
        """Write the answer."""
        self._write(trial_id, answer.record())

    def findings(self, trial_id: str) -> Findings | None:
        """Read the answer in our format; None when it is not written yet."""
        path = self._file(trial_id, "findings")
        return findings_records.load(path) if path.exists() else None

    def write_findings(self, trial_id: str, findings: Findings, started: datetime) -> None:
        """Write the answer in our format, of a run that started then."""
        self._write(trial_id, findings.record(started))

    def score(self, trial_id: str) -> Score | None:
        """Read the scorer's decisions, without a person's; None when there are none yet."""
        path = self._file(trial_id, "score")
        if not path.exists():
            return None
        axes = records.load(path, "score")["axes"]
        return Score({Axis(name): _axis_score(axis) for name, axis in axes.items()})

    def write_score(self, trial_id: str, score: Score, started: datetime) -> None:
        """Write the scorer's decisions, of a run that started then."""
        self._write(trial_id, score.record(started))

    def judgements(self, trial_id: str) -> Judgements | None:
        """Read a person's decisions; None when there are none."""
        path = self._file(trial_id, "judgements")
        if not path.exists():
            return None
        return judgements_from_record(records.load(path, "judgements"))

    def write_judgements(self, trial_id: str, judgements: Judgements) -> None:
        """Write a person's decisions."""
        self._write(trial_id, judgements.record())

    def results(self) -> tuple[TrialResult, ...]:
        """Read all trials with their scores, a person's decisions in place of the scorer's."""
        return tuple(TrialResult(trial, self._decided_score(trial.id)) for trial in self.trials())

    def _decided_score(self, trial_id: str) -> Score | None:
        score, judgements = self.score(trial_id), self.judgements(trial_id)
        return judgements.apply_to(score) if score and judgements else score

    def _file(self, trial_id: str, kind: str) -> Path:
        return self.trial_folder(trial_id) / f"{kind}.json"

    def _write(self, trial_id: str, record: Mapping[str, Any]) -> None:
        path = self._file(trial_id, record["kind"])
        path.parent.mkdir(parents=True, exist_ok=True)
        ops.records.write(path, record)


def answer_from_record(valid: Mapping[str, Any]) -> Answer:
    """Return the answer of a valid record."""
    names = [column.name for column in fields(Answer) if column.name != "started"]
    return Answer(started=parse_time(valid["started"]), **{name: valid[name] for name in names})


def judgements_from_record(valid: Mapping[str, Any]) -> Judgements:
    """Return the decisions of a valid record."""
    return Judgements(
        started=parse_time(valid["started"]),
        axes={
            Axis(name): Judgement(Outcome(axis["outcome"]), axis["by"], parse_time(axis["at"]), axis["note"])
            for name, axis in valid["axes"].items()
        },
    )


def truth_seal(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a truth record says was changed: what is final before the question is asked."""
    sealed = {name: record[name] for name in _SEALED}
    return hashlib.sha256(json.dumps(sealed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _beginning(kind: str, started: datetime) -> dict[str, Any]:
    return {"kind": kind, "version": VERSION, "started": format_time(started)}


def _axis_score(axis: Mapping[str, Any]) -> AxisScore:
    return AxisScore(Outcome(axis["outcome"]), axis["sentence"], axis["reason"], axis["decided_by"])


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _by_number(name: str) -> tuple[int, int, str]:
    planned, _, attempt = name.partition("-")
    return len(planned), len(attempt), f"{planned} {attempt}"
