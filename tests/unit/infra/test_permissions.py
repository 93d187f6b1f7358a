"""CI's roles against what the real provider calls for what the program declares."""

import pytest

from infra.aws_context import AwsContext
from infra.policies import execution
from tests.support import permissions
from tests.support.permissions import Need, documents, of_role


def refused(role: str, context: AwsContext, phases: set[str]) -> list[Need]:
    return [
        need
        for need in permissions.needs(context)
        if need.phase in phases and not need.is_allowed_by(of_role(role, context).values(), context)
    ]


def test_every_type_that_an_app_declares_has_its_actions_in_the_table() -> None:
    types = {one.type for one in permissions.declared()}

    assert sorted(types - set(permissions.ENTRIES)) == [], "name their entries in tests/permissions.py"
    assert sorted(set(permissions.ENTRIES) - types) == [], "no app declares them any more"
    for entries in permissions.ENTRIES.values():
        for entry in entries:
            assert entry in permissions.TABLE


def test_the_deploy_role_may_do_all_that_the_provider_does(context: AwsContext) -> None:
    assert refused("deploy", context, {"create", "read", "update", "delete"}) == []


def test_the_preview_role_may_read_all_that_the_provider_reads_and_do_no_more(context: AwsContext) -> None:
    preview = list(of_role("preview", context).values())

    assert refused("preview", context, {"read"}) == []
    reads = {need.action for need in permissions.needs(context) if need.phase == "read"}
    writes = [need for need in permissions.needs(context) if need.action not in reads]
    assert [need for need in writes if need.is_allowed_by(preview, context)] == []


def test_what_ci_is_never_granted_it_is_not_granted(context: AwsContext) -> None:
    role = context.iam_arn("role/incident-sandbox/app/incident-sandbox-app-execution")
    boundary = {"iam:PermissionsBoundary": execution.boundary_arn(context)}

    for action, reason in permissions.NEVER.items():
        need = Need("role", "update", action, role, boundary)
        assert not need.is_allowed_by(of_role("deploy", context).values(), context), reason


@pytest.mark.parametrize("service", ["ec2.amazonaws.com", "states.amazonaws.com", "lambda.amazonaws.com.evil.example"])
def test_a_role_is_passed_to_lambda_alone(service: str, context: AwsContext) -> None:
    role = context.iam_arn("role/incident-sandbox/app/incident-sandbox-app-execution")

    need = Need("function", "create", "iam:PassRole", role, {"iam:PassedToService": service})

    assert not need.is_allowed_by(of_role("deploy", context).values(), context)


def test_traces_may_be_sent_and_not_read(context: AwsContext) -> None:
    """The emulator has no X-Ray to ask."""
    policy = documents(context)["execution"]

    def allowed(action: str) -> bool:
        return Need("function", "run", action, "*").is_allowed_by([policy], context)

    assert allowed("xray:PutTraceSegments")
    assert not allowed("xray:GetTraceSummaries")
    assert not allowed("xray:DeleteSamplingRule")
