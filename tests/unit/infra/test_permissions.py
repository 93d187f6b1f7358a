"""CI's roles against the calls that the real provider makes for the program's resources."""

import pytest

from infra.aws_context import AwsContext
from infra.policies import execution
from tests.support import permissions
from tests.support.permissions import Need, documents, of_role


def denied(role: str, context: AwsContext, phases: set[str]) -> list[Need]:
    return [
        need
        for need in permissions.needs(context)
        if need.phase in phases and not need.is_allowed_by(of_role(role, context).values(), context)
    ]


def test_the_table_has_the_actions_of_every_type_that_an_app_declares() -> None:
    types = {resource.type for resource in permissions.declared()}

    assert sorted(types - set(permissions.ENTRIES)) == [], "name their entries in tests/support/permissions.py"
    assert sorted(set(permissions.ENTRIES) - types) == [], "no app declares these types any more"
    for entries in permissions.ENTRIES.values():
        for entry in entries:
            assert entry in permissions.TABLE


def test_the_deploy_role_may_make_every_call_of_the_provider(context: AwsContext) -> None:
    assert denied("deploy", context, {"create", "read", "update", "delete"}) == []


def test_the_preview_role_may_make_every_read_of_the_provider_and_no_write(context: AwsContext) -> None:
    preview = list(of_role("preview", context).values())

    assert denied("preview", context, {"read"}) == []
    reads = {need.action for need in permissions.needs(context) if need.phase == "read"}
    writes = [need for need in permissions.needs(context) if need.action not in reads]
    assert [need for need in writes if need.is_allowed_by(preview, context)] == []


def test_actions_that_ci_must_never_have_are_denied(context: AwsContext) -> None:
    role = context.iam_arn("role/storefront/app/storefront-app-handler-role")
    boundary = {"iam:PermissionsBoundary": execution.boundary_arn(context)}

    for action, reason in permissions.NEVER.items():
        need = Need("role", "update", action, role, boundary)
        assert not need.is_allowed_by(of_role("deploy", context).values(), context), reason


@pytest.mark.parametrize("service", ["ec2.amazonaws.com", "states.amazonaws.com", "lambda.amazonaws.com.evil.example"])
def test_a_role_can_be_passed_only_to_lambda(service: str, context: AwsContext) -> None:
    role = context.iam_arn("role/storefront/app/storefront-app-handler-role")

    need = Need("function", "create", "iam:PassRole", role, {"iam:PassedToService": service})

    assert not need.is_allowed_by(of_role("deploy", context).values(), context)


def test_the_function_may_send_traces_and_not_read_them(context: AwsContext) -> None:
    """The emulator has no X-Ray, so no test calls it."""
    policy = documents(context)["execution"]

    def allowed(action: str) -> bool:
        return Need("function", "run", action, "*").is_allowed_by([policy], context)

    assert allowed("xray:PutTraceSegments")
    assert not allowed("xray:GetTraceSummaries")
    assert not allowed("xray:DeleteSamplingRule")
