"""The agent spaces of the stand-in for AWS DevOps Agent: tasks, executions, journals, and how each space behaves.

The order of statuses, when an execution's id is known, the texts of errors, which errors come when, and how long the
service remembers a client token are guesses.
"""

import base64
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

BEHAVIOURS = {
    # the answer, in the ways in which others have seen it
    "string": "investigation_summary as JSON in a string in a string",
    "markdown": "investigation_summary_md alone",
    "message": "nothing but messages",
    "pages": "one journal record a page",
    "late-execution": "CreateBacklogTask and GetBacklogTask without executionId; ListExecutions has it",
    "slow": "the answer, after a while",
    "blind": "a well-formed report of an agent that could read nothing",
    # no answer
    "linked": "LINKED to another task, without an execution",
    "skipped": "SKIPPED at triage",
    "failed": "FAILED after a while",
    "timed-out": "TIMED_OUT after a while",
    "canceled": "CANCELED by somebody",
    "approval": "PENDING_CUSTOMER_APPROVAL for ever",
    "waiting": "WAITING for ever",
    "never": "IN_PROGRESS for ever",
    "unknown-status": "a status that the model does not have, for ever",
    "no-journal": "COMPLETED with an empty journal",
    "no-execution": "COMPLETED without an execution",
    "unknown-records": "COMPLETED with records of unknown types alone",
    # errors
    "throttled": "ThrottlingException at every second call of each operation, beginning with the first",
    "broken": "InternalServerException at the first call of each operation",
    "busy": "ThrottlingException always",
    "quota": "ServiceQuotaExceededException when asked",
    "too-large": "ContentSizeExceededException when asked",
    "conflict": "ConflictException when asked",
    "denied": "AccessDeniedException when asked",
}  # fmt: skip

STATUS = {
    "linked": "LINKED", "skipped": "SKIPPED", "failed": "FAILED", "timed-out": "TIMED_OUT", "canceled": "CANCELED",
    "approval": "PENDING_CUSTOMER_APPROVAL", "waiting": "WAITING", "never": "IN_PROGRESS",
    "unknown-status": "REVIEWING",
}  # fmt: skip
"""How a task ends without an investigation."""
SLOW_SECONDS = 5.0
ENDED = {"LINKED", "FAILED", "TIMED_OUT", "CANCELED", "SKIPPED", "COMPLETED"}
_REASONS = {
    "SKIPPED": "Not an incident",
    "FAILED": "An internal error occurred during the investigation",
    "TIMED_OUT": "The investigation exceeded its time limit",
    "CANCELED": "Canceled by the customer",
}
lock = threading.Lock()
"""Of everything here: requests come in one thread, and each investigation goes on in its own."""


class ServiceError(Exception):
    """A name of the model's exceptions, and a message."""


@dataclass
class Task:
    space: str
    behaviour: str
    values: dict[str, Any]
    request: dict[str, Any]
    has_execution: bool = True
    records: list[dict[str, Any]] = field(default_factory=list)


tasks: dict[str, Task] = {}
_calls: dict[tuple[str, str], int] = {}
_seconds_used = [0.0]


def reset() -> None:
    """Forget every task and call."""
    with lock:
        tasks.clear()
        _calls.clear()
        _seconds_used[0] = 0.0


def misbehave(operation: str, space: str) -> None:
    """Count the call; raise ServiceError where the space behaves so."""
    behaviour, name = _behaviour(space), operation
    count = _calls[space, name] = _calls.get((space, name), 0) + 1
    if behaviour == "busy" or (behaviour == "throttled" and count % 2):
        raise ServiceError("ThrottlingException", "Rate exceeded")
    if behaviour == "broken" and count == 1:
        raise ServiceError("InternalServerException", "Internal server error")
    errors = {
        "quota": ("ServiceQuotaExceededException", "The monthly investigation quota is used up"),
        "too-large": ("ContentSizeExceededException", "The description is too long"),
        "conflict": ("ConflictException", "Another request with this client token is under way"),
        "denied": ("AccessDeniedException", "You do not have access to this agent space"),
    }
    if name == "CreateBacklogTask" and behaviour in errors:
        raise ServiceError(*errors[behaviour])


def _behaviour(space: str) -> str:
    return max((name for name in BEHAVIOURS if space == name or space.startswith(f"{name}-")), key=len, default="")


def _create_backlog_task(parameters: dict[str, Any]) -> dict[str, Any]:
    space, token = parameters["agentSpaceId"], parameters.get("clientToken")
    for task in tasks.values():
        if token and task.space == space and task.request.get("clientToken") == token:
            if task.request != parameters:
                raise ServiceError("ConflictException", "The client token was used with other parameters")
            return {"task": task.values}
    now, task_id = time.time(), str(uuid.uuid4())
    behaviour = _behaviour(space)
    task = Task(space, behaviour, {}, parameters, behaviour not in ("linked", "skipped", "no-execution"))
    task.values = {
        "agentSpaceId": space, "taskId": task_id, "title": parameters["title"], "taskType": parameters["taskType"],
        "description": parameters.get("description", ""), "priority": parameters["priority"],
        "status": "PENDING_TRIAGE", "createdAt": now, "updatedAt": now, "version": 1,
    }  # fmt: skip
    if task.has_execution and behaviour != "late-execution":
        task.values["executionId"] = f"exe-{task_id}"
    tasks[task_id] = task
    return {"task": task.values}


def _task(parameters: dict[str, Any]) -> Task:
    task = tasks.get(parameters["taskId"])
    if task is None or task.space != parameters["agentSpaceId"]:
        raise ServiceError("ResourceNotFoundException", f"There is no task {parameters['taskId']}")
    return task


def _get_backlog_task(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"task": _task(parameters).values}


def _update_backlog_task(parameters: dict[str, Any]) -> dict[str, Any]:
    task = _task(parameters)
    if parameters.get("taskStatus") and task.values["status"] not in ENDED:
        set_status(task, parameters["taskStatus"])
    return {"task": task.values}


def _list_backlog_tasks(parameters: dict[str, Any]) -> dict[str, Any]:
    listed = [task.values for task in tasks.values() if task.space == parameters["agentSpaceId"]]
    wanted = parameters.get("filter", {}).get("status")
    listed = [task for task in listed if not wanted or task["status"] in wanted]
    return _page(listed[::-1], "tasks", parameters, 100)


def _list_executions(parameters: dict[str, Any]) -> dict[str, Any]:
    task = _task(parameters)
    status = {"FAILED": "FAILED", "TIMED_OUT": "TIMED_OUT", "CANCELED": "CANCELED"}.get(task.values["status"])
    execution = {
        "agentSpaceId": task.space, "executionId": f"exe-{task.values['taskId']}", "agentSubTask": "investigation",
        "createdAt": task.values["createdAt"], "updatedAt": task.values["updatedAt"],
        "executionStatus": status or ("STOPPED" if task.values["status"] in ENDED else "RUNNING"),
    }  # fmt: skip
    return _page([execution] if task.has_execution else [], "executions", parameters, 100)


def _list_journal_records(parameters: dict[str, Any]) -> dict[str, Any]:
    task = tasks.get(parameters["executionId"].removeprefix("exe-"))
    if task is None or task.space != parameters["agentSpaceId"]:
        raise ServiceError("ResourceNotFoundException", f"There is no execution {parameters['executionId']}")
    wanted = parameters.get("recordType")
    listed = [record for record in task.records if wanted in (None, record["recordType"])]
    if parameters.get("order", "DESC") == "DESC":
        listed = listed[::-1]
    return _page(listed, "records", parameters, 1 if task.behaviour == "pages" else 100)


def _get_account_usage(parameters: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        "monthlyAccountInvestigationHours": {"limit": 20, "usage": _seconds_used[0] / 3600},
        "usagePeriodStartTime": begin.isoformat(),
        "usagePeriodEndTime": now.isoformat(),
    }


OPERATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "CreateBacklogTask": _create_backlog_task,
    "GetBacklogTask": _get_backlog_task,
    "UpdateBacklogTask": _update_backlog_task,
    "ListBacklogTasks": _list_backlog_tasks,
    "ListExecutions": _list_executions,
    "ListJournalRecords": _list_journal_records,
    "GetAccountUsage": _get_account_usage,
}


def _page(items: list[dict[str, Any]], name: str, parameters: dict[str, Any], size: int) -> dict[str, Any]:
    size = min(size, parameters.get("limit") or size)
    try:
        start = int(base64.b64decode(parameters["nextToken"])) if "nextToken" in parameters else 0
    except ValueError:
        raise ServiceError("ValidationException", "The nextToken is not valid") from None
    page: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        page["nextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return page


def set_status(task: Task, status: str) -> None:
    if status in ENDED and task.values["status"] not in ENDED:
        _seconds_used[0] += time.time() - task.values["createdAt"]
    task.values.update(status=status, updatedAt=time.time(), version=task.values["version"] + 1)
    if status in _REASONS:
        task.values["statusReason"] = _REASONS[status]
    if status == "LINKED":
        task.values["primaryTaskId"] = str(uuid.uuid5(uuid.NAMESPACE_OID, task.space))


def record(task: Task, record_type: str, content: Any) -> None:
    task.records.append({
        "agentSpaceId": task.space, "executionId": f"exe-{task.values['taskId']}", "recordId": str(uuid.uuid4()),
        "content": content, "createdAt": time.time(), "recordType": record_type,
    })  # fmt: skip
