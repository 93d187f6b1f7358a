"""The policy documents, linted: no statement is wider than it must be."""

import json
from typing import Any

import pytest

from infra import policies

PLACE = policies.Place("aws", "123456789012", "eu-west-1")
BUCKET, KEY = "arn:aws:s3:::state", "arn:aws:kms:eu-west-1:123456789012:key/1"
ROLES = {
    "deploy": policies.deploy(PLACE, BUCKET, KEY),
    "preview": policies.preview(PLACE, BUCKET, KEY),
    "execution": policies.execution("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/x"),
    "boundary": policies.boundary(PLACE),
}
# Actions that AWS evaluates without a resource, so that a statement can only name all.
WITHOUT_RESOURCE = {"WriteTraces", "DescribeLogs", "AccessLogDelivery", "ReadMetrics"}


def statements(document: str) -> list[dict[str, Any]]:
    return list(json.loads(document)["Statement"])


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("role", ROLES)
def test_no_statement_allows_all_actions_or_needlessly_all_resources(role: str) -> None:
    for statement in statements(ROLES[role]):
        assert [action for action in listed(statement["Action"]) if "*" in action] == []
        if "*" in listed(statement["Resource"]):
            assert statement["Sid"] in WITHOUT_RESOURCE


@pytest.mark.parametrize("role", ROLES)
def test_statement_ids_are_unique_and_policies_fit(role: str) -> None:
    sids = [statement["Sid"] for statement in statements(ROLES[role])]

    assert len(sids) == len(set(sids))
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space does not count
    assert len(ROLES[role].replace(" ", "")) <= (6144 if role == "boundary" else 10240)


def test_preview_changes_nothing() -> None:
    reading = ("Get", "List", "Describe", "GET", "Decrypt")

    actions = [action for statement in statements(ROLES["preview"]) for action in listed(statement["Action"])]

    assert [action for action in actions if not action.split(":")[1].startswith(reading)] == []


def test_deploy_makes_roles_only_with_the_boundary_and_passes_them_only_to_lambda() -> None:
    found = {statement["Sid"]: statement for statement in statements(ROLES["deploy"])}

    assert found["CreateBoundedRoles"]["Condition"] == {
        "StringEquals": {"iam:PermissionsBoundary": policies.boundary_arn(PLACE)}
    }
    assert found["PassRolesToLambdaOnly"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }
    for sid in ("CreateBoundedRoles", "ChangeRoles", "PassRolesToLambdaOnly"):
        assert found[sid]["Resource"] == "arn:aws:iam::123456789012:role/incident-sandbox/app/*"


def test_deploy_writes_app_stacks_state_and_never_bootstraps() -> None:
    found = {statement["Sid"]: statement for statement in statements(ROLES["deploy"])}
    folders = ("stacks", "history", "backups", "locks/organization")

    assert found["WriteOwnState"]["Resource"] == [f"{BUCKET}/.pulumi/{one}/incident-sandbox/*" for one in folders]
    denied = found["LeaveBootstrapsState"]
    assert denied["Effect"] == "Deny"
    for one in folders:
        for rest in (".*", "/*"):
            assert f"{BUCKET}/.pulumi/{one}/incident-sandbox/bootstrap{rest}" in denied["Resource"]
    assert found["EncryptState"]["Action"] == ["kms:Encrypt", "kms:GenerateDataKey"]


def test_deploy_cannot_let_go_of_the_boundary_or_touch_the_foundation() -> None:
    actions = {action for statement in statements(ROLES["deploy"]) for action in listed(statement["Action"])}

    assert not actions & {"iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "iam:CreatePolicy"}
    assert not {action for action in actions if "OpenIDConnect" in action or action.startswith("s3:PutBucket")}
