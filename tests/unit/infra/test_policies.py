"""The policy documents by themselves: none is wider than AWS makes it."""

import functools
import json
import re

import pytest
from policy_sentry.querying.actions import get_action_data

from infra.aws_context import AwsContext
from tests.support.permissions import CONTEXTS, documents, granted, listed, of_role, statements

UNLISTED = {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-iam-policy.html
    "TagApis": {"apigateway:POST", "apigateway:PUT", "apigateway:DELETE"},
    # https://github.com/hashicorp/terraform-provider-aws/issues/20634
    "TagStages": {"apigateway:TagResource"},
}
"""What AWS evaluates and its reference has not, by statement."""

NAMES = list(documents(CONTEXTS[0]))
GRANTING = [name for name in NAMES if name.split()[0] in ("deploy", "preview", "boundary", "execution")]


def formats(action: str, context: AwsContext) -> list[str]:
    """Patterns of the ARNs here that AWS evaluates an action on; `*` alone when it takes no resource."""
    service, name = action.split(":")
    found = get_action_data(service, name)
    assert found, f"{action}: AWS has no such action"
    arns = {entry["resource_arn_format"] for entry in found[service]}
    here = {"${Partition}": context.partition, "${Region}": context.region, "${Account}": context.account}
    return [re.sub(r"\$\{\w+\}", lambda part: here.get(part[0], "*"), arn) for arn in (arns - {"*"} or arns)]


@functools.cache
def meet(one: str, other: str) -> bool:
    """Whether there is a text that matches both patterns."""
    if "*" in (one[:1], other[:1]):
        if one[:1] != "*":
            one, other = other, one
        return meet(one[1:], other) or (other != "" and meet(one, other[1:]))
    return one == other if "" in (one, other) else one[0] == other[0] and meet(one[1:], other[1:])


def fits(resource: str, kind: str) -> bool:
    """Whether a resource, maybe a pattern in its last part, is of a kind, and of the same account and region."""
    if "*" in (resource, kind):
        return resource == kind
    *context, name = resource.split(":", 5)
    *its_place, its_name = kind.split(":", 5)
    return context == its_place and meet(name, its_name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_by_what_it_is_not(name: str, context: AwsContext) -> None:
    document = documents(context)[name]

    # A NotAction or NotResource allows what AWS invents tomorrow.
    for word in ("NotAction", "NotResource", "NotPrincipal"):
        assert word not in document


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_where_there_is_no_value_is_asked_of_alarms_actions_alone(name: str, context: AwsContext) -> None:
    asking = [one["Sid"] for one in statements(documents(context)[name]) if "ForAllValues" in json.dumps(one)]

    assert asking == (["AlarmsWithoutActions"] if name == "deploy telemetry" else [])


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_allows_actions_by_a_pattern(name: str, context: AwsContext) -> None:
    patterns = {action for action in granted(documents(context)[name]) if "*" in action}

    # A key's policy must leave the key to somebody, or nobody can ever manage it: to the account, which is to IAM.
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    assert patterns == ({"kms:*"} if name == "key" else set())


@pytest.mark.parametrize("name", GRANTING)
def test_every_action_is_granted_on_its_own_kind_of_resource_and_on_all_only_if_it_takes_none(
    name: str, context: AwsContext
) -> None:
    for statement in statements(documents(context)[name]):
        for action in set(listed(statement["Action"])) - UNLISTED.get(statement["Sid"], set()):
            for resource in listed(statement["Resource"]):
                assert any(fits(resource, kind) for kind in formats(action, context)), (
                    f"{statement['Sid']}: {action}, {resource}"
                )


@pytest.mark.parametrize("name", GRANTING)
def test_policies_take_at_most_four_fifths_of_what_iam_allows(name: str) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space does not count
    assert len(documents(CONTEXTS[1])[name].replace(" ", "")) <= 0.8 * (10240 if name == "execution" else 6144)


@pytest.mark.parametrize("role", ["deploy", "preview"])
def test_a_role_has_at_most_ten_policies_and_each_of_its_statements_a_name_of_its_own(role: str) -> None:
    policies = of_role(role, CONTEXTS[0])
    sids = [statement["Sid"] for policy in policies.values() for statement in statements(policy)]

    assert len(sids) == len(set(sids))
    assert len(policies) <= 10  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


def test_ci_is_trusted_by_the_exact_audience_and_subject_alone(context: AwsContext) -> None:
    (statement,) = statements(documents(context)["CI's trust"])

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert list(statement["Condition"]) == ["StringEquals"]
    assert {key.split(":")[1] for key in statement["Condition"]["StringEquals"]} == {"aud", "sub"}
    assert "*" not in json.dumps(statement)
    assert "?" not in json.dumps(statement)


def test_preview_changes_nothing(context: AwsContext) -> None:
    reading = ("Get", "List", "Describe", "GET", "Decrypt")

    assert [
        action
        for action in granted(*of_role("preview", context).values())
        if not action.split(":")[1].startswith(reading)
    ] == []


def test_the_boundary_allows_what_the_execution_role_does_and_nothing_else(context: AwsContext) -> None:
    assert granted(documents(context)["boundary"]) == granted(documents(context)["execution"])


def test_the_boundary_asks_for_an_app_s_function_as_the_one_who_logs(context: AwsContext) -> None:
    logs, _ = statements(documents(context)["boundary"])

    function = f"arn:{context.partition}:lambda:{context.region}:{context.account}:function:incident-sandbox-*"
    assert logs["Condition"] == {"ArnLike": {"lambda:SourceFunctionArn": function}}
    group = (
        f"arn:{context.partition}:logs:{context.region}:{context.account}:log-group:/aws/lambda/incident-sandbox-*:*"
    )
    assert logs["Resource"] == group
