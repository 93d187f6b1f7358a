"""Settling what is pending, with AWS's answers given. tests/local/ has the emulator give them."""

import copy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.errors import UsageError
from ops.stacks import pending_operations
from ops.stacks.pending_operations import FINDERS, resolve
from tests.support import recording

API = "aws:apigatewayv2/api:Api"
ROUTE = "aws:apigatewayv2/route:Route"


def resource(name: str, type: str = API, **more: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:blue::demo::{type}::{name}", "custom": True, "type": type, "inputs": {}} | more


def creating(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"resource": resource, "type": "creating"} for resource in resources]


@pytest.fixture
def aws_has(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says which ids AWS tells for resources of a type."""

    def has(*ids: str, type: str = API) -> None:
        monkeypatch.setitem(pending_operations.FINDERS, type, lambda client, inputs: list(ids))

    return has


def test_every_type_that_the_program_declares_can_be_resolved_and_no_other_is_listed() -> None:
    scopes = ({"scope": "app"}, "app"), ({"scope": "bootstrap", "githubRepository": "octo-org/octo-repo"}, "bootstrap")
    declared = {resource.type for settings, stack in scopes for resource in recording.run(settings, stack).resources}

    assert sorted(type for type in declared if type.startswith("aws:")) == sorted(FINDERS)


def test_what_aws_has_goes_to_the_end_of_the_state_with_its_id(aws_has: Any) -> None:
    aws_has("a1")
    old = resource("old", id="a0")
    new = resource("new", inputs={"name": "n"}, dependencies=[old["urn"]], protect=True)
    deployment = {"resources": [old], "pending_operations": creating(new), "metadata": {}}

    (resolved,) = resolve(deployment, "eu-west-1")

    assert deployment["resources"] == [old, {**new, "id": "a1", "outputs": {"name": "n"}}]
    assert deployment["pending_operations"] == []
    assert resolved.urn == new["urn"]
    assert resolved.sentence == "create of aws:apigatewayv2/api:Api new: AWS has it, taken into the state"


def test_an_import_is_resolved_like_a_create(aws_has: Any) -> None:
    aws_has("a1")
    deployment = {"pending_operations": [{"resource": resource("new"), "type": "importing"}]}

    (resolved,) = resolve(deployment, "eu-west-1")

    assert resolved.sentence.startswith(f"import of {API} new: AWS has it")


def test_what_aws_does_not_have_is_dropped(aws_has: Any) -> None:
    aws_has()
    deployment = {"resources": [], "pending_operations": creating(resource("new"))}

    (resolved,) = resolve(deployment, "eu-west-1")

    assert deployment == {"resources": [], "pending_operations": []}
    assert resolved.sentence == "create of aws:apigatewayv2/api:Api new: AWS does not have it, nothing to do"


def test_what_the_state_has_is_not_taken_into_it_again(aws_has: Any) -> None:
    """`pulumi up` keeps the entry of a create that an earlier run left, though it has made the resource since."""
    aws_has("a1")
    made = resource("new", id="a1")
    deployment = {"resources": [made], "pending_operations": creating(resource("new"), resource("namesake"))}

    resolved = resolve(deployment, "eu-west-1")

    assert deployment["resources"] == [made]
    assert [one.outcome for one in resolved] == ["known", "known"]


def test_two_creates_do_not_take_in_the_same_thing(aws_has: Any) -> None:
    aws_has("a1")
    deployment: dict[str, Any] = {"pending_operations": creating(resource("one"), resource("two"))}

    assert [one.outcome for one in resolve(deployment, "eu-west-1")] == ["adopted", "known"]


def test_an_id_that_another_parent_has_too_is_another_resource(aws_has: Any) -> None:
    aws_has("r1", type=ROUTE)
    one, two = resource("one", ROUTE, inputs={"apiId": "a1"}), resource("two", ROUTE, inputs={"apiId": "a2"})
    deployment = {"resources": [{**one, "id": "r1"}], "pending_operations": creating(two)}

    assert [resolved.outcome for resolved in resolve(deployment, "eu-west-1")] == ["adopted"]


def test_a_replacement_takes_the_place_of_what_was_deleted_for_it(aws_has: Any) -> None:
    """What depends on the old one is still behind it, and Pulumi refuses a state in which that comes before it."""
    aws_has("a1")
    old, dependent = resource("api", id="a1", pendingReplacement=True), resource("route", ROUTE, id="r")
    new = resource("api", inputs={"name": "n"})
    deployment = {"resources": [old, dependent], "pending_operations": creating(new)}

    resolve(deployment, "eu-west-1")

    assert deployment["resources"] == [{**new, "id": "a1", "outputs": {"name": "n"}}, dependent]


@pytest.mark.parametrize(
    ("found", "there", "told"),
    [
        (("a1", "a2"), [], "more than one that fits: a1, a2; delete those that nothing uses, then run again"),
        (("a1",), [resource("new", id="a0")], "more than one that fits: a0 (in the state), a1; delete"),
    ],
)
def test_more_than_one_that_fits_is_told_and_nothing_is_done(
    found: tuple[str, ...], there: list[dict[str, Any]], told: str, aws_has: Any
) -> None:
    aws_has(*found)
    aws_has("r1", type=ROUTE)
    deployment = {"resources": there, "pending_operations": creating(resource("route", ROUTE), resource("new"))}
    before = copy.deepcopy(deployment)

    with pytest.raises(UsageError) as error:
        resolve(deployment, "eu-west-1")

    assert f"create of {API} new" in str(error.value)
    assert told in str(error.value)
    assert deployment == before


@pytest.mark.parametrize(
    "more",
    [
        {"parent": "urn:gone"},
        {"provider": "urn:gone::an-id"},
        {"dependencies": ["urn:gone"]},
        {"propertyDependencies": {"name": ["urn:gone"]}},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_stands_on_something_that_is_gone_cannot_be_taken_in(more: dict[str, Any], aws_has: Any) -> None:
    """Pulumi would refuse the state. So it is after a `pulumi destroy`, which leaves the entry pending."""
    aws_has("a1")
    deployment = {"pending_operations": creating(resource("new", **more))}

    with pytest.raises(UsageError, match=r"as a1, but the state has no urn:gone any more.*delete it in AWS"):
        resolve(deployment, "eu-west-1")


def test_one_that_waits_to_be_deleted_shares_its_urn_and_stays(aws_has: Any) -> None:
    aws_has("a0", "a1")
    old = resource("new", id="a0", delete=True)
    deployment = {"resources": [old], "pending_operations": creating(resource("new"))}

    resolve(deployment, "eu-west-1")

    assert [(one["id"], one.get("delete", False)) for one in deployment["resources"]] == [("a0", True), ("a1", False)]


def test_a_type_that_is_not_known_is_told_with_what_to_do() -> None:
    deployment = {"pending_operations": creating(resource("topic", "aws:sns/topic:Topic"))}

    with pytest.raises(UsageError) as error:
        resolve(deployment, "eu-west-1")

    assert "urn:pulumi:blue::demo::aws:sns/topic:Topic::topic" in str(error.value)
    assert "`pulumi refresh --stack blue` in a terminal" in str(error.value)


def test_an_error_of_aws_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(client: Any, inputs: Any) -> list[str]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetApis")

    monkeypatch.setitem(pending_operations.FINDERS, API, refuse)
    deployment = {"pending_operations": creating(resource("new"))}

    with pytest.raises(UsageError, match=r"AWS cannot be asked .*AccessDenied.*check the credentials"):
        resolve(deployment, "eu-west-1")

    assert len(deployment["pending_operations"]) == 1


def test_a_key_without_tags_is_not_guessed() -> None:
    with pytest.raises(UsageError, match="without tags"):
        resolve({"pending_operations": creating(resource("key", "aws:kms/key:Key"))}, "eu-west-1")


def test_what_needs_no_answer_of_aws_is_dropped() -> None:
    there = resource("function", "aws:lambda/function:Function", id="f")
    component = {"urn": "urn:pulumi:blue::demo::demo:index:Part::part", "type": "demo:index:Part"}  # `custom` is false
    deployment = {
        "resources": [there],
        "pending_operations": [
            *creating(component, resource("default", "pulumi:providers:aws")),
            *creating(resource("policy", "aws:s3/bucketPolicy:BucketPolicy")),
            *({"resource": there, "type": type} for type in ("updating", "deleting", "reading")),
        ],
    }

    resolved = resolve(deployment, "eu-west-1")

    assert [(one.operation, one.outcome) for one in resolved] == [
        ("create", "stateless"),
        ("create", "stateless"),
        ("create", "repeatable"),
        ("update", "refresh"),
        ("delete", "refresh"),
        ("read", "refresh"),
    ]
    assert deployment == {"resources": [there], "pending_operations": []}
