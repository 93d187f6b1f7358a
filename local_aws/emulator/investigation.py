"""How the stand-in for AWS DevOps Agent investigates, and its journal, in the shapes that others published."""

import json
import logging
import os
import re
import threading
import time
import traceback
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from infra.aws_context import AwsContext
from infra.policies import people, trust
from local_aws.emulator import agent_spaces
from local_aws.emulator.agent_spaces import ENDED, SLOW_SECONDS, STATUS, Task, record, set_status
from ops import service_models

ROLE = "DevOpsAgentRole-AgentSpace"
"""As AWS's console names the role of an agent space."""

_ASKED = re.compile(r"service (\S+) in AWS region (\S+) healthy since (\S+?)\?")

_log = logging.getLogger(__name__)


def start(task: Task, directory: Path, region: str) -> None:
    """Investigate in a thread, unless the task was started before: the same client token, again."""
    with agent_spaces.lock:
        if task.values["status"] != "PENDING_TRIAGE":
            return
        set_status(task, "PENDING_START")
        credentials = _credentials(region)
    url = f"https://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    session = _Session(credentials, region, endpoint_url=url, verify=str(directory / "ca.pem"))
    threading.Thread(target=_investigate, args=(task, session), daemon=True).start()


def _credentials(region: str) -> tuple[str, str, str]:
    """A session of the agent space's role, which people create when they connect an account in AWS's console."""
    account = get_account_id()
    context = AwsContext("aws", account, region)
    if ROLE not in iam._roles:
        iam._create_role({"RoleName": [ROLE], "AssumeRolePolicyDocument": [trust.by_lambda()]})
    iam._roles[ROLE]["InlinePolicies"] = {"read": people.observer(context)}
    keys = (f"ASIA{uuid.uuid4().hex[:16].upper()}", uuid.uuid4().hex, uuid.uuid4().hex)
    sts.register_session(keys[0], {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{ROLE}/investigation",
        "UserId": f"{iam._roles[ROLE]['RoleId']}:investigation",
        "SecretAccessKey": keys[1],
        "SessionToken": keys[2],
    })  # fmt: skip
    return keys


class _Session(boto3.Session):
    """A session whose clients call this emulator."""

    def __init__(self, credentials: tuple[str, str, str], region: str, **emulator: str) -> None:
        super().__init__(*credentials, region_name=region, botocore_session=service_models.session())
        self._emulator = emulator

    if not TYPE_CHECKING:  # mypy reads the overloads of boto3-stubs

        def client(self, service: str) -> Any:
            return super().client(service, **self._emulator)


def _investigate(task: Task, session: boto3.Session) -> None:
    try:
        with agent_spaces.lock:
            set_status(task, STATUS.get(task.behaviour, "IN_PROGRESS"))
            if task.behaviour in ("failed", "timed-out", "canceled"):
                record(task, "message", {"role": "assistant", "content": [{"text": "Looking at the alarms."}]})
        if task.behaviour in STATUS:
            return
        if task.behaviour == "slow":
            time.sleep(SLOW_SECONDS)
        records = _journal(task, session)
        with agent_spaces.lock:
            for record_type, content in records:
                record(task, record_type, content)
            if task.values["status"] not in ENDED:
                set_status(task, "COMPLETED")
    except Exception:
        _log.error("an investigation failed: %s", traceback.format_exc())
        with agent_spaces.lock:
            set_status(task, "FAILED")


def _journal(task: Task, session: boto3.Session) -> list[tuple[str, Any]]:
    """What the journal gets, in the space's way of behaving."""
    from evaluation.investigators import runbook

    if task.behaviour == "no-journal":
        return []
    if task.behaviour == "unknown-records":
        return [("utilization", {"skills": []}), ("ui_investigation_summary", {"tree": []}), ("phase", "done")]
    asked = _ASKED.search(task.values["description"])
    if asked is None or task.behaviour == "blind":
        return [("investigation_summary_md", _BLIND)]
    since = datetime.fromisoformat(asked[3].replace("Z", "+00:00"))
    try:
        report = runbook.investigate(session, asked[1], since)
    except (ClientError, BotoCoreError) as error:
        return [("investigation_gap", {"type": "investigation_gap", "title": str(error)}),
                ("investigation_summary_md", _BLIND)]  # fmt: skip
    user = {"role": "user", "content": [{"text": task.values["description"]}]}
    talk = ("message", {"role": "assistant", "content": [{"text": report.markdown}]})
    markdown = ("investigation_summary_md", _markdown(report))
    summary = _summary(report)
    if task.behaviour == "message":
        return [("message", user), talk]
    if task.behaviour == "markdown":
        return [("message", user), ("message", {"role": "assistant", "content": "Done."}), markdown]
    content = json.dumps(json.dumps(summary)) if task.behaviour == "string" else summary
    details = [*(("symptom", symptom) for symptom in summary["symptoms"]),
               *(("finding", finding) for finding in summary["findings"])]  # fmt: skip
    return [("message", user), talk, *details, markdown, ("investigation_summary", content)]


def _summary(report: Any) -> dict[str, Any]:
    """https://github.com/aws-solutions/distributed-load-testing-on-aws, parseInvestigationFindings.ts"""
    labels = [report.function.rpartition(":")[2]] if report.function else []
    start = report.onset and report.onset.strftime("%Y-%m-%dT%H:%M:%SZ")
    symptoms = [
        {"title": f"Alarm {alarm} in ALARM", "description": report.symptom, "start_time": start, "end_time": None,
         "related_resources": labels}
        for alarm in report.alarms
    ]  # fmt: skip
    cause = {"id": "finding-1", "title": report.title, "cascades_to": [], "related_resources": labels,
             "description": report.statement if report.is_fault else "", "type": "root_cause"}  # fmt: skip
    findings = [cause if report.is_fault else {**cause, "type": "cause"}]
    return {"type": "investigation_summary", "symptoms": symptoms, "findings": findings, "investigation_gaps": []}


def _markdown(report: Any) -> str:
    """https://github.com/ericdahl/hello-devops-agent, investigation-report.md"""
    if not report.is_fault:
        return f"# Investigation summary\n\n{report.markdown}\n"
    symptoms = "\n".join(f"- Alarm {alarm} in ALARM" for alarm in report.alarms)
    return (
        f"# Investigation summary\n\n## Symptoms\n\n{symptoms}\n\n## Root Cause: {report.title}\n\n"
        f"Description: {report.statement}\n\nCascades to: {', '.join(report.alarms)}\n"
    )


_BLIND = """# Investigation summary

## Symptoms

- The service may be degraded.

## Root Cause: not determined

Description: The account could not be read. No root cause could be determined.
"""
