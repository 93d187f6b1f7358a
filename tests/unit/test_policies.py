"""The policy documents by themselves: none is wider than AWS makes it."""

import functools
import json
import re

import pytest
from policy_sentry.querying.actions import get_action_data

from infra import policies
from tests.permissions import PLACES, documents, granted, listed, statements

UNLISTED = {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-iam-policy.html
    "TagApis": {"apigateway:POST", "apigateway:DELETE"},
    # https://github.com/hashicorp/terraform-provider-aws/issues/20634
    "TagStages": {"apigateway:TagResource", "apigateway:UntagResource"},
}
"""What AWS evaluates and its reference has not, by statement."""

NAMES = list(documents(PLACES[0]))
GRANTING = ("deploy", "preview", "boundary", "execution")


def formats(action: str, place: policies.Place) -> list[str]:
    """Patterns of the ARNs here that AWS evaluates an action on; `*` alone when it takes no resource."""
    service, name = action.split(":")
    found = get_action_data(service, name)
    assert found, f"{action}: AWS has no such action"
    arns = {entry["resource_arn_format"] for entry in found[service]}
    here = {"${Partition}": place.partition, "${Region}": place.region, "${Account}": place.account}
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
    *place, name = resource.split(":", 5)
    *its_place, its_name = kind.split(":", 5)
    return place == its_place and meet(name, its_name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_by_what_it_is_not(name: str, place: policies.Place) -> None:
    document = documents(place)[name]

    # A NotAction or NotResource allows what AWS invents tomorrow; ForAllValues is true where there is no value.
    for word in ("NotAction", "NotResource", "NotPrincipal", "ForAllValues"):
        assert word not in document


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_allows_actions_by_a_pattern(name: str, place: policies.Place) -> None:
    patterns = {action for action in granted(documents(place)[name]) if "*" in action}

    # A key's policy must leave the key to somebody, or nobody can ever manage it: to the account, which is to IAM.
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    assert patterns == ({"kms:*"} if name == "key" else set())


@pytest.mark.parametrize("name", GRANTING)
def test_every_action_is_granted_on_its_own_kind_of_resource_and_on_all_only_if_it_takes_none(
    name: str, place: policies.Place
) -> None:
    for statement in statements(documents(place)[name]):
        for action in set(listed(statement["Action"])) - UNLISTED.get(statement["Sid"], set()):
            for resource in listed(statement["Resource"]):
                assert any(fits(resource, kind) for kind in formats(action, place)), (
                    f"{statement['Sid']}: {action}, {resource}"
                )


@pytest.mark.parametrize("name", GRANTING)
def test_statements_have_names_and_policies_fit(name: str) -> None:
    document = documents(PLACES[1])[name]
    sids = [statement["Sid"] for statement in statements(document)]

    assert len(sids) == len(set(sids))
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space does not count
    assert len(document.replace(" ", "")) <= (6144 if name == "boundary" else 10240)


def test_ci_is_trusted_by_the_exact_audience_and_subject_alone(place: policies.Place) -> None:
    (statement,) = statements(documents(place)["CI's trust"])

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert list(statement["Condition"]) == ["StringEquals"]
    assert {key.split(":")[1] for key in statement["Condition"]["StringEquals"]} == {"aud", "sub"}
    assert "*" not in json.dumps(statement)
    assert "?" not in json.dumps(statement)


def test_preview_changes_nothing(place: policies.Place) -> None:
    reading = ("Get", "List", "Describe", "GET", "Decrypt")

    assert [
        action for action in granted(documents(place)["preview"]) if not action.split(":")[1].startswith(reading)
    ] == []


def test_the_boundary_allows_what_the_execution_role_does_and_nothing_else(place: policies.Place) -> None:
    assert granted(documents(place)["boundary"]) == granted(documents(place)["execution"])


def test_the_boundary_asks_for_an_app_s_function_as_the_one_who_logs(place: policies.Place) -> None:
    logs, _ = statements(documents(place)["boundary"])

    function = f"arn:{place.partition}:lambda:{place.region}:{place.account}:function:incident-sandbox-*"
    assert logs["Condition"] == {"ArnLike": {"lambda:SourceFunctionArn": function}}
    group = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:/aws/lambda/incident-sandbox-*:*"
    assert logs["Resource"] == group
