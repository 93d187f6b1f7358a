"""AWS DevOps Agent as an investigator, by the API that botocore has as `devops-agent`.

Read in botocore's model and in what others published, and tried against the emulator's stand-in only: statuses, shapes
and the errors' meaning. Where the service differs, an answer is void or the deadline ends it.
"""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from boto3 import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from evaluation import records
from evaluation.adapters import from_journal
from evaluation.campaign.files import Answer
from evaluation.investigators.investigator import Cost, Investigator, Progress, Question, Report
from evaluation.times import format_time, parse_time
from ops import records as files
from ops.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_devops_agent.type_defs import CreateBacklogTaskResponseTypeDef, TaskTypeDef

Response = TypeVar("Response")

USD_PER_SECOND = 0.0083
POLL_SECONDS = 30.0
"""AWS's own guidance is to look every 30 s or less often, and to wait 60, 90 and 120 s when throttled."""
BACKOFF = (2, 3, 4)
"""In polls."""
REPORT_SECONDS = 1.0
"""How often whoever waits hears of it."""
DEADLINE_SECONDS = 1800.0
"""The longest published investigation took 21 minutes."""

_VOID = ("LINKED", "SKIPPED", "FAILED", "TIMED_OUT", "CANCELED")
_AGAIN = ("ThrottlingException", "TooManyRequestsException", "InternalServerException", "ServiceUnavailableException")
_VOID_ERRORS = ("ServiceQuotaExceededException", "ContentSizeExceededException", "ConflictException")
_TASK_FILE = "task.json"


@dataclass(frozen=True)
class Task:
    """The trace of a question in the answer's folder: with its client token nothing is asked twice."""

    started: datetime
    space_arn: str
    client_token: str
    task_id: str | None = None
    usage_hours_before: float | None = None

    @property
    def id(self) -> str:
        """The task's id in AWS, which has been asked."""
        assert self.task_id is not None
        return self.task_id

    def record(self) -> dict[str, Any]:
        """Return the task record."""
        return {"kind": "task", "version": 1, **dataclasses.asdict(self), "started": format_time(self.started)}


class _VoidError(Exception):
    """The service answered that there will be no answer."""


class DevOpsAgent(Investigator):
    """Asks in one agent space. `deadline` and `poll` are in seconds; `max_usd` ends a dearer investigation."""

    name = "devops-agent"
    goes_on = "AWS DevOps Agent goes on investigating, which costs"

    def __init__(
        self,
        session: Session,
        space_arn: str,
        deadline: float = DEADLINE_SECONDS,
        poll: float = POLL_SECONDS,
        max_usd: float | None = None,
    ) -> None:
        self._space_arn = space_arn
        self._space = space_arn.rpartition("/")[2]
        self._deadline, self._poll, self._max_usd = deadline, poll, max_usd
        # Our own pauses are the service's; the client must not add short ones.
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        self._client = session.client("devops-agent", region_name=space_arn.split(":")[3], config=config)

    def cost(self) -> Cost:
        most = self._deadline * USD_PER_SECOND if self._max_usd is None else self._max_usd
        return Cost(
            f"${USD_PER_SECOND} for each second that the agent works: at most ${most:.2f}, because it is ended "
            f"{'then' if self._max_usd is not None else f'after {self._deadline:g} s'}; published ones cost "
            "$2.00 to $10.50",
            most,
        )

    def ask(self, question: Question, folder: Path, report: Report) -> Answer:
        """Ask once; or go on waiting for what was asked already. Raises UsageError when AWS does not let us ask."""
        task = self._begin(question, folder)
        raw: dict[str, Any] = {"space": self._space_arn, "statuses": []}
        try:
            if task.task_id is None:
                task = self._create(question, task, folder, report)
            status, reason = self._follow(task, raw, report)
            raw["journal"] = list(self._journal(task, raw))
        except _VoidError as error:
            status, reason = "void", str(error)
        except (ClientError, BotoCoreError) as error:
            raise UsageError(f"AWS DevOps Agent: {error}; the question stays asked; correct that and run this again, "
                             "which goes on waiting") from None  # fmt: skip
        findings = from_journal(raw.get("journal", []))
        if status == "completed" and findings is None:
            status, reason = "void", f"the journal has nothing to read: {_types(raw['journal'])}"
        text = "\n\n".join([*(cause.statement for cause in findings.causes), findings.text]) if findings else ""
        raw["usage_hours"] = {"before": task.usage_hours_before, "after": self.usage_hours()}
        seconds = round(self._elapsed(task), 3)
        cost = _cost(raw["task"], seconds) if "task" in raw else 0.0
        return Answer(question.started, self.name, status, text, seconds, reason, cost, _json(raw))

    def _begin(self, question: Question, folder: Path) -> Task:
        """Return the task that was asked already, or write the trace of one that will be, before it is."""
        path = folder / _TASK_FILE
        if path.exists():
            task = _read_task(path)
            if task.space_arn != self._space_arn:
                raise UsageError(f"{path}: it was asked in {task.space_arn}, not in {self._space_arn}; name that "
                                 "space, or another --out")  # fmt: skip
            return task
        token = f"{self._space[:16]}-{time.time_ns():x}"
        task = Task(datetime.now(timezone.utc), self._space_arn, token, None, self.usage_hours())
        files.write(path, task.record())
        return task

    def _create(self, question: Question, task: Task, folder: Path, report: Report) -> Task:
        def create() -> "CreateBacklogTaskResponseTypeDef":
            return self._client.create_backlog_task(
                agentSpaceId=self._space,
                taskType="INVESTIGATION",
                title=f"Is {question.service} healthy?",
                description=question.text,
                priority="HIGH",
                clientToken=task.client_token,
            )

        try:
            created = self._call(create, task, report)["task"]
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code in _VOID_ERRORS:
                raise _VoidError(f"{code}: {message}") from None
            (folder / _TASK_FILE).unlink(missing_ok=True)  # nothing was asked
            raise UsageError(f"AWS DevOps Agent cannot be asked in {self._space_arn}: {code}: {message}; check the "
                             "space's ARN and your rights in it") from None  # fmt: skip
        task = dataclasses.replace(task, task_id=created["taskId"])
        files.write(folder / _TASK_FILE, task.record())
        return task

    def _follow(self, task: Task, raw: dict[str, Any], report: Report) -> tuple[str, str | None]:
        """Look at the task until it ends, the deadline passes or it costs too much; return our status and why."""
        while True:
            current = self._call(
                lambda: self._client.get_backlog_task(agentSpaceId=self._space, taskId=task.id), task, report
            )["task"]
            raw["task"], status = current, str(current["status"])
            if not raw["statuses"] or raw["statuses"][-1] != status:
                raw["statuses"].append(status)
            if status == "COMPLETED":
                return "completed", None
            if status in _VOID:
                return "void", _why(status, current)
            progress = functools.partial(self._progress, task, current)
            report(progress())
            cost = progress().cost_usd or 0.0
            if self._max_usd is not None and cost >= self._max_usd:
                return self._cancel(task, f"ended at ${cost:.2f}, because of --max-usd {self._max_usd:g}")
            if self._left(task) <= 0:
                return self._cancel(task, f"no answer within {self._deadline:g} s: it was {status}")
            self._pause(min(self._poll, self._left(task)), progress, report)

    def _progress(self, task: Task, current: Mapping[str, Any]) -> Progress:
        """Return how long it has taken by now, and cost."""
        seconds = self._elapsed(task)
        return Progress(str(current["status"]), seconds, _agent_seconds(current, seconds) * USD_PER_SECOND)

    def abandon(self, folder: Path) -> float | None:
        """Cancel the investigation, which would go on and cost more; return what it cost until now."""
        path = folder / _TASK_FILE
        task = _read_task(path) if path.exists() else None
        if task is None or task.task_id is None:
            return None
        canceled: Mapping[str, Any] = {}
        with contextlib.suppress(ClientError, BotoCoreError):
            canceled = self._canceled(task)
        return _cost(canceled, self._elapsed(task))

    def _pause(self, seconds: float, progress: Callable[[], Progress], report: Report) -> None:
        """Sleep, and let whoever waits stop that each second."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, REPORT_SECONDS))
            report(progress())

    def _cancel(self, task: Task, reason: str) -> tuple[str, str]:
        """Cancel what would go on and cost more."""
        try:
            self._canceled(task)
        except (ClientError, BotoCoreError) as error:
            reason += f"; it could not be canceled and may cost more ({error})"
        return "timed_out", reason

    def _canceled(self, task: Task) -> Mapping[str, Any]:
        """Cancel the task; return it as AWS has it then."""
        return self._client.update_backlog_task(agentSpaceId=self._space, taskId=task.id, taskStatus="CANCELED")["task"]

    def _journal(self, task: Task, raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the records of the execution, oldest first; none where there is no execution."""
        execution = raw.get("task", {}).get("executionId")
        if execution is None:
            listed = self._pages(
                "executions",
                lambda **token: self._client.list_executions(agentSpaceId=self._space, taskId=task.id, **token),
            )
            raw["executions"] = listed
            roots = [execution for execution in listed if not execution.get("parentExecutionId")]
            execution = roots[0]["executionId"] if roots else None
        if execution is not None:
            yield from self._pages(
                "records",
                lambda **token: self._client.list_journal_records(
                    agentSpaceId=self._space, executionId=execution, limit=100, order="ASC", **token
                ),
            )

    def _pages(self, field: str, ask: Callable[..., Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return all pages, each asked for again when the service is busy."""
        items: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self._call(functools.partial(ask, **token))
            items += page[field]
            if not page.get("nextToken") or token.get("nextToken") == page["nextToken"]:
                return items
            token = {"nextToken": page["nextToken"]}

    def _call(self, call: Callable[[], Response], task: Task | None = None, report: Report | None = None) -> Response:
        """Call, again after longer and longer pauses while the service is busy or unreachable, until the deadline."""
        for attempt in range(1_000_000):
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
                is_over = self._left(task) <= 0 if task else attempt >= len(BACKOFF)
                if code not in _AGAIN and not isinstance(error, HTTPClientError):
                    raise
                if is_over:
                    raise _VoidError(f"{code} until the deadline" if task else f"{code}, {attempt} times") from None
                if task and report:
                    report(Progress(f"waiting after {code}", self._elapsed(task)))
                pause = self._poll * BACKOFF[min(attempt, len(BACKOFF) - 1)]
                time.sleep(max(0.0, min(pause, self._left(task)) if task else pause))
        raise AssertionError

    def usage_hours(self) -> float | None:
        """The account's hours of investigations this month: the receipt, which has other people's, too."""
        try:
            usage = self._client.get_account_usage()
            return float(usage["monthlyAccountInvestigationHours"]["usage"])
        except (ClientError, BotoCoreError, KeyError):
            return None

    def _elapsed(self, task: Task) -> float:
        return max(0.0, (datetime.now(timezone.utc) - task.started).total_seconds())

    def _left(self, task: Task) -> float:
        return self._deadline - self._elapsed(task)


def _read_task(path: Path) -> Task:
    valid = records.load(path, "task")
    values = {field.name: valid[field.name] for field in dataclasses.fields(Task)}
    return Task(**{**values, "started": parse_time(valid["started"])})


def _cost(task: Mapping[str, Any], elapsed: float) -> float:
    """Return what the investigation cost, in US dollars; of one that AWS does not tell about, what it can have cost."""
    return round(_agent_seconds(task, elapsed) * USD_PER_SECOND, 4)


def _agent_seconds(task: Mapping[str, Any], elapsed: float) -> float:
    """How long the agent worked: from the task's creation to its last change where it has ended, or else until now."""
    if task.get("status") in ("PENDING_TRIAGE", "PENDING_START", "LINKED", "SKIPPED"):
        return 0.0
    if task.get("status") not in (*_VOID, "COMPLETED"):
        return elapsed
    return max(0.0, float((task["updatedAt"] - task["createdAt"]).total_seconds()))


def _why(status: str, task: "TaskTypeDef") -> str:
    parts = [status]
    if task.get("statusReason"):
        parts.append(str(task["statusReason"]))
    if task.get("primaryTaskId"):
        parts.append(f"linked to the task {task['primaryTaskId']}, which has the journal")
    return ": ".join(parts)


def _types(journal: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({str(record.get("recordType")) for record in journal})) or "it is empty"


def _json(value: Any) -> Any:
    """The same as JSON has it: times as text, which sorts as they do."""
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value.astimezone(timezone.utc).isoformat() if isinstance(value, datetime) else value
