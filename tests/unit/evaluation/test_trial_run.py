"""One trial from health to health: what is done, and when it shows nothing. AWS and the stack are made up."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from evaluation.asking import Folder
from evaluation.campaign import trial as trials
from evaluation.campaign.files import Answer, Arm, CampaignFolder, Status, Times, Trial, truth_seal
from evaluation.campaign.plan import Planned
from evaluation.campaign.trial import RESTORE_ATTEMPTS, TrialRun
from evaluation.campaign.waiting import Interrupted, Stop, Watch
from evaluation.findings import Findings, Verdict
from ops import records
from ops.console import Console
from ops.errors import UsageError
from tests.unit.evaluation.cases import CALLER_MEMORY, CHANGE, truth_record

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=timezone.utc)
AGENTS = ("devops-agent", "command")


class World:
    """The stack, AWS and the investigators: each test breaks one of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.updates: list[dict[str, str]] = []
        self.checks: list[str] = []
        self.failed_checks: set[str] = set()
        self.failed_updates = 0
        self.is_failing = False
        self.is_recorded = True
        self.why_invalid: list[str] = []
        self.other_changes: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.abandoned: list[str] = []
        self.answers: dict[str, Answer | BaseException] = {}
        self.stop = Stop()
        self.folders = {agent: CampaignFolder(folder / agent) for agent in AGENTS}
        for name in ("check", "Telemetry", "Workload", "truth", "incident", "status"):
            monkeypatch.setattr(trials, name, getattr(self, f"_{name.lower()}"))
        monkeypatch.setattr(trials, "stack_outputs", lambda resources: {"surface": "named"})
        monkeypatch.setattr(trials, "RESTORE_PAUSE_SECONDS", 0.0)
        for name in ("HEALTHY_SECONDS", "SYMPTOM_SECONDS", "CLOUDTRAIL_SECONDS"):
            monkeypatch.setattr(trials, name, 0.05)

    # The stack
    name = "app"

    def update(self, settings: Mapping[str, str], message: str) -> None:
        if self.failed_updates:
            self.failed_updates -= 1
            raise UsageError("pulumi up: Throttling")
        self.updates.append(dict(settings))
        self.is_failing = settings["failMode"] == "true"

    def recover(self, console: Console) -> None: ...

    def refuse_other_changes(self) -> None: ...

    def deployed(self, stack: str) -> list[dict[str, Any]]:
        return [{"inputs": {"retentionInDays": 14.0}}]

    # AWS
    def _check(self, stack: str, workload: Any, expect: str, count: int, timeout: float, console: Console) -> Any:
        console.status("waiting")
        self.checks.append(expect)
        passed = expect not in self.failed_checks
        observation = SimpleNamespace(name="requests", expected="200", actual="500", passed=passed)
        return SimpleNamespace(passed=passed, observations=[observation])

    def _telemetry(self, workload: Any) -> Any:
        return SimpleNamespace(
            answers=lambda since, until: [SimpleNamespace(is_ok=not self.is_failing)],
            management_events=lambda since, until: [{}] if self.is_recorded else [],
            calls=lambda name, since, until: [{"logGroupName": "group"}] if self.is_recorded else [],
        )

    _workload = SimpleNamespace(of=lambda resources: SimpleNamespace(region="eu-west-1", log_group="group"))
    _incident = SimpleNamespace(
        find=lambda backend, stack: [SimpleNamespace(flip=SimpleNamespace(recorded=NOW + timedelta(days=9999)))]
    )

    @property
    def _status(self) -> Any:
        return SimpleNamespace(is_incident=lambda resources: self.is_failing)

    @property
    def _truth(self) -> Any:
        def record(change: dict[str, Any] | None) -> dict[str, Any]:
            valid = {"valid": not self.why_invalid, "healthy_before": True, "failing_throughout": True,
                     "healthy_after": True, "why": self.why_invalid}  # fmt: skip
            return truth_record(change=change, other_changes=self.other_changes, valid=valid)

        return SimpleNamespace(
            record=lambda *_: record(CHANGE), record_of_health=lambda *_: record(None)
        )  # fmt: skip

    # Investigators
    def ask(self, agent: str, folder: Folder, stack: str, region: str, since: datetime, watch: Watch) -> Answer:
        self.asked.append(agent)
        answer = self.answers.get(agent, Answer(NOW, agent, "completed", "All is well.", 2.0, cost_usd=1.0))
        if isinstance(answer, BaseException):
            raise answer
        folder.path.mkdir(parents=True, exist_ok=True)
        records.write(folder.path / "answer.json", answer.record())
        records.write(folder.path / "findings.json", Findings(Verdict.NO_FAULT, source="text").record(NOW))
        return answer

    def abandon(self, agent: str, folder: Folder, stack: str) -> float:
        self.abandoned.append(agent)
        return 0.25

    # The test
    def trial_run(self) -> TrialRun:
        return TrialRun(
            self, cast(Any, self), self.folders, self, Watch(self.stop, lambda text: None)
        )  # fmt: skip

    def run(self, arm: Arm, attempt: int = 1) -> dict[str, Trial]:
        self.trial_run().run(Planned("0001", 0, arm, "app"), AGENTS, attempt)
        return self.read()

    def read(self) -> dict[str, Trial]:
        return {agent: folder.trials()[-1] for agent, folder in self.folders.items()}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


HEALTHY = {"failMode": "false"}
FAULT = {"failMode": "true"}


@pytest.mark.parametrize(
    ("arm", "updates"),
    [
        (Arm.FAULT, [FAULT, HEALTHY]),
        (Arm.FAULT_THEN_CHANGE, [FAULT, {**FAULT, "logRetentionDays": "30"}, HEALTHY]),
        (Arm.HEALTHY, [HEALTHY]),
        (Arm.HEALTHY_WITH_CHANGE, [{**HEALTHY, "logRetentionDays": "30"}, HEALTHY]),
    ],
)
def test_an_arm_is_made_asked_about_taken_back_and_scored(
    arm: Arm, updates: list[dict[str, str]], world: World
) -> None:
    done = world.run(arm)

    assert world.updates == updates
    assert world.checks == ["healthy", "failing" if arm.has_fault else "healthy", "healthy"]
    assert world.asked == list(AGENTS)
    for trial in done.values():
        assert (trial.status, trial.id, trial.seconds, trial.cost_usd) == (Status.DONE, "0001", 2.0, 1.0)
        assert trial.truth_sha256
    assert all(folder.score("0001") is not None for folder in world.folders.values())


@pytest.mark.parametrize(
    ("broken", "reason", "updates"),
    [
        ({"failed_checks": {"failing"}}, "no symptom: requests: expected 200, saw 500", [FAULT, HEALTHY]),
        ({"is_recorded": False}, "CloudTrail has no event of the change", [FAULT, HEALTHY]),
        ({"failed_updates": 1}, "not prepared: pulumi up: Throttling", [HEALTHY]),
    ],
)
def test_what_is_not_as_the_arm_says_is_void_and_not_asked_about(
    broken: dict[str, Any], reason: str, updates: list[dict[str, str]], world: World
) -> None:
    for name, value in broken.items():
        setattr(world, name, value)
    void = world.run(Arm.FAULT)

    assert world.asked == []
    assert world.updates == updates
    for trial in void.values():
        assert trial.status is Status.VOID
        assert str(trial.void_reason).startswith(reason)


def test_a_stack_that_is_not_healthy_stops_the_campaign_and_is_named(world: World) -> None:
    world.failed_checks = {"healthy"}

    with pytest.raises(UsageError, match="stack app may still have what trial 0001 changed"):
        world.run(Arm.FAULT)

    assert world.updates == [HEALTHY] * RESTORE_ATTEMPTS
    reasons = {str(trial.void_reason) for trial in world.read().values()}
    assert reasons == {"not healthy before the change: requests: expected 200, saw 500"}


def test_a_rollback_that_fails_is_tried_again_and_then_named(world: World) -> None:
    def fail_in_the_end(agent: str, *_: Any) -> Answer:
        world.failed_updates = 2
        return ask(agent, *_)

    ask, world.ask = world.ask, fail_in_the_end  # type: ignore[method-assign,assignment]

    assert {trial.status for trial in world.run(Arm.FAULT).values()} == {Status.DONE}
    assert world.updates[-1] == HEALTHY
    assert not world.is_failing


def test_no_answer_is_void_and_one_that_is_late_counts_as_late(world: World) -> None:
    world.answers = {
        "devops-agent": Answer(NOW, "devops-agent", "void", "", 5.0, reason="LINKED: to another", cost_usd=0.5),
        "command": Answer(NOW, "command", "timed_out", "I think", 900.0, reason="no answer within 900 s"),
    }

    done = world.run(Arm.FAULT)

    void, late = done["devops-agent"], done["command"]
    assert (void.status, void.void_reason, void.cost_usd) == (Status.VOID, "no answer: LINKED: to another", 0.5)
    assert (late.status, late.finished, late.seconds) == (Status.DONE, False, 900.0)


def test_a_truth_that_is_not_valid_or_not_the_sealed_one_voids_the_answer(world: World) -> None:
    world.why_invalid = ["somebody called UpdateFunctionCode"]
    invalid = world.run(Arm.FAULT)
    world.why_invalid = []

    def change_afterwards(agent: str, *_: Any) -> Answer:
        answer = ask(agent, *_)
        world.other_changes = [CALLER_MEMORY]
        return answer

    ask, world.ask = world.ask, change_afterwards  # type: ignore[method-assign,assignment]
    other = world.run(Arm.FAULT, attempt=2)["devops-agent"]

    assert {trial.void_reason for trial in invalid.values()} == {
        "truth not valid: somebody called UpdateFunctionCode"
    }  # fmt: skip
    assert other.void_reason == "truth not valid: it is not the one that was sealed before the question"


def test_an_interruption_cancels_what_was_asked_and_leaves_the_app_healthy(world: World) -> None:
    def interrupt(agent: str, *_: Any) -> Answer:
        if agent == "command":
            world.stop.is_set = True
            raise Interrupted
        return ask(agent, *_)

    ask, world.ask = world.ask, interrupt  # type: ignore[method-assign,assignment]
    with pytest.raises(Interrupted):
        world.run(Arm.FAULT)

    done = world.read()
    assert (done["devops-agent"].status, done["command"].status) == (Status.DONE, Status.VOID)
    assert done["command"].void_reason == "interrupted"
    assert world.abandoned == ["command"]
    assert done["command"].cost_usd == 0.25
    assert world.checks[-1] == "recovering", "whoever stops it does not wait for the alarms"
    assert not world.is_failing


def test_an_investigator_who_cannot_be_asked_stops_the_campaign(world: World) -> None:
    world.answers["devops-agent"] = UsageError("AccessDenied; check the space")

    with pytest.raises(UsageError, match="check the space"):
        world.run(Arm.FAULT)

    assert {str(trial.void_reason) for trial in world.read().values()} == {"stopped: AccessDenied; check the space"}
    assert not world.is_failing


@pytest.mark.parametrize(
    ("left", "is_failing", "expected", "asked"),
    [
        # as they were left; whether the app still fails; how they end; who is asked, or waited for, after that
        ((Status.RUNNING, Status.RUNNING), True, (Status.VOID, Status.VOID), []),
        ((Status.ASKED, Status.RUNNING), True, (Status.DONE, Status.DONE), ["devops-agent", "command"]),
        ((Status.ASKED, Status.RUNNING), False, (Status.VOID, Status.VOID), []),
        ((Status.RUNNING, Status.ASKED), True, (Status.DONE, Status.VOID), ["devops-agent"]),
        ((Status.ANSWERED, Status.ASKED), True, (Status.DONE, Status.VOID), []),
        ((Status.ANSWERED, Status.ANSWERED), False, (Status.DONE, Status.DONE), []),
    ],
)
def test_what_a_killed_run_left_is_waited_for_where_that_can_be(
    left: tuple[Status, Status],
    is_failing: bool,
    expected: tuple[Status, Status],
    asked: list[str],
    world: World,
) -> None:
    seal = truth_seal(world._truth.record())
    times = Times(healthy_before=NOW, changed=NOW, symptom=NOW, asked=NOW)
    under_way = {}
    for agent, status in zip(AGENTS, left, strict=True):
        under_way[agent] = Trial(NOW, "0001", 0, Arm.FAULT, "app", "named", status, times=times, truth_sha256=seal)
        world.folders[agent].write_trial(under_way[agent])
        if status is Status.ANSWERED:
            folder = Folder(world.folders[agent].trial_folder("0001"))
            world.ask(agent, folder, "app", "eu-west-1", NOW, Watch(Stop(), lambda text: None))
    world.asked.clear()
    world.is_failing = is_failing

    world.trial_run().resume(under_way)

    assert tuple(trial.status for trial in world.read().values()) == expected
    assert world.asked == asked
    assert not world.is_failing
