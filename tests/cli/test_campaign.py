"""./sandbox evaluate run --stack, with the Pulumi CLI: a campaign on a deployed stack that outlives the run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.campaign.files import CampaignFolder, Status, Verdict
from local_aws.provider.resource import Aws
from tests.cli.conftest import Shell

SPACE = "arn:aws:aidevops:eu-west-1:111122223333:agentspace/slow"
DEADLINE_SECONDS = 100


@pytest.fixture(scope="module", autouse=True)
def _updated_by_the_cli(deployed: Shell) -> None:
    """The fixture's engine is another, which notes less of the code."""
    deployed.pulumi("up", "--yes", "--skip-preview", "--stack", "app")


def arguments(out: Path) -> list[str]:
    return ["evaluate", "run", "--stack", "app", "--agent", "devops-agent", "--space", SPACE, "--trials", "2", "--seed",
            "3", "--pause", "0", "--poll", "1", "--out", str(out), "--yes"]  # fmt: skip


def start(shell: Shell, out: Path, is_far_enough: Callable[[], bool]) -> "subprocess.Popen[str]":
    """Start the campaign and wait until it is that far."""
    process = subprocess.Popen(
        [sys.executable, str(shell.checkout / "sandbox"), *arguments(out)],
        cwd=shell.checkout, env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_far_enough():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def statuses(out: Path) -> dict[str, Status]:
    return {trial.id: trial.status for trial in CampaignFolder(out / "devops-agent").trials()}


def tasks(aws: Aws) -> list[str]:
    listed = aws.client("devops-agent").list_backlog_tasks(agentSpaceId="slow")["tasks"]
    return sorted(str(task["status"]) for task in listed)


def is_failing(aws: Aws) -> bool:
    configuration = aws.client("lambda").get_function_configuration(FunctionName="storefront-app-handler")
    return bool(configuration["Environment"]["Variables"]["FAIL_MODE"] == "true")


def test_a_killed_campaign_waits_for_what_it_asked_and_an_interrupted_one_cancels_it(
    deployed: Shell, aws: Aws, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    task = out / "devops-agent" / "trials" / "0001" / "task.json"
    file = (deployed.workspace / "Pulumi.app.yaml").read_text()

    killed = start(deployed, out, lambda: task.exists() and bool(json.loads(task.read_text())["task_id"]))
    killed.kill()
    killed.communicate()

    assert statuses(out) == {"0001": Status.ASKED}
    assert len(tasks(aws)) == 1

    interrupted = start(deployed, out, lambda: statuses(out).get("0002") is Status.ASKED)
    os.kill(interrupted.pid, signal.SIGINT)
    stdout, _ = interrupted.communicate(timeout=DEADLINE_SECONDS)

    assert interrupted.returncode == 130, stdout
    assert "stopping: what was changed in app is taken back" in stdout
    assert statuses(out) == {"0001": Status.DONE, "0002": Status.VOID}, "the first was waited for, the second not"
    assert {trial.id: (trial.cost_usd or 0.0) > 0 for trial in CampaignFolder(out / "devops-agent").trials()} == {
        "0001": True, "0002": True,
    }, "what was cancelled was paid for until then"  # fmt: skip
    assert len(tasks(aws)) == 2
    assert not is_failing(aws)

    ended = deployed.sandbox(*arguments(out))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    results = CampaignFolder(out / "devops-agent").results()
    assert {result.trial.id: result.verdict for result in results} == {
        "0001": Verdict.PASS, "0002": Verdict.VOID, "0002-2": Verdict.PASS,
    }  # fmt: skip
    assert len(tasks(aws)) == 3
    assert (deployed.workspace / "Pulumi.app.yaml").read_text() == file, "the committed file stays healthy"
    assert not is_failing(aws)


def test_a_checkout_whose_changes_are_not_deployed_is_refused_before_a_trial(
    deployed: Shell, aws: Aws, tmp_path: Path
) -> None:
    client = deployed.checkout / "handler" / "client.py"
    client.write_text(client.read_text() + "# changed\n")

    refused = deployed.sandbox(*arguments(tmp_path / "out"))

    assert refused.returncode == 2
    assert "this checkout has changes that are not deployed" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out" / "devops-agent" / "trials").exists()
