"""The policy documents: none grants more than AWS makes necessary."""

import functools
import json
import re

import pytest
from policy_sentry.querying.actions import get_action_data

from infra import tags
from infra.aws_context import AwsContext
from tests.support import permissions
from tests.support.permissions import CONTEXTS, documents, granted, listed, of_role, statements

UNLISTED = {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-iam-policy.html
    "TagApis": {"apigateway:POST", "apigateway:PUT"},
    # https://github.com/hashicorp/terraform-provider-aws/issues/20634
    "TagStages": {"apigateway:TagResource"},
    # AWS's denials name `role/` and the path of the request: docs/iam.md
    "FindRoles": {"iam:ListRoles"},
}
"""Actions that AWS evaluates and its reference does not list, by statement."""

NAMES = list(documents(CONTEXTS[0]))
GRANTING = [
    name for name in NAMES if name.split()[0] in ("deploy", "preview", "observer", "agent", "boundary", "execution")
]


def formats(action: str, context: AwsContext) -> list[str]:
    """Return the patterns of the ARNs that AWS evaluates an action on, in this context; `*` if it takes no resource."""
    service, name = action.split(":")
    data = get_action_data(service, name)
    assert data, f"{action}: AWS has no such action"
    arns = {entry["resource_arn_format"] for entry in data[service]}
    known = {"${Partition}": context.partition, "${Region}": context.region, "${Account}": context.account}
    return [re.sub(r"\$\{\w+\}", lambda part: known.get(part[0], "*"), arn) for arn in (arns - {"*"} or arns)]


@functools.cache
def overlap(left: str, right: str) -> bool:
    """Return whether some text matches both patterns."""
    if "*" in (left[:1], right[:1]):
        if left[:1] != "*":
            left, right = right, left
        return overlap(left[1:], right) or (right != "" and overlap(left, right[1:]))
    return left == right if "" in (left, right) else left[0] == right[0] and overlap(left[1:], right[1:])


def is_of_type(resource: str, type: str) -> bool:
    """Return whether a resource, which may have a pattern in its last part, is of a type, account and region."""
    if "*" in (resource, type):
        return resource == type
    *context, name = resource.split(":", 5)
    *type_context, type_name = type.split(":", 5)
    return context == type_context and overlap(name, type_name)


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_is_negated(name: str, context: AwsContext) -> None:
    document = documents(context)[name]

    # A NotAction or NotResource also allows what AWS adds in the future.
    for word in ("NotAction", "NotResource", "NotPrincipal"):
        assert word not in document


@pytest.mark.parametrize("name", NAMES)
def test_only_alarm_actions_and_tags_use_for_all_values(name: str, context: AwsContext) -> None:
    every = statements(documents(context)[name])
    sids = [statement["Sid"] for statement in every if "ForAllValues" in json.dumps(statement)]

    # ForAllValues is also true for a request without the key:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    expected = {
        "deploy functions": ["TagRoles", "TagFunctions", "TagSchedules"],
        "deploy apis": ["TagApis", "TagStages"],
        "deploy telemetry": ["AlarmsWithoutActions", "TagLogGroups", "TagAlarms"],
    }
    assert sids == expected.get(name, [])


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_allows_actions_by_wildcard(name: str, context: AwsContext) -> None:
    patterns = {action for action in granted(documents(context)[name]) if "*" in action}

    # A key policy must let the account manage the key, or nobody can. IAM then decides within the account.
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    assert patterns == ({"kms:*"} if name == "key" else set())


@pytest.mark.parametrize("name", GRANTING)
def test_every_action_is_granted_on_its_resource_type_and_on_all_only_without_one(
    name: str, context: AwsContext
) -> None:
    for statement in statements(documents(context)[name]):
        for action in set(listed(statement["Action"])) - UNLISTED.get(statement["Sid"], set()):
            for resource in listed(statement["Resource"]):
                assert any(is_of_type(resource, type) for type in formats(action, context)), (
                    f"{statement['Sid']}: {action}, {resource}"
                )


@pytest.mark.parametrize("name", GRANTING)
def test_policies_use_at_most_four_fifths_of_iams_size_limit(name: str) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space does not count
    assert len(documents(CONTEXTS[1])[name].replace(" ", "")) <= 0.8 * (10240 if name == "execution" else 6144)


@pytest.mark.parametrize("role", ["deploy", "preview"])
def test_a_role_has_at_most_ten_policies_and_unique_statement_ids(role: str) -> None:
    policies = of_role(role, CONTEXTS[0])
    sids = [statement["Sid"] for policy in policies.values() for statement in statements(policy)]

    assert len(sids) == len(set(sids))
    assert len(policies) <= 10  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html


def test_ci_may_set_the_tags_that_stacks_declare_and_take_none_away(context: AwsContext) -> None:
    declared = {key for resource in permissions.declared() for key in resource.inputs.get("tags", {})}
    every = [statement for text in of_role("deploy", context).values() for statement in statements(text)]
    conditions = [one["Condition"] for one in every if one["Sid"].startswith("Tag")]

    assert declared == set(tags.KEYS)
    assert len(conditions) == 7
    for condition in conditions:
        assert condition["ForAllValues:StringEquals"] == {"aws:TagKeys": list(tags.KEYS)}
        assert condition["StringEqualsIfExists"] == {"aws:RequestTag/Project": "storefront"}
    assert [one["Sid"] for one in every if "Untag" in json.dumps(one["Action"])] == []


def test_ci_is_trusted_only_by_exact_audience_and_subject(context: AwsContext) -> None:
    (statement,) = statements(documents(context)["CI's trust"])

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert list(statement["Condition"]) == ["StringEquals"]
    assert {key.split(":")[1] for key in statement["Condition"]["StringEquals"]} == {"aud", "sub"}
    assert "*" not in json.dumps(statement)
    assert "?" not in json.dumps(statement)


def test_the_preview_role_can_only_read(context: AwsContext) -> None:
    reading = ("Get", "List", "Describe", "GET", "Decrypt")

    assert [
        action
        for action in granted(*of_role("preview", context).values())
        if not action.split(":")[1].startswith(reading)
    ] == []


def test_the_observer_can_only_read_and_reads_nothing_that_holds_the_answer(context: AwsContext) -> None:
    reading = ("Get", "List", "Describe", "GET", "Filter", "Lookup", "BatchGet", "StartQuery")
    actions = granted(documents(context)["observer"])

    assert [action for action in actions if not action.split(":")[1].startswith(reading)] == []
    assert {action.split(":")[0] for action in actions}.isdisjoint({"s3", "kms", "iam", "sts", "config", "ssm"})
    assert actions.isdisjoint({"lambda:GetFunction", "lambda:ListFunctions", "lambda:ListVersionsByFunction"})


def test_people_are_trusted_only_by_their_own_arns(context: AwsContext) -> None:
    (statement,) = statements(documents(context)["people's trust"])

    people = [f"arn:{context.partition}:iam::{context.account}:{person}" for person in ("role/Developer", "user/casey")]
    assert statement == {"Effect": "Allow", "Principal": {"AWS": people}, "Action": "sts:AssumeRole"}


def test_the_boundary_allows_the_actions_of_the_execution_role_and_no_others(context: AwsContext) -> None:
    assert granted(documents(context)["boundary"]) == granted(documents(context)["execution"])


def test_the_boundary_lets_only_the_functions_of_apps_write_logs(context: AwsContext) -> None:
    logs, _ = statements(documents(context)["boundary"])

    function = f"arn:{context.partition}:lambda:{context.region}:{context.account}:function:storefront-*"
    assert logs["Condition"] == {"ArnLike": {"lambda:SourceFunctionArn": function}}
    group = f"arn:{context.partition}:logs:{context.region}:{context.account}:log-group:/aws/lambda/storefront-*:*"
    assert logs["Resource"] == group
