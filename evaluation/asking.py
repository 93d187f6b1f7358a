"""One question and its answer in a folder: asked once, scored and judged as often as one likes.

DIR/question.json, question.txt       what was asked, and when
DIR/answer.json                       what the investigator answered, raw
DIR/findings.json                     the answer in our format
DIR/truth.json                        what was really changed: `./sandbox truth` writes it
DIR/judgements.json                   a person's decisions
DIR/score.json                        every axis, and who decided it
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import ops.records
from evaluation import findings as findings_records
from evaluation import records, scoring
from evaluation import truth as truth_records
from evaluation.adapters import from_journal, read
from evaluation.campaign.files import Answer, Judgements, answer_from_record, judgements_from_record
from evaluation.findings import Findings
from evaluation.investigators.investigator import Investigator, Question, Report
from evaluation.scoring import Score
from evaluation.times import format_time, parse_time
from evaluation.truth import Truth
from ops.errors import UsageError

LOOK_BACK = timedelta(hours=1)
"""What "healthy since" means where nobody says since when."""


@dataclass(frozen=True)
class Folder:
    """The files of one question. Readers raise UsageError for a file that is missing or wrong."""

    path: Path

    def begin(self, stack: str, agent: str, service: str, region: str, since: datetime | None) -> Question:
        """Return the question of this folder: the one that was asked in it before, or a new one, which is written.

        Raises UsageError when it was answered already, or was another.
        """
        if (self.path / "answer.json").exists():
            raise UsageError(f"{self.path}: has an answer already, and nothing is asked twice; name another --out")
        path = self.path / "question.json"
        if path.exists():
            valid = records.load(path, "question")
            if (valid["stack"], valid["agent"]) != (stack, agent):
                raise UsageError(f"{path}: {valid['agent']} was asked about stack {valid['stack']}; name another --out")
            return Question(parse_time(valid["started"]), valid["service"], valid["region"], parse_time(valid["since"]))
        now = datetime.now(timezone.utc)
        question = Question(now, service, region, since or (now - LOOK_BACK).replace(second=0, microsecond=0))
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "question.txt").write_text(question.text, encoding="utf-8")
        record = {
            "kind": "question",
            "version": 1,
            "started": format_time(now),
            "stack": stack,
            "agent": agent,
            "service": question.service,
            "region": region,
            "since": format_time(question.since),
        }
        ops.records.write(path, record)
        return question

    def ask(self, investigator: Investigator, question: Question, report: Report) -> Answer:
        """Ask, and write the answer and its findings. Raises UsageError when it cannot be asked."""
        answer = investigator.ask(question, self.path, report)
        ops.records.write(self.path / "answer.json", answer.record())
        if answer.status != "void":
            findings = findings_of(answer)
            ops.records.write(self.path / "findings.json", findings.record(answer.started))
        return answer

    def answer(self) -> Answer | None:
        """Read the answer; None when there is none."""
        path = self.path / "answer.json"
        return answer_from_record(records.load(path, "answer")) if path.exists() else None

    def findings(self) -> Findings:
        """Read the answer in our format."""
        return findings_records.load(self.path / "findings.json")

    def truth(self) -> Truth:
        """Read what was really changed."""
        return truth_records.load(self.path / "truth.json")

    def refuse_another_time(self, truth: Truth) -> None:
        """Raise UsageError for the truth of another stack, or of an incident that the question was not about."""
        path = self.path / "question.json"
        if not path.exists():
            return
        asked = records.load(path, "question")
        since, started = parse_time(asked["since"]), parse_time(asked["started"])
        answer = self.answer()
        until = started + timedelta(seconds=answer.seconds if answer else 0)
        begun = truth.change.earliest if truth.change else None
        if truth.stack != asked["stack"]:
            problem = f"is of stack {truth.stack}, and {asked['stack']} was asked about"
        elif truth.end is not None and truth.end < since:
            problem = f"ended at {format_time(truth.end)}, before the time that was asked about"
        elif begun is not None and begun > until:
            problem = f"began at {format_time(begun)}, after the answer"
        else:
            return
        raise UsageError(
            f"the incident {truth.id} {problem}: write the truth with `{truth_command(asked['stack'], since, until)}"
            f" --json {self.path / 'truth.json'}`"
        )

    def judgements(self) -> Judgements | None:
        """Read a person's decisions; None when there are none."""
        path = self.path / "judgements.json"
        return judgements_from_record(records.load(path, "judgements")) if path.exists() else None

    def write_judgements(self, judgements: Judgements) -> None:
        """Write a person's decisions."""
        ops.records.write(self.path / "judgements.json", judgements.record())

    def write_score(self, score: Score) -> None:
        """Write the decisions on all axes."""
        ops.records.write(self.path / "score.json", score.record(datetime.now(timezone.utc)))


def truth_command(stack: str, since: datetime, until: datetime) -> str:
    """Return the command that derives the truth of the time that a question was about."""
    return f"./sandbox truth --stack {stack} --since {format_time(since)} --until {format_time(until)}"


def findings_of(answer: Answer) -> Findings:
    """Return an answer in our format: from the agent's journal where it has one, or else from its text."""
    raw: Any = answer.raw
    journal = raw.get("journal") if isinstance(raw, dict) else None
    if isinstance(journal, list):
        return from_journal(journal) or Findings(findings_records.Verdict.UNSTATED, source="an empty journal")
    return read(answer.text)


def score(truth: Truth, findings: Findings, judgements: Judgements | None = None) -> Score:
    """Score findings, a person's decisions in place of the scorer's where it had none.

    Raises UsageError when the truth is not that of a valid run.
    """
    if not truth.is_valid:
        raise UsageError(f"the truth of {truth.id} is not valid: {'; '.join(truth.why_invalid)}; ask about another run")
    decided = scoring.score(truth, findings)
    if judgements is None:
        return decided
    undecided = {axis: judgement for axis, judgement in judgements.axes.items()
                 if decided.axes[axis].outcome is scoring.Outcome.UNDECIDED}  # fmt: skip
    return dataclasses.replace(judgements, axes=undecided).apply_to(decided)
