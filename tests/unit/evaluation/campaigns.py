"""Made-up campaign folders for the tests of statistics and of the report."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from evaluation import scoring, truth
from evaluation.adapters import read
from evaluation.campaign.files import (
    Answer,
    Arm,
    Campaign,
    CampaignFolder,
    Status,
    Times,
    Trial,
    TrialResult,
    truth_seal,
)
from evaluation.scoring.result import NEEDED, Axis, AxisScore, Outcome, Score
from evaluation.times import format_time
from tests.unit.evaluation.cases import CALLER_MEMORY, CHANGE, HEALTHY, PLAIN_CHANGE, truth_record

START = datetime(2026, 3, 3, 8, 0, tzinfo=timezone.utc)
STACKS = ("app", "app-plain")
VOID_REASONS = ("the service was not healthy before", "the investigation was linked to another", "no alarm in 300 s")

RIGHT = """\
# Investigation summary

The service **storefront** does not work: every request has been answered with HTTP 500 since {onset}.

## Root Cause: {variable} was set to {value} on storefront-app-handler
UpdateFunctionConfiguration20150331v2 by deploy-4711 at {changed} changed the variable `{variable}` to `{value}`.
The handler raises RequestError on every invocation since.

## Ruled out
- The execution role: no access denied in CloudTrail.
- Throttling: no throttles on the function or the API.

See https://console.aws.amazon.com/cloudwatch/home for the metrics.
"""
WRONG = "Requests fail. The root cause is that the execution role lacks a permission for DynamoDB.\n"
UNSURE = "Requests fail since {onset}. It may be that {variable} plays a part, but this is not certain.\n"
WELL = "The service is healthy. No alarm is in ALARM state and no request failed in the window.\n"
ALARM = "The service is failing. The root cause is API Gateway throttling of the storefront API.\n"
NONE = ""


def profile(agent: str, arm: Arm, chance: random.Random) -> str:
    """Return what an agent of this name says in this arm."""
    if agent == "always-healthy":
        return WELL
    if agent == "shotgun":
        return RIGHT + "\nRoot cause: the IAM role lacks a permission. Root cause: API Gateway is throttled.\n"
    if agent == "clairvoyant":
        return RIGHT if arm.has_fault else WELL
    luck = chance.random()
    if luck > 0.97:
        return NONE
    if arm.has_fault:
        return RIGHT if luck < 0.8 else UNSURE if luck < 0.85 else WRONG
    return WELL if luck < 0.94 else ALARM


def fabricate(
    folder: Path,
    trials: int,
    *,
    agent: str = "runbook",
    seed: int = 7,
    texts: Sequence[str] = (),
    in_progress: int = 0,
    void_every: int = 11,
) -> CampaignFolder:
    """Write a campaign of so many trials, the last of them still in progress; `texts` replace the agent's, in turn.

    The same seed gives the same incidents, whoever the agent is.
    """
    files = CampaignFolder(folder)
    command = [
        "./sandbox",
        "evaluate",
        "run",
        "--agent",
        agent,
        "--trials",
        str(trials),
        "--seed",
        str(seed),
        "--local",
    ]
    files.write_campaign(
        Campaign(
            started=START,
            seed=seed,
            agent=agent,
            trials=trials,
            stacks=STACKS,
            surfaces={"app": "named", "app-plain": "plain"},
            settings={"command": command, "deadline_seconds": 900},
            versions={"project": "5df44b9", "python": "3.11.7", "agent": f"{agent} 1.2"},
        )
    )
    incidents = random.Random(seed)
    chance = random.Random(f"{seed} {agent}")
    for index in range(trials):
        _write_trial(files, index, agent, incidents, chance, texts, index >= trials - in_progress, void_every)
    return files


def _write_trial(
    files: CampaignFolder,
    index: int,
    agent: str,
    incidents: random.Random,
    chance: random.Random,
    texts: Sequence[str],
    is_in_progress: bool,
    void_every: int,
) -> None:
    arm = list(Arm)[index % 4]
    stack = STACKS[index // 4 % 2]
    surface = "named" if stack == "app" else "plain"
    trial_id = f"{index + 1:04d}"
    start = START + timedelta(minutes=18 * index)
    at = [start + timedelta(seconds=seconds) for seconds in _cumulated(incidents)]
    if is_in_progress:
        files.write_trial(Trial(start, trial_id, index // 4, arm, stack, surface, Status.ASKED, times=Times(*at[:4])))
        return
    if void_every and index % void_every == void_every - 1:
        why_void = VOID_REASONS[index // void_every % 3]
        files.write_trial(
            Trial(start, trial_id, index // 4, arm, stack, surface, Status.VOID, why_void, times=Times(at[0]))
        )
        return
    changed, symptom, asked = at[1], at[2], at[3]
    change = {**(CHANGE if surface == "named" else PLAIN_CHANGE)}
    change.update(earliest=format_time(changed), latest=format_time(changed + timedelta(seconds=3)))
    decoy = {**CALLER_MEMORY, "at": format_time(symptom + timedelta(seconds=20))}
    incident = (
        {"change": change, "onset": format_time(symptom), "end": format_time(at[5])} if arm.has_fault else HEALTHY
    )
    other_changes = [decoy] if arm in (Arm.FAULT_THEN_CHANGE, Arm.HEALTHY_WITH_CHANGE) else []
    record = truth_record(
        id=f"{stack}-{trial_id}", stack=stack, surface=surface, other_changes=other_changes, **incident
    )
    text = texts[index % len(texts)] if texts else profile(agent, arm, chance)
    if not texts:
        variable = change["path"].rpartition(".")[2]
        onset, began = format_time(symptom), format_time(changed)
        text = text.format(onset=onset, changed=began, variable=variable, value=change["to"])
    is_finished = bool(text)
    seconds = round(chance.uniform(60, 420), 1) if is_finished else 900.0
    answered = asked + timedelta(seconds=seconds)
    rolled_back = answered + timedelta(seconds=15)
    times = Times(
        at[0],
        changed if arm is not Arm.HEALTHY else None,
        symptom if arm.has_fault else None,
        asked,
        answered if is_finished else None,
        rolled_back if arm is not Arm.HEALTHY else None,
        rolled_back + timedelta(seconds=70),
    )
    cost = round(seconds * 0.0083, 4)
    trial = Trial(
        start, trial_id, index // 4, arm, stack, surface, Status.DONE, truth_sha256=truth_seal(record), times=times,
        seconds=seconds, finished=is_finished, cost_usd=cost,
    )  # fmt: skip
    files.write_trial(trial)
    files.write_truth(trial_id, record)
    status = "completed" if is_finished else "timed_out"
    reason = None if is_finished else "no answer in 900 s"
    files.write_answer(trial_id, Answer(asked, agent, status, text, seconds, reason, cost))
    findings = read(text)
    files.write_findings(trial_id, findings, asked)
    if is_finished:
        files.write_score(trial_id, scoring.score(truth.from_record(record), findings), asked)


def _cumulated(incidents: random.Random) -> list[float]:
    steps = [20, incidents.uniform(10, 40), incidents.uniform(5, 60), incidents.uniform(20, 90), 300, 15, 60]
    return [sum(steps[: count + 1]) for count in range(len(steps))]


@cache
def score_of(verdict: str, has_fault: bool = True) -> Score:
    """Return a score with this verdict: PASS, FAIL or UNDECIDED, on every axis that a pass needs."""
    outcome = {"PASS": Outcome.HIT, "FAIL": Outcome.MISS, "UNDECIDED": Outcome.UNDECIDED}[verdict]
    axes = {}
    for axis in Axis:
        applies = has_fault is (axis is not Axis.FALSE_ALARM)
        decided = outcome if axis in NEEDED else Outcome.HIT
        axes[axis] = AxisScore(decided if applies else Outcome.NOT_APPLICABLE, None, "made up")
    return Score(axes)


def result(
    number: int, verdict: str, arm: Arm = Arm.FAULT, *, seconds: float | None = 60, **fields: object
) -> TrialResult:
    """Return a done trial with this verdict: PASS, FAIL, UNDECIDED, or TIMED_OUT without a score."""
    is_finished = verdict != "TIMED_OUT"
    values = {"status": Status.DONE, "seconds": seconds, "finished": is_finished, **fields}
    trial = Trial(START, f"{number:04d}", number // 4, arm, "app", "named", **values)  # type: ignore[arg-type]
    return TrialResult(trial, score_of(verdict, arm.has_fault) if is_finished else None)
