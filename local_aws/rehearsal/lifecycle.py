"""The steps of a rehearsal, and the proof that each needs to pass."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import pulumi
from botocore.exceptions import BotoCoreError, ClientError

from handler.scenario import SURFACES
from infra.aws_context import AwsContext
from infra.names import STATE_KEY_ALIAS, AppNames
from local_aws.engine.choice import Engines
from local_aws.engine.interface import Engine, Update
from local_aws.provider.core import Provider
from local_aws.provider.resource import Aws
from local_aws.rehearsal import denied_calls, github
from local_aws.rehearsal.denied_calls import Account
from local_aws.rehearsal.github import CREDENTIALS
from ops.console import NullConsole
from ops.errors import UsageError
from ops.health.check import Expectation, check, check_gone
from ops.health.telemetry import Telemetry
from ops.health.workload import Workload
from ops.incidents import incident, truth
from ops.stacks import backend, urn

CHECK_REQUESTS = 5
CHECK_TIMEOUT_SECONDS = 15
MESSAGE = "./sandbox rehearse"
"""The message of every update in the history."""

Caller = Literal["administrator", "deploy role", "preview role"]


class StepFailed(Exception):
    """A step ran, and its result was not the expected one."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"expected {expected}; actual {actual}")
        self.expected = expected
        self.actual = actual


@dataclasses.dataclass(frozen=True)
class Proof:
    """What a step proved: a phrase for the console, and the fields that it adds to the record."""

    sentence: str
    record: dict[str, Any] = dataclasses.field(default_factory=dict)


class Step(NamedTuple):
    """`caller` is the role whose credentials it runs with."""

    name: str
    caller: Caller
    run: Callable[[], Proof]


class Lifecycle:
    """The steps, each on the stacks as the steps before left them.

    The account's administrator runs bootstrap. The steps that CI runs on AWS have the same credentials here: those of
    the role that the workflow assumes, with a token like its job's.
    """

    app: Engine

    def __init__(self, engines: Engines, workspace: Path) -> None:
        self._engines = engines
        self._workspace = workspace
        self._foundation: Engine
        self._account: Account
        self._credentials: dict[str, dict[str, str]] = {}
        self._injected = 0.0
        self._before_destroy: list[dict[str, Any]] = []

    def steps(self) -> list[Step]:
        return [
            Step("bootstrap", "administrator", self.bootstrap),
            Step("deploy", "deploy role", self.deploy),
            Step("check healthy", "deploy role", lambda: self.check("healthy")),
            Step("preview the injection", "preview role", self.preview_injection),
            Step("inject", "deploy role", self.inject),
            Step("check failing", "deploy role", lambda: self.check("failing")),
            Step("roll back", "deploy role", lambda: self.flip("false")),
            Step("check healthy again", "deploy role", self.check_recovery),
            Step("the incident's truth", "deploy role", self.tell_truth),
            Step("calls that CI is denied", "deploy role", self.make_denied_calls),
            Step("destroy the app", "deploy role", self.destroy),
            Step("look for leftovers", "administrator", self.look_for_leftovers),
            Step("deploy again", "deploy role", self.deploy),
            Step("deploy with no change", "deploy role", self.deploy_unchanged),
        ]

    def run(self, step: Step) -> dict[str, Any]:
        """Run a step with its caller's credentials; return its entry in the record."""
        started = time.monotonic()
        outcome: dict[str, Any]
        try:
            with self.acting_as(step.caller):
                proof = step.run()
            outcome = {"passed": True, "proved": proof.sentence, **proof.record}
        except StepFailed as failure:
            outcome = {"passed": False, "expected": failure.expected, "actual": failure.actual}
        except (UsageError, pulumi.RunError, BotoCoreError, ClientError) as error:
            outcome = {"passed": False, "expected": "the step to run", "actual": str(error)}
        seconds = round(time.monotonic() - started, 3)
        return {"name": step.name, "as": step.caller, "seconds": seconds, **outcome}

    def acting_as(self, caller: Caller) -> contextlib.AbstractContextManager[None]:
        """Give the caller's credentials to every AWS client that is created now, here or in a child process."""
        return github.acting_with(self._credentials.get(caller, {}))

    def bootstrap(self) -> Proof:
        update = self._engines.bootstrap(github.REPOSITORY, MESSAGE)
        self._foundation = self._engines.stack("bootstrap")
        self._assume_roles(update.outputs)
        _expect("only created resources", set(update.changes) == {"create"}, _counts(update))
        return Proof(f"{_counts(update)}; state moved into its bucket", _record(update, update.outputs))

    def _assume_roles(self, outputs: dict[str, Any]) -> None:
        aws = Aws()
        key = aws.client("kms").describe_key(KeyId=STATE_KEY_ALIAS)["KeyMetadata"]
        self._account = Account(
            context=AwsContext(aws.partition, aws.account, aws.region),
            bucket=urlsplit(outputs["backendUrl"]).netloc,
            key_arn=key["Arn"],
            deploy_role_arn=outputs["deployRoleArn"],
            preview_role_arn=outputs["previewRoleArn"],
            jobs=github.Jobs.of(self._workspace, github.REPOSITORY),
            app=AppNames("app"),
            other_api="",
            token_secret=os.environ["AWS_SECRET_ACCESS_KEY"],
        )
        jobs = self._account.jobs
        self._credentials["administrator"] = {name: os.environ[name] for name in CREDENTIALS if name in os.environ}
        for caller, role, subject in (
            ("deploy role", self._account.deploy_role_arn, jobs.deployment),
            ("preview role", self._account.preview_role_arn, jobs.pull_request),
        ):
            self._credentials[caller] = github.session(aws, role, github.token(subject, self._account.token_secret))
        aws.close()

    def deploy(self) -> Proof:
        self.app = self._engines.stack("app")
        update = self.app.up(MESSAGE)
        _expect("only created resources", set(update.changes) == {"create"}, _counts(update))
        _expect("failMode false", update.outputs["failMode"] is False, f"failMode {update.outputs['failMode']}")
        return Proof(_counts(update), _record(update, update.outputs))

    def check(self, expect: Expectation) -> Proof:
        workload = Workload.of(self.app.resources())
        result = check("app", workload, expect, CHECK_REQUESTS, CHECK_TIMEOUT_SECONDS, NullConsole())
        for observation in result.observations:
            _expect(f"{observation.name}: {observation.expected}", observation.passed, observation.actual)
        alarms = [observation for observation in result.observations if observation.name.startswith("alarm ")]
        states = sorted({alarm.actual for alarm in alarms})
        status = result.responses[-1].status
        sentence = f"{CHECK_REQUESTS} requests in a row {status}; alarms {', '.join(states)}"
        return Proof(sentence, {"check": result.as_record()})

    def check_recovery(self) -> Proof:
        """Check that the app is healthy again, and that the alarms' history shows the incident."""
        proof = self.check("healthy")
        workload = Workload.of(self.app.resources())
        telemetry = Telemetry(workload)
        missing = [alarm for alarm in workload.alarms if not telemetry.was_in_alarm(alarm, self._injected)]
        _expect("ALARM in every alarm's history", not missing, f"no ALARM in that of {', '.join(missing)}")
        return proof

    def tell_truth(self) -> Proof:
        """Derive the truth of the incident, and compare it with what was done here."""
        incidents = list(incident.find(backend.Backend(os.environ["PULUMI_BACKEND_URL"]), "app"))
        _expect("one incident", len(incidents) == 1, str(len(incidents)))
        record = truth.record("app", incidents[0])
        change = record["change"]
        surface = SURFACES[record["surface"]]
        done = (self._account.app.function, surface.variable, surface.healthy, surface.failing, github.SESSION)
        derived = (
            change["arn"].rpartition(":")[2],
            change["path"].removeprefix("environment.variables."),
            change["from"],
            change["to"],
            change["session"],
        )
        _expect(f"what was done: {', '.join(done)}", derived == done, ", ".join(derived))
        _expect("a valid incident", record["valid"]["valid"], "; ".join(record["valid"]["why"]))
        _expect("onset after the injection began", _epoch(record["onset"]) >= self._injected, record["onset"])
        _expect(
            "every alarm",
            set(record["consequences"]) == set(self.app.outputs()["alarmNames"]),
            ", ".join(record["consequences"]),
        )
        lasted = _epoch(record["end"]) - _epoch(record["onset"])
        sentence = f"{change['path'].rpartition('.')[2]} {change['from']} → {change['to']} by {change['session']}; "
        return Proof(f"{sentence}requests failed for {lasted:.1f} s", {"truth": record})

    def preview_injection(self) -> Proof:
        app = self._engines.stack("app")
        app.set_config("failMode", "true")
        update = app.preview()
        self._expect_only_the_environment(update)
        return Proof(_steps(update), _record(update))

    def inject(self) -> Proof:
        self._injected = time.time()
        return self.flip("true")

    def flip(self, fail_mode: str) -> Proof:
        self.app.set_config("failMode", fail_mode)
        update = self.app.up(MESSAGE)
        self._expect_only_the_environment(update)
        return Proof(_steps(update), _record(update, update.outputs))

    def make_denied_calls(self) -> Proof:
        """Make the calls that AWS must deny to CI's roles, and check that the app has not changed."""
        clients: dict[str, Aws] = {}
        callers: tuple[Caller, ...] = ("administrator", "deploy role", "preview role")
        for caller in callers:
            with self.acting_as(caller):
                clients[caller] = Aws()
        gateway = clients["administrator"].client("apigatewayv2")
        api = gateway.create_api(Name="billing", ProtocolType="HTTP")["ApiId"]  # another team's
        deploy = clients["deploy role"]
        calls = [
            {"by": call.caller, "call": call.title, "answer": call.result(clients.get(call.caller, deploy))}
            for call in denied_calls.of_ci(dataclasses.replace(self._account, other_api=api))
        ]
        gateway.delete_api(ApiId=api)
        for aws in clients.values():
            aws.close()
        allowed = [
            f"{call['by']}: {call['call']}: {call['answer']}"
            for call in calls
            if call["answer"] not in denied_calls.REFUSALS
        ]
        _expect("every call denied", not allowed, "; ".join(allowed))
        app = self.app.refresh(MESSAGE)
        _expect("the app unchanged", not app.changed, _steps(app))
        return Proof(f"{len(calls)} of {len(calls)} denied; the app is unchanged", {"deniedCalls": calls})

    def destroy(self) -> Proof:
        self._before_destroy = self.app.resources()
        update = self.app.destroy(MESSAGE)
        _expect("only deleted resources", set(update.changes) == {"delete"}, _counts(update))
        gone = check_gone("app", backend.Backend(os.environ["PULUMI_BACKEND_URL"]), NullConsole())
        for observation in gone.observations:
            _expect(f"{observation.name}: {observation.expected}", observation.passed, observation.actual)
        return Proof(_counts(update), {**_record(update), "check": gone.as_record()})

    def look_for_leftovers(self) -> Proof:
        """Look for every deleted resource in AWS itself, not in the state."""
        provider = Provider(Aws())
        deleted = [resource for resource in self._before_destroy if urn.is_in_aws(resource["type"])]
        leftovers = [
            urn.name_of(resource["urn"])
            for resource in deleted
            if provider.read(resource["type"], resource["id"], resource["outputs"]) is not None
        ]
        _expect("nothing of the app", not leftovers, ", ".join(leftovers))
        foundation = self._foundation.refresh(MESSAGE)
        _expect("the foundation as bootstrap left it", not foundation.changed, _steps(foundation))
        return Proof(f"none of the app's {len(deleted)}; bootstrap's {_counts(foundation)}", _record(foundation))

    def deploy_unchanged(self) -> Proof:
        update = self.app.up(MESSAGE)
        _expect("no change", not update.changed, _steps(update))
        return Proof(_counts(update), _record(update, update.outputs))

    def _expect_only_the_environment(self, update: Update) -> None:
        changed = [(step.operation, step.type, step.changed) for step in update.changed]
        _expect(
            "one update, of the function, of its environment alone",
            changed == [("update", "aws:lambda/function:Function", ("environment",))],
            _steps(update) or "no change",
        )


def _expect(expected: str, passed: bool, actual: str) -> None:
    if not passed:
        raise StepFailed(expected, actual)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _counts(update: Update) -> str:
    """Return how many AWS resources each operation was for; Pulumi's own are not counted."""
    names = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged"}
    counts: dict[str, int] = {}
    for step in update.steps:
        if urn.is_in_aws(step.type):
            name = names[step.operation]
            counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{count} {operation}" for operation, count in sorted(counts.items())) or "nothing"


def _steps(update: Update) -> str:
    return ", ".join(
        f"{step.operation} {step.type.split(':')[-1]}: {', '.join(step.changed)}" for step in update.changed
    )


def _record(update: Update, outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"update": update.as_json()} | ({"outputs": outputs} if outputs else {})
