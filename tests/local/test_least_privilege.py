"""CI's roles have what they need and no more, as rehearsals as those roles show."""

import json
import shutil
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
from local_aws.rehearsal.lifecycle import REPOSITORY, Lifecycle, StepFailed
from ops.errors import UsageError
from tests.local.conftest import load, replace_policy, reset
from tests.local.test_refusals import WHERE, an_account
from tests.support import permissions
from tests.support.permissions import granted, of_role, statements, without

DEPLOY = of_role("deploy", WHERE)

UNUSED = {
    "deploy": {},
    "preview": {"s3:ListBucket": "the Pulumi CLI lists a stack's files; the embedded engine knows their names"},
}
"""What is granted and neither in the provider's table nor called by a rehearsal on the embedded engine, and why."""

ASKED_BESIDES = {
    "apigateway:TagResource", "cloudwatch:TagResource", "iam:PassRole", "iam:TagRole", "kms:Decrypt",
    "kms:GenerateDataKey", "lambda:TagResource", "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
    "logs:PutResourcePolicy", "logs:TagResource",
}  # fmt: skip
"""What AWS asks of IAM for calls of other names, and so local_aws/authorization.py does."""


@pytest.fixture
def lifecycle(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Lifecycle:
    shutil.rmtree(emulator.directory / "bootstrap", ignore_errors=True)  # the state of the one before
    load(monkeypatch, emulator.pulumi_environment())
    return Lifecycle(choose("embedded", emulator), emulator.workspace)


class Rehearsed(NamedTuple):
    """A rehearsal that held: what IAM decided for it, and what it would have answered the preview role to each call
    that the engine made."""

    decisions: list[dict[str, Any]]
    answers: list[tuple[str, str]]


@pytest.fixture(scope="module")
def rehearsed(started: Emulator) -> Rehearsed:
    """One rehearsal for the tests that look at what happened in it."""
    answers: list[tuple[str, str]] = []

    class Rivalled(Aws):
        """Each call is tried by the preview role first."""

        def client(self, service: str) -> Any:
            known, client = service in self._clients, super().client(service)
            if not known:
                client.meta.events.register("provide-client-params", try_first)
            return client

    def try_first(params: dict[str, Any], model: Any, **_: Any) -> None:
        if rivals:
            attempt = DeniedCall("preview role", "", model.service_model.service_name, xform_name(model.name), params)
            answers.append((model.name, attempt.result(rivals[0])))

    rivals: list[Aws] = []
    reset(started)
    with pytest.MonkeyPatch.context() as patch:
        load(patch, started.pulumi_environment())
        patch.setattr("local_aws.engine.choice.Aws", Rivalled)
        lifecycle = Lifecycle(choose("embedded", started), started.workspace)
        bootstrap, *steps = lifecycle.steps()
        bootstrap.run()
        administrator = Aws()
        with patch.context() as rival:
            token = github.token(github.Jobs.of(started.workspace, REPOSITORY).pull_request)
            role = an_account().preview_role_arn
            load(rival, github.session(administrator, role, token, "rival"))
            rivals.append(Aws())
        for step in steps:
            if step.name == "look for leftovers":
                break
            with lifecycle.acting_as(step.caller):
                step.run()
    for aws in (administrator, *rivals):
        aws.close()
    lines = (started.directory / iam.DECISIONS).read_text().splitlines()
    return Rehearsed([json.loads(line) for line in lines], answers)


def run(lifecycle: Lifecycle, *, concern: str, sid: str) -> str | None:
    """Rehearse, after bootstrap without a statement of the deploy role; returns the step that fails, if one does."""
    bootstrap, *steps = lifecycle.steps()
    bootstrap.run()
    drop(concern, sid)
    for step in steps:
        try:
            with lifecycle.acting_as(step.caller):
                step.run()
        except (StepFailed, ClientError, UsageError) as error:
            return f"{step.name}: {error}"
    return None


def drop(concern: str, sid: str) -> None:
    aws = Aws()
    replace_policy(aws, names.DEPLOY_ROLE, concern, lambda document: without(document, sid))
    aws.close()


def test_ci_is_granted_nothing_that_nobody_uses(rehearsed: Rehearsed, request: pytest.FixtureRequest) -> None:
    told = []
    for role, name, phases in (
        ("deploy", names.DEPLOY_ROLE, {"create", "read", "update", "delete"}),
        ("preview", names.PREVIEW_ROLE, {"read"}),
    ):
        has = granted(*of_role(role, WHERE).values())
        by_provider = {need.action for need in permissions.needs(WHERE) if need.phase in phases}
        session = f"/{name}/{github.SESSION}"
        seen = {one["action"] for one in rehearsed.decisions if one["principal"].endswith(session) and one["allowed"]}
        unused = has - by_provider - seen
        assert role != "deploy" or seen >= ASKED_BESIDES
        told += [
            f"{role + ' role':<22} granted {len(has):>3}   by the provider's table {len(has & by_provider):>3}"
            f"   seen besides {len(has & seen - by_provider):>3}   unused {len(unused - set(UNUSED[role])):>3}",
            *(f"{'':<22} but for {action}: {reason}" for action, reason in UNUSED[role].items()),
        ]
        assert unused == set(UNUSED[role])
    request.node.user_properties.append(("section", ("what CI's roles are granted", told)))


def test_the_preview_role_is_refused_every_write_of_the_whole_lifecycle(
    rehearsed: Rehearsed, request: pytest.FixtureRequest
) -> None:
    reads = ("Get", "List", "Describe", "Head", "Decrypt")
    writes = sorted({(call, answer) for call, answer in rehearsed.answers if not call.startswith(reads)})

    for call, answer in writes:
        refused = answer in denied_calls.REFUSALS
        request.node.user_properties.append(("attempt", ("preview role", f"{call} of a deployment", refused)))
    assert {answer for _, answer in writes} <= denied_calls.REFUSALS
    assert {"CreateFunction", "CreateRole", "CreateApi", "PutObject", "DeleteRole"} <= {call for call, _ in writes}
    assert ("GetFunction", "allowed") in rehearsed.answers


@pytest.mark.parametrize(
    ("concern", "sid"), [(concern, one["Sid"]) for concern, policy in DEPLOY.items() for one in statements(policy)]
)
def test_no_statement_can_be_missed(concern: str, sid: str, lifecycle: Lifecycle) -> None:
    """Without it the provider lacks something that its table names, or a rehearsal fails."""
    rest = {**DEPLOY, concern: without(DEPLOY[concern], sid)}
    lacking = [need for need in permissions.needs(WHERE) if not need.is_allowed_by(rest.values(), WHERE)]

    if not lacking:
        failed = run(lifecycle, concern=concern, sid=sid)
        assert failed
        assert "AccessDenied" in failed or "expected every call denied" in failed


def test_the_administrator_is_refused_nothing_that_is_attempted(aws: Aws) -> None:
    """So the attempts ask for something, and it is the roles that are refused. Trust is not the administrator's."""
    tried = [*denied_calls.of_ci(an_account()), *denied_calls.of_function(an_account())]

    refused = [one.title for one in tried if one.service != "sts" and one.result(aws) in denied_calls.REFUSALS]

    assert refused == []
