"""CI's roles have the permissions that they need and no others, as rehearsals in those roles show."""

import contextlib
import itertools
import json
import shutil
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from infra import names
from local_aws.emulator import iam
from local_aws.emulator.process import Emulator
from local_aws.engine.choice import choose
from local_aws.provider.resource import Aws
from local_aws.rehearsal import denied_calls, github
from local_aws.rehearsal.denied_calls import DeniedCall
from local_aws.rehearsal.lifecycle import Lifecycle, Step, StepFailed
from ops.errors import UsageError
from tests.local.conftest import load, replace_policy, reset
from tests.local.test_denied_calls import CONTEXT, make_account
from tests.support import attacks, permissions
from tests.support.permissions import granted, of_role, statements, without

DEPLOY = of_role("deploy", CONTEXT)

CONCERN = {statement["Sid"]: concern for concern, policy in DEPLOY.items() for statement in statements(policy)}
"""The policy of the deploy role that each of its statements is in."""

DENIALS = {
    "NoNestedPaths": "create a role of any name in a nested path: allowed",
    "LeaveBootstrapsState": "read bootstrap's state: allowed",
}
"""The statements without which a call that CI must be denied changes something, by the call."""

NEEDED_TO_DEPLOY = ("DecryptState", "EncryptState", "ListState", "ReadState", "WriteOwnState")
NEEDED_BY_STEP = {
    "check healthy": ("ReadLogs",),
    "check failing": ("ReadMetrics",),
    "check healthy again": ("ReadAlarmHistory",),
    "the incident's truth": ("ReadEvents",),
    "calls that CI is denied": ("NoVersions",),
    "destroy the app": ("FindByTags", "FindRoles"),
}
"""The statements without which the provider's table lacks nothing, by the first step of a rehearsal that fails."""

UNUSED = {
    "deploy": {},
    "preview": {"s3:ListBucket": "the Pulumi CLI lists a stack's files; the embedded engine knows their names"},
}
"""Granted actions that neither the provider's table nor a rehearsal on the embedded engine uses, and why."""

IMPLIED = {
    "apigateway:TagResource", "cloudwatch:TagResource", "iam:PassRole", "iam:TagRole", "kms:Decrypt",
    "kms:GenerateDataKey", "lambda:TagResource", "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
    "logs:PutResourcePolicy", "logs:TagResource",
}  # fmt: skip
"""Actions that AWS, and so local_aws/emulator/iam.py, evaluates for calls with other names."""


@pytest.fixture
def lifecycle(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Lifecycle:
    shutil.rmtree(emulator.directory / "bootstrap", ignore_errors=True)  # the state of the previous test
    load(monkeypatch, emulator.pulumi_environment())
    return Lifecycle(choose("embedded", emulator), emulator.workspace)


class Rehearsed(NamedTuple):
    """A rehearsal that passed: the decisions of IAM, and the response that the preview role gets to each call that the
    engine made."""

    decisions: list[dict[str, Any]]
    responses: list[tuple[str, str]]


@pytest.fixture(scope="module")
def rehearsed(started: Emulator) -> Rehearsed:
    """One rehearsal for the tests that read its decisions and responses."""
    responses: list[tuple[str, str]] = []

    class PreviewFirst(Aws):
        """Makes each call in the preview role first."""

        def client(self, service: str) -> Any:
            is_cached, client = service in self._clients, super().client(service)
            if not is_cached:
                client.meta.events.register("provide-client-params", call_as_preview)
            return client

    def call_as_preview(params: dict[str, Any], model: Any, **_: Any) -> None:
        if preview_clients:
            call = DeniedCall("preview role", "", model.service_model.service_name, xform_name(model.name), params)
            responses.append((model.name, call.result(preview_clients[0])))

    preview_clients: list[Aws] = []
    reset(started)
    with pytest.MonkeyPatch.context() as patch:
        load(patch, started.pulumi_environment())
        patch.setattr("local_aws.engine.choice.Aws", PreviewFirst)
        lifecycle = Lifecycle(choose("embedded", started), started.workspace)
        bootstrap, *steps = lifecycle.steps()
        bootstrap.run()
        administrator = Aws()
        with patch.context() as preview_patch:
            subject = github.Jobs.of(started.workspace, github.REPOSITORY).pull_request
            token = github.token(subject, started.token_secret)
            role = make_account().preview_role_arn
            load(preview_patch, github.session(administrator, role, token, "preview"))
            preview_clients.append(Aws())
        for step in steps:
            if step.name == "look for leftovers":
                break
            with lifecycle.acting_as(step.caller):
                step.run()
    for aws in (administrator, *preview_clients):
        aws.close()
    lines = (started.directory / iam.DECISIONS).read_text().splitlines()
    return Rehearsed([json.loads(line) for line in lines], responses)


@contextlib.contextmanager
def statement_removed(sid: str) -> Iterator[None]:
    """Remove a statement of the deploy role during a `with` block."""
    aws = Aws()
    document = replace_policy(aws, names.DEPLOY_ROLE, CONCERN[sid], lambda document: without(document, sid))
    try:
        yield
    finally:
        replace_policy(aws, names.DEPLOY_ROLE, CONCERN[sid], lambda _: document)
        aws.close()


def run(lifecycle: Lifecycle, step: Step) -> str | None:
    """Run a step with its caller's credentials; return why it failed, None if it did not."""
    try:
        with lifecycle.acting_as(step.caller):
            step.run()
    except (StepFailed, ClientError, UsageError) as error:
        return str(error)
    return None


def is_denied(failure: str | None) -> bool:
    return failure is not None and ("AccessDenied" in failure or "expected every call denied" in failure)


def test_every_granted_action_is_used(rehearsed: Rehearsed, request: pytest.FixtureRequest) -> None:
    lines = []
    for role, name, phases in (
        ("deploy", names.DEPLOY_ROLE, {"create", "read", "update", "delete"}),
        ("preview", names.PREVIEW_ROLE, {"read"}),
    ):
        has = granted(*of_role(role, CONTEXT).values())
        by_provider = {need.action for need in permissions.needs(CONTEXT) if need.phase in phases}
        session = f"/{name}/{github.SESSION}"
        decisions = [decision for decision in rehearsed.decisions if decision["principal"].endswith(session)]
        by_rehearsal = {decision["action"] for decision in decisions if decision["allowed"]}
        unused = has - by_provider - by_rehearsal
        assert role != "deploy" or by_rehearsal >= IMPLIED
        lines += [
            f"{role + ' role':<22} granted {len(has):>3}   used: by the provider's table {len(has & by_provider):>3}"
            f"   only by a rehearsal {len(has & by_rehearsal - by_provider):>3}"
            f"   unused {len(unused - set(UNUSED[role])):>3}",
            *(f"{'':<22} except {action}: {reason}" for action, reason in UNUSED[role].items()),
        ]
        assert unused == set(UNUSED[role])
    request.node.user_properties.append(("section", ("what CI's roles are granted", lines)))


def test_the_preview_role_is_denied_every_write_of_the_lifecycle(
    rehearsed: Rehearsed, request: pytest.FixtureRequest
) -> None:
    reads = ("Get", "List", "Describe", "Head", "Decrypt")
    writes = sorted({(call, response) for call, response in rehearsed.responses if not call.startswith(reads)})

    for call, response in writes:
        was_denied = response in denied_calls.REFUSALS
        request.node.user_properties.append(("denied call", ("preview role", f"{call} of a deployment", was_denied)))
    assert {response for _, response in writes} <= denied_calls.REFUSALS
    assert {"CreateFunction", "CreateRole", "CreateApi", "PutObject", "DeleteRole"} <= {call for call, _ in writes}
    assert ("GetFunction", "allowed") in rehearsed.responses


def test_every_statement_is_needed() -> None:
    """Without it, the provider lacks an action of its table, or a rehearsal fails."""
    by_rehearsal = {*DENIALS, *NEEDED_TO_DEPLOY, *itertools.chain(*NEEDED_BY_STEP.values())}
    by_provider = set()
    for sid, concern in CONCERN.items():
        rest = {**DEPLOY, concern: without(DEPLOY[concern], sid)}
        if not all(need.is_allowed_by(rest.values(), CONTEXT) for need in permissions.needs(CONTEXT)):
            by_provider.add(sid)
    assert by_provider | by_rehearsal == set(CONCERN)
    assert not by_provider & by_rehearsal


@pytest.mark.parametrize("sid", NEEDED_TO_DEPLOY)
def test_a_deployment_needs_every_statement_about_the_state(sid: str, lifecycle: Lifecycle) -> None:
    bootstrap, deploy, *_ = lifecycle.steps()
    bootstrap.run()

    with statement_removed(sid):
        assert is_denied(run(lifecycle, deploy))


def test_without_its_denials_ci_could_do_what_they_deny(lifecycle: Lifecycle) -> None:
    steps = {step.name: step for step in lifecycle.steps()}
    assert run(lifecycle, steps["bootstrap"]) is None
    assert run(lifecycle, steps["deploy"]) is None

    for sid, allowed in DENIALS.items():
        with statement_removed(sid):
            failure = run(lifecycle, steps["calls that CI is denied"])
        assert allowed in str(failure), sid


def test_the_steps_of_a_rehearsal_need_the_other_statements(lifecycle: Lifecycle) -> None:
    """One rehearsal: a step that needs a statement is run without it first, and then with it."""
    bootstrap, *steps = lifecycle.steps()
    bootstrap.run()
    deploy, missing = steps[0], dict(NEEDED_BY_STEP)
    for step in steps:
        for sid in missing.pop(step.name, ()):
            with statement_removed(sid):
                failure = run(lifecycle, step)
            assert is_denied(failure), (step.name, sid, failure)
            if step.name == "destroy the app":  # only the look for what is left has failed
                assert run(lifecycle, deploy) is None
        assert run(lifecycle, step) is None, step.name
        if not missing:
            break
    assert not missing


def test_the_administrator_is_allowed_every_denied_call(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """So each call is valid, and only the role is denied. Except STS: there the trust policy decides."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # what the emulator fails at is allowed, too
    aws = Aws()
    account = make_account()
    calls = [*denied_calls.of_ci(account), *denied_calls.of_function(account), *attacks.calls(account)]

    denied = [call.title for call in calls if call.service != "sts" and call.result(aws) in denied_calls.REFUSALS]

    aws.close()
    assert denied == []
