"""./sandbox evaluate run --local: campaigns on an emulator of their own, as a user starts, kills and resumes them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli import evaluate
from evaluation.campaign import scores
from evaluation.campaign.files import Arm, CampaignFolder, Status, Verdict
from evaluation.investigators import AGENTS
from evaluation.statistics import DUMB_REFERENCES, passes_every_arm, summarize
from ops.errors import UsageError
from ops.project import ROOT
from tests.local.test_evaluate import OWN_AGENT

SEED = "28"
TRIALS = 5
"""A block on the stack app, and a fault on plain."""
DEADLINE_SECONDS = 300


def command(out: Path, agents: Sequence[str], trials: int, *more: str) -> list[str]:
    asked = [word for agent in agents for word in ("--agent", agent)]
    return [sys.executable, str(ROOT / "sandbox"), "evaluate", "run", "--local", *asked, "--trials", str(trials),
            "--seed", SEED, "--out", str(out), "--yes", *more]  # fmt: skip


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=DEADLINE_SECONDS)


def outcomes(folder: Path) -> dict[str, Any]:
    """What is decided of each trial that counts, by its number in the plan."""
    return {
        result.trial.planned_id: (result.trial.arm, result.verdict, result.score)
        for result in CampaignFolder(folder).results()
        if result.trial.status is Status.DONE
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of everybody who can be asked without a person, in both stacks."""
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "agent.py").write_text(OWN_AGENT.format(root=str(ROOT)))
    agents = [agent for agent in AGENTS if agent != "person"]
    program = f"{sys.executable} {folder / 'agent.py'}"
    ended = run(command(folder / "out", agents, TRIALS, "--command", program))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "out"


def test_every_investigator_does_as_well_as_it_can(whole: Path) -> None:
    assert {folder.path.name for folder in scores.campaigns(whole)} == set(AGENTS) - {"person"}
    for folder in scores.campaigns(whole):
        results = [result for result in folder.results() if result.trial.status is Status.DONE]
        assert len({result.trial.planned_id for result in results}) == len(results) == TRIALS
        assert {(result.trial.stack, result.trial.surface) for result in results} == {
            ("app", "named"), ("plain", "plain"),
        }  # fmt: skip
        summary = summarize(results)
        if folder.path.name in DUMB_REFERENCES:
            assert not passes_every_arm(summary), folder.path.name
        else:
            failed = [(result.trial.id, result.score) for result in results if result.verdict is not Verdict.PASS]
            assert not failed, folder.path.name


def test_a_trial_is_what_its_arm_says_and_its_truth_is_the_sealed_one(whole: Path) -> None:
    folder = CampaignFolder(whole / "runbook")
    for trial in folder.trials():
        truth = folder.truth(trial.id)
        if trial.status is not Status.DONE or truth is None:
            continue
        assert folder.is_sealed_truth(trial) is True
        assert (truth.change is not None) is trial.arm.has_fault
        paths = {change.path for change in truth.other_changes}
        is_changed = trial.arm in (Arm.FAULT_THEN_CHANGE, Arm.HEALTHY_WITH_CHANGE)
        assert paths == ({"retentionInDays"} if is_changed else set())
        times = trial.times
        order = [times.healthy_before, times.changed, times.symptom, times.asked, times.answered, times.rolled_back,
                 times.healthy_after]  # fmt: skip
        done = [time for time in order if time is not None]
        assert done == sorted(done)
        assert len(done) == (6 if trial.arm is Arm.HEALTHY else 7)


def test_investigators_of_one_run_are_asked_about_the_same_incidents_once_each(whole: Path) -> None:
    campaigns = scores.campaigns(whole)
    for trial in campaigns[0].trials():
        truths = [json.loads((folder.trial_folder(trial.id) / "truth.json").read_text()) for folder in campaigns
                  if (folder.trial_folder(trial.id) / "truth.json").exists()]  # fmt: skip
        assert len({truth["id"] for truth in truths}) == 1
    tasks = [json.loads(path.read_text())["task_id"] for path in (whole / "devops-agent").glob("trials/*/task.json")]
    assert len(set(tasks)) == len(tasks) >= TRIALS


def test_scores_and_the_report_are_made_offline(
    whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    before = outcomes(whole / "runbook")

    assert evaluate.main(["score", str(whole)]) == 0
    assert evaluate.main(["report", str(whole)]) == 0

    assert outcomes(whole / "runbook") == before
    page, markdown = (whole / "report.html").read_text(), (whole / "report.md").read_text()
    shown = capsys.readouterr().out
    for agent in set(AGENTS) - {"person"}:
        assert agent in page
        assert f"| {agent}" in markdown
        assert agent in shown
    assert "devops-agent named the true cause in 3 of 3 incidents" in shown
    assert evaluate.main(["report", str(whole), "--agent", "echo"]) == 0
    assert "echo named the true cause in 0" in capsys.readouterr().out


def wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert process.poll() is None, "the campaign has ended before"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def trials(out: Path, status: Status) -> set[str]:
    return {trial.id for trial in CampaignFolder(out / "command").trials() if trial.status is status}


def test_a_killed_campaign_goes_on_and_ends_with_the_scores_of_one_that_was_not(whole: Path, tmp_path: Path) -> None:
    program, may_end = tmp_path / "agent.py", tmp_path / "may-end"
    wait = f"import os, time\nwhile not os.path.exists({str(may_end)!r}):\n    time.sleep(0.05)\n"
    program.write_text(OWN_AGENT.format(root=str(ROOT)) + wait)
    arguments = command(tmp_path / "out", ["command"], 2, "--command", f"{sys.executable} {program}")
    out = tmp_path / "out"

    def start(until: Status) -> "subprocess.Popen[bytes]":
        """Start the campaign, and wait until a trial of it is that far."""
        before = trials(out, until)
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        wait_until(lambda: bool(trials(out, until) - before), process)
        return process

    killed = start(Status.RUNNING)
    killed.kill()
    killed.communicate()
    process = start(Status.ASKED)
    second = run(arguments)
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)

    assert second.returncode == 2
    assert "another run is under way" in second.stderr
    assert process.returncode == 130, stderr
    assert b"stopping: what was changed in app is taken back" in stdout
    statuses = {trial.id: trial.status for trial in CampaignFolder(out / "command").trials()}
    assert set(statuses.values()) <= {Status.VOID, Status.DONE}

    may_end.touch()
    ended = run(arguments)
    again = run(arguments)

    assert ended.returncode == 0, ended.stderr
    assert again.returncode == 0
    assert "emulator" not in again.stdout, "nothing was left to do"
    expected = {trial: what for trial, what in outcomes(whole / "command").items() if trial <= "0002"}
    actual = outcomes(out / "command")
    assert {trial: what[:2] for trial, what in actual.items()} == {trial: what[:2] for trial, what in expected.items()}
    reasons = {trial.void_reason for trial in CampaignFolder(out / "command").trials()}
    assert reasons - {None} == {"interrupted"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--local", "--trials", "0"], "--trials 0: must be a number from 1 to 9999"),
        (["--local", "--trials", "4", "--shard", "3/2"], "--shard 3/2: must be I/N with I from 1 to N"),
        (["--local", "--trials", "4", "--shard", "x"], "--shard x"),
        (["--local", "--trials", "4", "--agent", "runbook"], "one is named twice"),
        (["--local", "--trials", "4", "--max-usd", "3"], "--max-usd: is for --agent devops-agent, not runbook"),
        (["--local", "--trials", "4", "--agent", "command"], "--agent command needs --command"),
        (["--local", "--trials", "4", "--pause", "-1"], "--pause -1: must be 0 or more seconds"),
        (["--stack", "app", "--trials", "4", "--agent", "devops-agent"], "--space None: must be the ARN"),
        (["--stack", "app", "--stack", "app", "--trials", "4"], "one is named twice"),
    ],
)
def test_wrong_use_is_one_line_before_anything_is_made(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "")
    with pytest.raises(UsageError) as raised:
        evaluate.main(["run", "--agent", "runbook", "--out", str(tmp_path / "out"), "--yes", *arguments])

    assert message in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_is_one_campaigns(whole: Path) -> None:
    for arguments, message in (
        (["--trials", "5", "--seed", "8"], "has a campaign with seed 28"),
        (["--trials", "9"], "has trials 5, not 9"),
        (["--trials", "12", "--shard", "1/2"], "has trials 5, not 12"),
    ):
        with pytest.raises(UsageError) as raised:
            evaluate.main(["run", "--local", "--agent", "runbook", "--out", str(whole), "--yes", *arguments])
        assert message in str(raised.value)
