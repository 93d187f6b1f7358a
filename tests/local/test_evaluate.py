"""./sandbox evaluate ask and score on a failing app. Every investigator in every arm: test_campaign.py."""

import functools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from cli import evaluate
from cli.main import INTERRUPTED
from evaluation.times import format_time
from infra import names
from local_aws.emulator.agent_spaces import BEHAVIOURS
from local_aws.emulator.process import Emulator
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.provider.resource import Aws
from ops import observer
from ops.errors import UsageError
from ops.health import requests
from tests.local.conftest import REGION, load, reset
from tests.support.deploying import app_over_bootstrap
from tests.unit.evaluation.cases import truth_record

ACCOUNT = "111122223333"
SPACES = f"arn:aws:aidevops:{REGION}:{ACCOUNT}:agentspace"
SYMPTOM_SECONDS = 20
OWN_AGENT = """
import re, sys
sys.path.insert(0, {root!r})
import boto3
from datetime import datetime
from evaluation.investigators import runbook
asked = re.search(r"service (\\S+) in AWS region (\\S+) healthy since (\\S+)Z\\?", sys.stdin.read())
print(runbook.investigate(boto3.Session(), asked[1], datetime.fromisoformat(asked[3] + "+00:00")).markdown)
"""


@dataclass
class Account:
    """An emulator with the app; `person` is the environment of somebody whom `observer` trusts."""

    emulator: Emulator
    administrator: Aws
    app: EmbeddedEngine
    person: Mapping[str, str]
    folder: Path
    root: Path
    begun: datetime
    truth: dict[str, Any]

    def ask(self, folder: Path, agent: str, *options: str) -> int:
        """Run `evaluate ask` as the person, about health since this began."""
        more = {"devops-agent": ["--space", f"{SPACES}/good", "--poll", "0.1"],
                "command": ["--command", f"{sys.executable} {self.folder / 'agent.py'}"]}.get(agent, [])  # fmt: skip
        with pytest.MonkeyPatch.context() as environment:
            load(environment, {**self.emulator.environment(), **self.person})
            arguments = ["--stack", "app", "--agent", agent, "--out", str(folder), "--yes", *more, *options]
            return evaluate.main(["ask", "--since", format_time(self.begun), *arguments])

    def score(self, folder: Path) -> int:
        (folder / "truth.json").write_text(json.dumps(self.truth))
        return evaluate.main(["score", str(folder)])

    def client(self, service: str) -> Any:
        with pytest.MonkeyPatch.context() as environment:
            load(environment, self.emulator.environment())
            return self.administrator.client(service)


@pytest.fixture(scope="module")
def account(started: Emulator, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The app deployed and healthy, with traffic."""
    reset(started)
    begun = datetime.now(timezone.utc).replace(microsecond=0)
    folder = tmp_path_factory.mktemp("account")
    (folder / "agent.py").write_text(OWN_AGENT.format(root=str(root)))
    with pytest.MonkeyPatch.context() as environment:
        load(environment, started.environment())
        aws = Aws()
        iam = aws.client("iam")
        iam.create_user(UserName="casey")
        may = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": "*"}
        ask = {"Effect": "Allow", "Action": ["aidevops:*"], "Resource": f"{SPACES}/*"}
        usage = {"Effect": "Allow", "Action": ["aidevops:GetAccountUsage"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may, ask, usage]})
        iam.put_user_policy(UserName="casey", PolicyName="ask", PolicyDocument=policy)
        key = iam.create_access_key(UserName="casey")["AccessKey"]
        person = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        people = {"operatorPrincipals": f"arn:aws:iam::{ACCOUNT}:user/casey"}
        app, _, _ = app_over_bootstrap(root, aws, folder / "state", **people)
        app.set_config("trafficPerMinute", "1")  # a minute is a second here, and this machine may be busy
        app.up()
        yield Account(started, aws, app, person, folder, root, begun, {})
        aws.close()


@pytest.fixture(scope="module")
def failing(account: Account) -> None:
    """The app is failing, and everything shows it."""
    with pytest.MonkeyPatch.context() as environment:
        load(environment, account.emulator.environment())
        before = datetime.now(timezone.utc)
        account.app.set_config("failMode", "true")
        account.app.up()
        after = datetime.now(timezone.utc)
        for _ in range(4):
            requests.send(account.app.outputs()["apiUrl"])
    account.truth.update(derived_truth(before, after))
    wait_for(lambda: len(raised(account)) == 2, "two alarms")


def derived_truth(earliest: datetime, latest: datetime) -> dict[str, Any]:
    """The truth record of the app, as the person who did it knows it."""
    app = names.AppNames("app")
    handler = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{app.function}"
    change = {
        "arn": handler, "type": "AWS::Lambda::Function", "path": "environment.variables.FAIL_MODE", "from": "false",
        "to": "true", "api": "UpdateFunctionConfiguration20150331v2", "earliest": format_time(earliest),
        "latest": format_time(latest), "session": "deploy-local", "run": None,
    }  # fmt: skip
    return truth_record(
        stack="app", surface="named", region=REGION, account=ACCOUNT, service=app.prefix,
        change=change, other_changes=[], onset=format_time(latest), end=None,
        consequences=[app.errors_alarm, app.server_errors_alarm, "request could not be served"],
        aliases={handler: [app.function, "the handler"]},
    )  # fmt: skip


def wait_for(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SYMPTOM_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def raised(account: Account) -> list[str]:
    alarms = account.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    return [alarm["AlarmName"] for alarm in alarms]


READABLE = {"string", "markdown", "message", "pages", "late-execution", "throttled", "broken", "slow"}
FOR_EVER = {"approval": "PENDING_CUSTOMER_APPROVAL", "waiting": "WAITING", "never": "IN_PROGRESS",
            "unknown-status": "REVIEWING"}  # fmt: skip
VOID = {
    "linked": "LINKED: linked to the task ", "skipped": "SKIPPED: Not an incident", "failed": "FAILED: An internal",
    "timed-out": "TIMED_OUT: The investigation", "canceled": "CANCELED: Canceled by the customer",
    "no-journal": "the journal has nothing to read: it is empty", "no-execution": "the journal has nothing to read: it",
    "unknown-records": "the journal has nothing to read: phase, ui_investigation_summary, utilization",
    "busy": "ThrottlingException until the deadline", "quota": "ServiceQuotaExceededException: The monthly",
    "too-large": "ContentSizeExceededException", "conflict": "ConflictException",
}  # fmt: skip


def test_every_behaviour_of_a_space_is_tried() -> None:
    assert READABLE | set(FOR_EVER) | set(VOID) | {"blind", "denied"} == set(BEHAVIOURS)


def asked_of(account: Account, tmp_path: Path, behaviour: str, *options: str) -> tuple[int, dict[str, Any]]:
    space = f"{SPACES}/{behaviour}-{tmp_path.name}"
    status = account.ask(tmp_path / "out", "devops-agent", "--space", space, "--poll", "0.05", *options)
    return status, json.loads((tmp_path / "out" / "answer.json").read_text())


@pytest.mark.parametrize("behaviour", sorted(READABLE))
def test_an_answer_of_the_agent_is_read_in_every_form(
    behaviour: str, account: Account, failing: Any, tmp_path: Path
) -> None:
    status, answer = asked_of(account, tmp_path, behaviour, "--deadline", "20")

    assert (status, answer["status"]) == (0, "completed"), answer["reason"]
    assert account.score(tmp_path / "out") == 0
    assert answer["cost_usd"] > 0


@pytest.mark.parametrize("behaviour", sorted(VOID))
def test_what_is_no_answer_is_void(behaviour: str, account: Account, failing: Any, tmp_path: Path) -> None:
    deadline = "1.5" if behaviour == "busy" else "20"  # the others end by themselves, on a busy machine later
    status, answer = asked_of(account, tmp_path, behaviour, "--deadline", deadline)

    assert (status, answer["status"]) == (2, "void")
    assert answer["reason"].startswith(VOID[behaviour])
    assert account.score(tmp_path / "out") == 2
    assert not (tmp_path / "out" / "findings.json").exists()


@pytest.mark.parametrize("behaviour", sorted(FOR_EVER))
def test_an_investigation_that_does_not_end_is_canceled_at_the_deadline(
    behaviour: str, account: Account, failing: Any, tmp_path: Path
) -> None:
    status, answer = asked_of(account, tmp_path, behaviour, "--deadline", "0.6")

    assert (status, answer["status"]) == (2, "timed_out")
    assert answer["reason"] == f"no answer within 0.6 s: it was {FOR_EVER[behaviour]}"
    assert account.score(tmp_path / "out") == 1
    assert tasks(account, f"{behaviour}-{tmp_path.name}") == ["CANCELED"]


def test_an_investigation_is_canceled_at_the_cost(account: Account, failing: Any, tmp_path: Path) -> None:
    status, answer = asked_of(account, tmp_path, "never", "--max-usd", "0.002")

    assert (status, answer["status"], answer["cost_usd"] < 0.01) == (2, "timed_out", True)
    assert "because of --max-usd 0.002" in answer["reason"]


def test_a_well_formed_report_of_an_agent_that_saw_nothing_does_not_pass(
    account: Account, failing: Any, tmp_path: Path
) -> None:
    status, answer = asked_of(account, tmp_path, "blind")

    assert (status, answer["status"]) == (0, "completed")
    assert account.score(tmp_path / "out") in (1, 2)


def tasks(account: Account, space: str) -> list[str]:
    listed = account.client("devops-agent").list_backlog_tasks(agentSpaceId=space)["tasks"]
    return [task["status"] for task in listed]


@pytest.mark.parametrize("is_known", [True, False], ids=["after AWS answered", "before AWS answered"])
def test_an_interrupted_wait_goes_on_and_asks_nothing_twice(
    is_known: bool, account: Account, failing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = functools.partial(asked_of, account, tmp_path, "good")

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("evaluation.investigators.devops_agent.DevOpsAgent._follow", interrupt)
        assert account.ask(tmp_path / "out", "devops-agent", "--space", f"{SPACES}/good-{tmp_path.name}") == INTERRUPTED
    trace = tmp_path / "out" / "task.json"
    task = json.loads(trace.read_text())
    assert task["task_id"]
    if not is_known:
        trace.write_text(json.dumps({**task, "task_id": None}))

    status, answer = ask()

    assert (status, answer["status"]) == (0, "completed")
    assert tasks(account, f"good-{tmp_path.name}") == ["COMPLETED"]
    with pytest.raises(UsageError, match="has an answer already"):
        ask()


def test_who_may_not_ask_is_told_and_nothing_is_asked(account: Account, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be asked in .*AccessDeniedException: You do not have access"):
        asked_of(account, tmp_path, "denied")
    elsewhere = f"arn:aws:aidevops:{REGION}:{ACCOUNT}:agentspace/elsewhere"
    account.client("iam").put_user_policy(
        UserName="casey", PolicyName="not there", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "aidevops:*", "Resource": elsewhere}}
        ),
    )  # fmt: skip
    with pytest.raises(UsageError, match="not authorized to perform: aidevops:CreateBacklogTask"):
        account.ask(tmp_path / "denied", "devops-agent", "--space", elsewhere)
    assert tasks(account, "elsewhere") == []
    assert not (tmp_path / "denied" / "task.json").exists()


def test_the_service_checks_requests_by_its_model(account: Account) -> None:
    agent = account.client("devops-agent")
    created = agent.create_backlog_task(agentSpaceId="never-x", taskType="INVESTIGATION", title="t", priority="LOW")
    again = {"agentSpaceId": "never-x", "taskType": "INVESTIGATION", "title": "t", "priority": "LOW"}
    same = [agent.create_backlog_task(**again, clientToken="token")["task"]["taskId"] for _ in range(2)]

    assert created["task"]["status"] == "PENDING_TRIAGE"
    assert same[0] == same[1]
    with pytest.raises(agent.exceptions.ConflictException):
        agent.create_backlog_task(**{**again, "title": "other"}, clientToken="token")
    with pytest.raises(agent.exceptions.ResourceNotFoundException):
        agent.get_backlog_task(agentSpaceId="another", taskId=same[0])
    agent.update_backlog_task(agentSpaceId="never-x", taskId=same[0], taskStatus="CANCELED")
    assert agent.get_account_usage()["monthlyAccountInvestigationHours"]["usage"] > 0


def test_investigators_use_the_observer_where_it_trusts_the_person_and_else_the_shells(account: Account) -> None:
    with pytest.MonkeyPatch.context() as environment:
        load(environment, {**account.emulator.environment(), **account.person})
        trusted = observer.access(REGION)
        load(environment, account.emulator.environment())
        root = observer.access(REGION)

    assert trusted.sentence == "the role storefront-observer"
    assert trusted.variables["AWS_SESSION_TOKEN"]
    assert root.sentence.startswith(f"arn:aws:iam::{ACCOUNT}:root, because it may not assume storefront-observer")
    assert root.variables["AWS_ACCESS_KEY_ID"] == account.emulator.environment()["AWS_ACCESS_KEY_ID"]
    assert "AWS_SECRET" not in repr(trusted)
    assert trusted.variables["AWS_SECRET_ACCESS_KEY"] not in repr(trusted)


def test_asking_and_scoring_are_fast(
    account: Account, failing: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    lines = []
    for agent in ("runbook", "command", "devops-agent"):
        begin = time.monotonic()
        assert account.ask(tmp_path / agent, agent) == 0
        asked = time.monotonic() - begin
        assert account.score(tmp_path / agent) == 0
        scored = time.monotonic() - begin - asked
        lines.append(f"{agent}: asked in {asked:.2f} s, scored in {scored:.2f} s")
        assert asked + scored < 5
        assert scored < 1
    request.node.user_properties.append(("section", ("evaluate", lines)))
    assert datetime.now(timezone.utc) - account.begun < timedelta(minutes=30)


def test_a_stack_that_is_not_deployed_is_not_asked_about(account: Account, tmp_path: Path) -> None:
    arguments = ["--agent", "devops-agent", "--space", f"{SPACES}/apple", "--out", str(tmp_path / "out"), "--yes"]
    with pytest.MonkeyPatch.context() as environment:
        load(environment, account.emulator.environment())
        with pytest.raises(UsageError, match="--stack apple: AWS has no function storefront-apple-handler in eu-west"):
            evaluate.main(["ask", "--stack", "apple", *arguments])

    assert tasks(account, "apple") == []
    assert not (tmp_path / "out").exists()
