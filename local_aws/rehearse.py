"""`./sandbox rehearse`: the whole incident lifecycle on an emulator, every step proved."""

import argparse
import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import current, emulator, loopback
from ops import project, report
from ops.errors import UsageError
from ops.project import ROOT

if TYPE_CHECKING:
    from local_aws.attempts import Account
    from local_aws.engine.choice import Engines
    from local_aws.engine.interface import Engine

REPOSITORY = "octo-org/incident-sandbox"  # GitHub's own example organisation
CHECK_REQUESTS = 5
CHECK_TIMEOUT_SECONDS = 30
MESSAGE = "./sandbox rehearse"  # in the history of every update


class StepFailed(Exception):
    """A step did not prove what it should."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected {expected}; saw {seen}")
        self.expected = expected
        self.seen = seen


@dataclasses.dataclass
class Proof:
    """What a step proved, in a sentence, and what the record keeps of it."""

    sentence: str
    record: dict[str, Any] = dataclasses.field(default_factory=dict)


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    loopback.refuse_remote_endpoints()
    if options.json:
        report.check_writable(options.json)
    lines = report.Report()
    record: dict[str, Any] = {
        "held": False,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "steps": [],
    }
    started = time.monotonic()
    try:
        record["held"] = held = _rehearse(options, lines, record)
    finally:
        record["seconds"] = round(time.monotonic() - started, 3)
        if options.json:
            report.write_json(options.json, record)
    if held:
        lines.line(f"every step held, in {record['seconds']:.1f} s")
    return 0 if held else 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox rehearse",
        description="Run the whole incident lifecycle against an AWS emulator on this machine: bootstrap, deploy, "
        "inject, roll back, destroy, each with the credentials that it has on AWS, and prove each step. Never touches "
        "real AWS. Exit 0 only if every step held.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record of the run")
    parser.add_argument(
        "--keep", action="store_true", help="leave the emulator up, with the app deployed and healthy, at the end"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the emulator's port (default: a free one)")
    parser.add_argument(
        "--engine",
        choices=("auto", "pulumi", "embedded"),
        default="auto",
        help="the Pulumi CLI, or the engine that needs none (auto: the CLI if it is on PATH)",
    )
    return parser


def _rehearse(options: argparse.Namespace, lines: report.Report, record: dict[str, Any]) -> bool:
    region = project.region(ROOT, "app")
    with (
        current.becoming() if options.keep else contextlib.nullcontext(),
        emulator.running(region, options.port) as aws,
    ):
        for name in list(os.environ):
            if name.startswith(("AWS_", "PULUMI_")):
                del os.environ[name]
        os.environ.update(aws.pulumi_environment())

        from local_aws.engine.choice import choose  # loads Pulumi's SDK, which takes its time

        engines = choose(options.engine, aws)
        record["emulator"] = {
            "endpoint": aws.url,
            "account": emulator.ACCOUNT,
            "region": region,
            "clockScale": emulator.CLOCK_SCALE,
        }
        record["engine"] = {"name": engines.name, "version": engines.version}
        lines.line(f"emulator at {aws.url}, account {emulator.ACCOUNT}, {region}; "
                   f"alarm periods run {emulator.CLOCK_SCALE} times faster than on AWS")  # fmt: skip
        lines.line(f"engine: {engines.title}")
        lifecycle = Lifecycle(engines, aws.workspace)
        for number, step in enumerate(lifecycle.steps(), 1):
            if not _run_step(number, step, lifecycle, lines, record["steps"]):
                return False
        record["outputs"] = lifecycle.app.outputs()
        if options.keep:
            current.register(aws)
            lines.line(f"""
The emulator stays, with the app deployed and healthy.
  API       {record["outputs"]["apiUrl"]}
  use it    eval "$(./sandbox local env)"     for AWS clients, `pulumi` and ./sandbox check in this shell
  check     ./sandbox check --stack app --expect healthy
  inject    ./sandbox local up --config failMode=true
  stop      ./sandbox local stop
""")
    return True


Who = Literal["administrator", "deploy role", "preview role"]


class Step(NamedTuple):
    """`who` is whose credentials it runs with."""

    name: str
    who: Who
    run: Callable[[], Proof]


def _run_step(
    number: int, step: Step, lifecycle: "Lifecycle", lines: report.Report, records: list[dict[str, Any]]
) -> bool:
    import pulumi

    title = f"{number:2}  {step.name}"
    started = time.monotonic()
    lines.waiting(f"{title} …")
    outcome: dict[str, Any]
    try:
        with lifecycle.acting_as(step.who):
            proof = step.run()
        outcome = {"held": True, "proved": proof.sentence, **proof.record}
    except StepFailed as failure:
        outcome = {"held": False, "expected": failure.expected, "seen": failure.seen}
    except (UsageError, pulumi.RunError, BotoCoreError, ClientError) as error:
        outcome = {"held": False, "expected": "the step to run", "seen": str(error)}
    seconds = time.monotonic() - started
    records.append({"name": step.name, "as": step.who, "seconds": round(seconds, 3), **outcome})
    if outcome["held"]:
        lines.line(f"{title}, as {step.who}: {outcome['proved']}  ({seconds:.1f} s)")
    else:
        lines.line(
            f"{title}, as {step.who}: FAILED\n    expected {outcome['expected']}\n    saw      {outcome['seen']}"
        )
    return bool(outcome["held"])


class Lifecycle:
    """The steps, each over the stacks as the steps before it left them.

    Bootstrap is the account's administrator's. What CI does afterwards has the credentials that CI would have: those of
    the role that its workflow assumes, by a token such as its job's.
    """

    def __init__(self, engines: "Engines", workspace: Path) -> None:
        self._engines = engines
        self._workspace = workspace
        self.app: Engine
        self._foundation: Engine
        self._account: Account
        self._credentials: dict[str, dict[str, str]] = {}
        self._injected = 0.0
        self._before_destroy: list[dict[str, Any]] = []

    def steps(self) -> list[Step]:
        return [
            Step("bootstrap", "administrator", self.make_foundation),
            Step("deploy", "deploy role", self.deploy),
            Step("check healthy", "deploy role", lambda: self.check("healthy")),
            Step("preview of the injection", "preview role", self.preview_injection),
            Step("inject", "deploy role", self.inject),
            Step("check failing", "deploy role", lambda: self.check("failing")),
            Step("roll back", "deploy role", lambda: self.flip("false")),
            Step("check healthy again", "deploy role", self.check_recovery),
            Step("what CI may not do", "deploy role", self.attempt),
            Step("destroy the app", "deploy role", self.destroy),
            Step("what is left", "administrator", self.inspect_rest),
            Step("deploy again", "deploy role", self.deploy),
            Step("deploy with nothing changed", "deploy role", self.deploy_unchanged),
        ]

    @contextlib.contextmanager
    def acting_as(self, who: Who) -> Iterator[None]:
        """Make these the credentials of every AWS client that is made, in this process or in one it starts."""
        from local_aws.github import CREDENTIALS

        before = {name: os.environ.pop(name) for name in CREDENTIALS if name in os.environ}
        os.environ.update(self._credentials.get(who, before))
        try:
            yield
        finally:
            for name in CREDENTIALS:
                os.environ.pop(name, None)
            os.environ.update(before)

    def make_foundation(self) -> Proof:
        update = self._engines.bootstrap(REPOSITORY, MESSAGE)
        self._foundation = self._engines.stack("bootstrap")
        self._assume_roles(update.outputs)
        _expect("only created resources", set(update.changes) == {"create"}, _counts(update.changes))
        bucket = urlsplit(update.outputs["backendUrl"]).netloc
        return Proof(f"{_counts(update.changes)}; its state is in s3://{bucket}", _record(update, update.outputs))

    def _assume_roles(self, bootstrap: dict[str, Any]) -> None:
        from infra.aws_context import AwsContext
        from infra.names import STATE_KEY_ALIAS, AppNames
        from local_aws import github
        from local_aws.attempts import Account
        from local_aws.provider.resource import Aws

        aws = Aws()
        key = aws.client("kms").describe_key(KeyId=STATE_KEY_ALIAS)["KeyMetadata"]
        self._account = Account(
            context=AwsContext(aws.partition, aws.account, aws.region),
            bucket=urlsplit(bootstrap["backendUrl"]).netloc,
            key_arn=key["Arn"],
            deploy_role_arn=bootstrap["deployRoleArn"],
            preview_role_arn=bootstrap["previewRoleArn"],
            jobs=github.Jobs.of(self._workspace, REPOSITORY),
            app=AppNames("app"),
            other_api="",
        )
        jobs = self._account.jobs
        self._credentials["administrator"] = dict(emulator.ROOT_CREDENTIALS)
        for who, role, subject in (
            ("deploy role", self._account.deploy_role_arn, jobs.deployment),
            ("preview role", self._account.preview_role_arn, jobs.pull_request),
        ):
            self._credentials[who] = github.session(aws, role, github.token(subject))
        aws.close()

    def deploy(self) -> Proof:
        self.app = self._engines.stack("app")
        update = self.app.up(MESSAGE)
        _expect("only created resources", set(update.changes) == {"create"}, _counts(update.changes))
        _expect("failMode false", update.outputs["failMode"] is False, f"failMode {update.outputs['failMode']}")
        return Proof(f"{_counts(update.changes)}; {update.outputs['apiUrl']}", _record(update, update.outputs))

    def check(self, expect: Any) -> Proof:
        from ops.check import check
        from ops.workload import Workload

        workload = Workload.of(self.app.outputs())
        result = check(workload, expect, CHECK_REQUESTS, CHECK_TIMEOUT_SECONDS, report.Silence())
        for observation in result.observations:
            _expect(f"{observation.name}: {observation.expected}", observation.held, observation.seen)
        seen = "; ".join(f"{one.name.removeprefix('alarm ')} {one.seen}" for one in result.observations[1:])
        return Proof(f"{result.observations[0].seen}; {seen}", {"check": result.as_json()})

    def check_recovery(self) -> Proof:
        """Healthy again, and the alarms' history tells of the incident."""
        from ops.workload import Workload

        proof = self.check("healthy")
        workload = Workload.of(self.app.outputs())
        silent = [alarm for alarm in workload.alarms if not workload.was_in_alarm(alarm, self._injected)]
        _expect("every alarm's history to tell of the incident", not silent, f"nothing in that of {', '.join(silent)}")
        return proof

    def preview_injection(self) -> Proof:
        app = self._engines.stack("app")
        app.set_config("failMode", "true")
        update = app.preview()
        self._expect_only_the_environment(update)
        return Proof(f"{_counts(update.changes)}: {_steps(update)}", _record(update))

    def inject(self) -> Proof:
        self._injected = time.time()
        return self.flip("true")

    def flip(self, fail_mode: str) -> Proof:
        self.app.set_config("failMode", fail_mode)
        update = self.app.up(MESSAGE)
        self._expect_only_the_environment(update)
        return Proof(
            f"failMode {fail_mode}: {_counts(update.changes)}: {_steps(update)}", _record(update, update.outputs)
        )

    def attempt(self) -> Proof:
        """Tries what CI's roles must be refused, and sees that the app is as it was."""
        from local_aws import attempts
        from local_aws.provider.resource import Aws

        clients: dict[str, Aws] = {}
        whos: tuple[Who, ...] = ("administrator", "deploy role", "preview role")
        for who in whos:
            with self.acting_as(who):
                clients[who] = Aws()
        gateway = clients["administrator"].client("apigatewayv2")
        api = gateway.create_api(Name="billing", ProtocolType="HTTP")["ApiId"]  # another team's
        tried = [
            {"by": one.by, "attempt": one.what, "answer": one.answer(clients.get(one.by, clients["deploy role"]))}
            for one in attempts.of_ci(dataclasses.replace(self._account, other_api=api))
        ]
        gateway.delete_api(ApiId=api)
        for aws in clients.values():
            aws.close()
        allowed = [f"{one['by']}: {one['attempt']}: {one['answer']}" for one in tried
                   if one["answer"] not in attempts.REFUSALS]  # fmt: skip
        _expect("every attempt refused", not allowed, "; ".join(allowed))
        app = self.app.refresh(MESSAGE)
        _expect("the app as it was", not app.changed, _steps(app))
        return Proof(f"{len(tried)} of {len(tried)} attempts refused", {"attempts": tried})

    def destroy(self) -> Proof:
        self._before_destroy = self.app.resources()
        update = self.app.destroy(MESSAGE)
        _expect("only deleted resources", set(update.changes) == {"delete"}, _counts(update.changes))
        return Proof(_counts(update.changes), _record(update))

    def inspect_rest(self) -> Proof:
        """Asks AWS itself, not the state, for every resource that there was."""
        from local_aws.engine.deployment import PROVIDER_TYPE
        from local_aws.provider.core import Provider
        from local_aws.provider.resource import Aws

        provider = Provider(Aws())
        deleted = [
            resource for resource in self._before_destroy if resource["custom"] and resource["type"] != PROVIDER_TYPE
        ]
        left = [
            resource["urn"].split("::")[-1]
            for resource in deleted
            if provider.read(resource["type"], resource["id"], resource["outputs"]) is not None
        ]
        _expect("nothing of the app", not left, ", ".join(left))
        foundation = self._foundation.refresh(MESSAGE)
        _expect("the foundation as bootstrap made it", not foundation.changed, _steps(foundation))
        kept = foundation.changes["same"]
        return Proof(
            f"none of the app's {len(deleted)} AWS resources; all {kept} of bootstrap's, unchanged", _record(foundation)
        )

    def deploy_unchanged(self) -> Proof:
        update = self.app.up(MESSAGE)
        _expect("no change", not update.changed, _steps(update))
        return Proof(_counts(update.changes), _record(update, update.outputs))

    def _expect_only_the_environment(self, update: Any) -> None:
        changed = [(step.operation, step.type, step.changed) for step in update.changed]
        _expect(
            "one update, of the function, of its environment alone",
            changed == [("update", "aws:lambda/function:Function", ("environment",))],
            _steps(update) or "no change",
        )


def _expect(expected: str, held: bool, seen: str) -> None:
    if not held:
        raise StepFailed(expected, seen)


def _counts(changes: dict[Any, int]) -> str:
    past = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged"}
    return ", ".join(f"{count} {past[operation]}" for operation, count in sorted(changes.items(), reverse=True))


def _steps(update: Any) -> str:
    return ", ".join(f"{step.operation} {step.subject}" for step in update.changed)


def _record(update: Any, outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"update": update.as_json()} | ({"outputs": outputs} if outputs else {})
