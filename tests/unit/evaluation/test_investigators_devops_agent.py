"""AWS DevOps Agent while it is waited for. The whole of it, with the stand-in: tests/local/test_evaluate.py."""

import functools
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from evaluation.investigators import devops_agent
from evaluation.investigators.devops_agent import USD_PER_SECOND, DevOpsAgent, Task
from evaluation.investigators.investigator import Progress

SPACE = "arn:aws:aidevops:eu-west-1:111122223333:agentspace/good"


def test_time_and_cost_go_on_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devops_agent, "REPORT_SECONDS", 0.01)
    agent = DevOpsAgent(boto3.Session("id", "secret", region_name="eu-west-1"), SPACE)
    task = Task(datetime.now(timezone.utc) - timedelta(minutes=1), SPACE, "token", "id")
    shown: list[Progress] = []

    agent._pause(0.05, functools.partial(agent._progress, task, {"status": "IN_PROGRESS"}), shown.append)

    assert shown[-1].seconds > shown[0].seconds >= 60
    assert [one.cost_usd for one in shown] == [one.seconds * USD_PER_SECOND for one in shown]


@pytest.mark.parametrize(("is_answered", "seconds"), [(True, 42), (False, 60)])
def test_what_is_canceled_has_cost_something(is_answered: bool, seconds: float, tmp_path: Path) -> None:
    agent = DevOpsAgent(boto3.Session("id", "secret", region_name="eu-west-1"), SPACE)
    asked = datetime.now(timezone.utc) - timedelta(seconds=60)
    task = Task(asked, SPACE, "token", "id")
    (tmp_path / "task.json").write_text(json.dumps(task.record()))
    with Stubber(agent._client) as stub:
        if is_answered:
            canceled = {"agentSpaceId": "good", "taskId": "id", "title": "title", "taskType": "INVESTIGATION",
                        "priority": "HIGH", "status": "CANCELED", "createdAt": asked,
                        "updatedAt": asked + timedelta(seconds=42), "version": 1}  # fmt: skip
            stub.add_response("update_backlog_task", {"task": canceled})
        else:
            stub.add_client_error("update_backlog_task", "ThrottlingException")

        cost = agent.abandon(tmp_path)

    assert cost == pytest.approx(seconds * USD_PER_SECOND, abs=2 * USD_PER_SECOND)


def test_what_was_never_asked_has_no_cost_that_is_known(tmp_path: Path) -> None:
    agent = DevOpsAgent(boto3.Session("id", "secret", region_name="eu-west-1"), SPACE)

    assert agent.abandon(tmp_path) is None
