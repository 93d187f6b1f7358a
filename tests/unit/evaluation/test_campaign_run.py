"""A campaign's order of things: repetition, budget, stopping, several stacks. The trials themselves are made up."""

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import pytest

from evaluation.campaign import runner
from evaluation.campaign.files import Arm, CampaignFolder, Status, Trial
from evaluation.campaign.plan import Planned, plan
from evaluation.campaign.progress import Progress
from evaluation.campaign.runner import MOST_VOIDS, Budget, CampaignRun, Result
from evaluation.campaign.stack import UpdatedStack
from evaluation.campaign.waiting import Watch
from ops.console import Console, NullConsole
from ops.errors import UsageError

NOW = datetime(2026, 3, 3, tzinfo=timezone.utc)
Ends = Callable[[Planned, str, int], tuple[Status, float]]
"""How a trial ends, by its plan, investigator and attempt: its status and cost."""


class MadeUpStack:
    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[str] = []

    def update(self, settings: Mapping[str, str], message: str) -> None:
        self.calls.append("update")

    def recover(self, console: Console) -> None:
        self.calls.append("recover")

    def refuse_other_changes(self) -> None:
        self.calls.append("refuse_other_changes")


class MadeUpTrials:
    """In place of TrialRun: writes the trials as `ends` says."""

    ends: Ends
    resumed: list[dict[str, Trial]]
    resumed_usd = 0.0

    def __init__(
        self, stack: UpdatedStack, backend: Any, folders: Mapping[str, CampaignFolder], asker: Any, watch: Watch
    ) -> None:
        self._folders, self._watch = folders, watch

    def run(self, planned: Planned, agents: Sequence[str], attempt: int) -> None:
        self._watch.stage("asked")
        self._watch.status("")
        for agent in agents:
            status, cost = type(self).ends(planned, agent, attempt)
            suffix = "" if attempt == 1 else f"-{attempt}"
            self._folders[agent].write_trial(
                Trial(NOW, planned.id + suffix, planned.block, planned.arm, planned.stack, "named", status,
                      void_reason="no symptom: none" if status is Status.VOID else None, cost_usd=cost,
                      attempt=attempt)
            )  # fmt: skip

    def resume(self, trials: dict[str, Trial]) -> None:
        type(self).resumed.append(trials)
        for agent, trial in trials.items():
            left = dataclasses.replace(trial, cost_usd=type(self).resumed_usd)
            self._folders[agent].void(left, "interrupted")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Result, dict[str, MadeUpStack]]]:
    """Runs a campaign of made-up trials."""
    monkeypatch.setattr(runner, "TrialRun", MadeUpTrials)
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.01)
    MadeUpTrials.resumed = []

    def run(
        ends: Ends,
        trials: int = 8,
        stacks: Sequence[str] = ("app",),
        agents: Sequence[str] = ("runbook",),
        most_usd: float | None = None,
        questions_usd: float = 0.0,
        *,
        is_elsewhere: bool = False,
        pause: float = 0.0,
    ) -> tuple[Result, dict[str, MadeUpStack]]:
        MadeUpTrials.ends = staticmethod(ends)
        made_up = {name: MadeUpStack(name) for name in stacks}
        folders = {agent: CampaignFolder(tmp_path / agent) for agent in agents}
        spent = sum(trial.cost_usd or 0.0 for folder in folders.values() for trial in folder.trials())
        campaign = CampaignRun(
            made_up, cast(Any, None), folders, plan(7, trials, stacks), 7, cast(Any, None), Budget(most_usd, spent),
            questions_usd, pause, Progress(NullConsole(), trials, trials, len(stacks)), is_elsewhere=is_elsewhere,
        )  # fmt: skip
        return campaign.run(), made_up

    return run


Run = Callable[..., tuple[Result, dict[str, MadeUpStack]]]


def statuses(folder: Path) -> dict[str, str]:
    return {trial.id: trial.status.value for trial in CampaignFolder(folder).trials()}


def test_each_trial_is_done_once_and_a_second_run_does_nothing(run: Run, tmp_path: Path) -> None:
    asked: list[str] = []

    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        asked.append(planned.id)
        return Status.DONE, 0.0

    first, stacks = run(ends, stacks=("app", "plain"))
    again, _ = run(ends, stacks=("app", "plain"))

    assert first == again == Result({}, is_budget_spent=False)
    assert sorted(asked) == [f"{number:04}" for number in range(1, 9)]
    assert stacks["app"].calls == ["recover", "refuse_other_changes"]
    assert set(statuses(tmp_path / "runbook").values()) == {"done"}


def test_a_void_trial_is_repeated_under_its_own_id_for_those_that_lack_an_answer(run: Run, tmp_path: Path) -> None:
    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        is_void = planned.id == "0002" and agent == "runbook" and attempt == 1
        return (Status.VOID if is_void else Status.DONE), 0.0

    run(ends, trials=3, agents=("runbook", "echo"))

    assert statuses(tmp_path / "runbook") == {"0001": "done", "0002": "void", "0002-2": "done", "0003": "done"}
    assert statuses(tmp_path / "echo") == {"0001": "done", "0002": "done", "0003": "done"}


def test_a_trial_that_is_always_void_stops_its_stack_alone_and_says_why(run: Run, tmp_path: Path) -> None:
    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        return (Status.VOID if planned.stack == "app" else Status.DONE), 0.0

    result, _ = run(ends, stacks=("app", "plain"))

    assert set(result.problems) == {"app"}
    assert "trial 0001" in result.problems["app"]
    assert f"void {MOST_VOIDS} times: no symptom: none" in result.problems["app"]
    done = [name for name, status in statuses(tmp_path / "runbook").items() if status == "done"]
    assert done == ["0005", "0006", "0007", "0008"]


def test_money_is_never_passed_and_the_next_run_goes_on_within_it(run: Run, tmp_path: Path) -> None:
    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        return Status.DONE, 3.0

    result, _ = run(ends, most_usd=10.0, questions_usd=4.0)
    again, _ = run(ends, most_usd=10.0, questions_usd=4.0)

    assert result.is_budget_spent
    assert again.is_budget_spent
    assert len(statuses(tmp_path / "runbook")) == 3, "3 + 3 + 3 = 9, and a fourth could cost 4"
    more, _ = run(ends, most_usd=100.0, questions_usd=4.0)
    assert not more.is_budget_spent


def test_two_stacks_do_not_pass_the_limit_together(run: Run, tmp_path: Path) -> None:
    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        time.sleep(0.02)
        return Status.DONE, 4.0

    run(ends, stacks=("app", "plain"), most_usd=10.0, questions_usd=4.0)

    assert len(statuses(tmp_path / "runbook")) == 2


def test_stacks_run_side_by_side(run: Run) -> None:
    both = threading.Barrier(2, timeout=10)

    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        both.wait()
        return Status.DONE, 0.0

    result, _ = run(ends, stacks=("app", "plain"))

    assert result.problems == {}


@pytest.mark.parametrize("status", [Status.RUNNING, Status.ASKED, Status.ANSWERED])
def test_what_a_killed_run_left_is_gone_on_with_or_void_where_its_stacks_are_gone(
    status: Status, run: Run, tmp_path: Path
) -> None:
    first = plan(7, 8, ["app"])[0]
    left = Trial(NOW, first.id, first.block, first.arm, first.stack, "named", status)

    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        return Status.DONE, 0.0

    for is_elsewhere, resumed in ((False, [{"runbook": left}]), (True, [])):
        for trial in CampaignFolder(tmp_path / "runbook").trials():
            (tmp_path / "runbook" / "trials" / trial.id / "trial.json").unlink()
        CampaignFolder(tmp_path / "runbook").write_trial(left)
        MadeUpTrials.resumed = []
        run(ends, is_elsewhere=is_elsewhere)

        assert MadeUpTrials.resumed == resumed
        assert statuses(tmp_path / "runbook") == {
            "0001": "void", "0001-2": "done", **{f"{number:04}": "done" for number in range(2, 9)},
        }  # fmt: skip


def test_what_a_killed_run_had_asked_counts_for_the_budget(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plan(7, 8, ["app"])[0]
    left = Trial(NOW, first.id, first.block, first.arm, first.stack, "named", Status.ASKED)
    CampaignFolder(tmp_path / "runbook").write_trial(left)
    monkeypatch.setattr(MadeUpTrials, "resumed_usd", 2.5)

    result, _ = run(lambda planned, agent, attempt: (Status.DONE, 1.0), most_usd=3.0, questions_usd=1.0)

    assert result.is_budget_spent
    assert statuses(tmp_path / "runbook") == {"0001": "void"}


def test_a_problem_of_one_stack_leaves_the_other_to_go_on(run: Run, tmp_path: Path) -> None:
    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        if planned.stack == "app":
            raise UsageError("the stack is locked")
        return Status.DONE, 0.0

    result, _ = run(ends, stacks=("app", "plain"))

    assert result.problems == {"app": "the stack is locked"}
    assert len(statuses(tmp_path / "runbook")) == 4


def test_what_nobody_expects_stops_all_and_is_raised(run: Run) -> None:
    def ends(planned: Planned, agent: str, attempt: int) -> tuple[Status, float]:
        if planned.stack == "app":
            raise ZeroDivisionError
        return Status.DONE, 0.0

    with pytest.raises(ZeroDivisionError):
        run(ends, stacks=("app", "plain"), pause=60.0)


class Recorded(Console):
    def __init__(self) -> None:
        self.text = ""

    def line(self, text: str = "") -> None:
        self.text += text + "\n"

    status = line


def test_progress_tells_how_far_it_is_and_not_what_is_true() -> None:
    console = Recorded()
    progress = Progress(console, total=8, left=6, stacks=2)

    progress.begin("app", "0003")
    progress.stage("app", "asked")
    progress.refresh(is_stopping=False)
    progress.end("app", is_void=False)
    progress.begin("app", "0004")
    progress.end("app", is_void=True)

    assert "2/8" in console.text
    assert "app 0003 asked 0 s" in console.text
    assert "3 of 8" in console.text
    assert "1 void" in console.text
    assert not any(arm.value in console.text for arm in Arm)
    assert not any(word in console.text.lower() for word in ("pass", "fail", "hit", "miss"))
