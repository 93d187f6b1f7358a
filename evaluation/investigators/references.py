"""References: investigators that know nothing, against which a number is worth something.

A suite in which one of them does well says nothing about whoever else does well in it.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from boto3 import Session
from botocore.exceptions import BotoCoreError, ClientError

from evaluation.campaign.files import Answer
from evaluation.investigators import runbook
from evaluation.investigators.investigator import Cost, Investigator, Progress, Question, Report, completed
from evaluation.times import format_time

Rule = Callable[[Session, Question], str]
"""The session has the credentials that the investigator has."""


class Reference(Investigator):
    """An investigator that is a function of this process; `session` has what it may see."""

    def __init__(self, name: str, rule: Rule, session: Session) -> None:
        self.name = name
        self._rule = rule
        self._session = session

    def cost(self) -> Cost:
        return Cost("nothing beyond a few calls of AWS's APIs")

    def ask(self, question: Question, folder: Path, report: Report) -> Answer:
        started = time.monotonic()
        report(Progress("investigating", 0.0, 0.0))
        try:
            text = self._rule(self._session, question)
        except (ClientError, BotoCoreError) as error:
            seconds = round(time.monotonic() - started, 3)
            return Answer(question.started, self.name, "void", "", seconds, reason=str(error), cost_usd=0.0)
        return completed(self.name, question, text, time.monotonic() - started)


def always_healthy(session: Session, question: Question) -> str:
    """Say that all is well."""
    return _answer(f"The service {question.service} is healthy.", "no_fault", [])


def echo(session: Session, question: Question) -> str:
    """Repeat the question."""
    return question.text


def last_change(session: Session, question: Question) -> str:
    """Blame whatever was changed last, whether something is wrong or not."""
    pages = session.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
        StartTime=datetime.now(timezone.utc) - timedelta(days=1),
    )  # fmt: skip
    for page in pages:
        for event in page["Events"]:
            names = [resource["ResourceName"] for resource in event.get("Resources", [])]
            resource = next((name for name in names if question.service in name), None)
            if resource is not None:
                statement = f"The root cause is the last change: {event['EventName']} of {resource}."
                change = {"what": event["EventName"], "to": None, "at": format_time(event["EventTime"]),
                          "by": event.get("Username")}  # fmt: skip
                return _answer(f"{question.service} is not healthy. {statement}", "fault",
                               [_cause(statement, [resource], change)])  # fmt: skip
    return _answer(f"The service {question.service} is healthy.", "no_fault", [])


def shotgun(session: Session, question: Question) -> str:
    """Blame everything at once."""
    functions = runbook.functions_of(session, question.service)
    suspects = [
        *((f"An environment variable of {arn.split(':')[6]} was changed.", [arn]) for arn in functions),
        *((f"The code of {arn.split(':')[6]} has a bug.", [arn]) for arn in functions),
        ("API Gateway's integration is misconfigured.", ["API Gateway"]),
        ("The execution role lacks permissions.", ["IAM"]),
        ("Requests are throttled because of the concurrency quota.", ["AWS Lambda"]),
        ("A dependency of the service times out.", ["network"]),
    ]
    prose = "The service is not healthy. " + " ".join(f"The root cause is: {statement}" for statement, _ in suspects)
    return _answer(prose, "fault", [_cause(statement, resources, None) for statement, resources in suspects])


def run_runbook(session: Session, question: Question) -> str:
    """Investigate by rules: no reference, but a function of this process like them."""
    return runbook.investigate(session, question.service, question.since).text


RULES: Mapping[str, Rule] = {
    "runbook": run_runbook,
    "always-healthy": always_healthy,
    "last-change": last_change,
    "shotgun": shotgun,
    "echo": echo,
}


def _cause(statement: str, resources: list[str], change: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"role": "root", "statement": statement, "resources": resources, "change": change}


def _answer(prose: str, verdict: str, causes: list[dict[str, Any]]) -> str:
    record = {"verdict": verdict, "causes": causes, "ruled_out": [], "onset": None}
    return f"{prose}\n\n```json\n{json.dumps(record, indent=2)}\n```\n"
