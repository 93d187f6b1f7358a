"""AWS DevOps Agent while it is waited for. The whole of it, with the stand-in: tests/local/test_evaluate.py."""

import functools
from datetime import datetime, timedelta, timezone

import boto3
import pytest

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
