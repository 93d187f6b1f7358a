"""Pending operations resolved with given responses of AWS. tests/local/ has tests with the emulator."""

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


def resource(name: str, type: str = API, **properties: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:blue::demo::{type}::{name}", "custom": True, "type": type, "inputs": {}} | properties


def creating(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"resource": resource, "type": "creating"} for resource in resources]


@pytest.fixture
def aws_has(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the ids that AWS returns for resources of a type."""

    def has(*ids: str, type: str = API) -> None:
        monkeypatch.setitem(pending_operations.FINDERS, type, lambda client, inputs: list(ids))

    return has


def test_there_is_a_finder_for_exactly_the_types_that_the_program_declares() -> None:
    scopes = ({"scope": "app"}, "app"), ({"scope": "bootstrap", "githubRepository": "octo-org/octo-repo"}, "bootstrap")
    declared = {resource.type for settings, stack in scopes for resource in recording.run(settings, stack).resources}

    assert sorted(type for type in declared if type.startswith("aws:")) == sorted(FINDERS)


def test_a_resource_that_exists_in_aws_is_appended_to_the_state_with_its_id(aws_has: Any) -> None:
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


def test_an_operation_without_a_resource_in_aws_is_dropped(aws_has: Any) -> None:
    aws_has()
    deployment = {"resources": [], "pending_operations": creating(resource("new"))}

    (resolved,) = resolve(deployment, "eu-west-1")

    assert deployment == {"resources": [], "pending_operations": []}
    assert resolved.sentence == "create of aws:apigatewayv2/api:Api new: AWS does not have it, nothing to do"


def test_a_resource_of_the_state_is_not_added_again(aws_has: Any) -> None:
    """`pulumi up` leaves the pending create of an earlier run in the state, though it has created the resource."""
    aws_has("a1")
    existing = resource("new", id="a1")
    deployment = {"resources": [existing], "pending_operations": creating(resource("new"), resource("namesake"))}

    resolved = resolve(deployment, "eu-west-1")

    assert deployment["resources"] == [existing]
    assert [operation.outcome for operation in resolved] == ["known", "known"]


def test_two_creates_do_not_adopt_the_same_resource(aws_has: Any) -> None:
    aws_has("a1")
    deployment: dict[str, Any] = {"pending_operations": creating(resource("first"), resource("second"))}

    assert [operation.outcome for operation in resolve(deployment, "eu-west-1")] == ["adopted", "known"]


def test_the_same_id_under_another_parent_is_another_resource(aws_has: Any) -> None:
    aws_has("r1", type=ROUTE)
    first, second = resource("first", ROUTE, inputs={"apiId": "a1"}), resource("second", ROUTE, inputs={"apiId": "a2"})
    deployment = {"resources": [{**first, "id": "r1"}], "pending_operations": creating(second)}

    assert [operation.outcome for operation in resolve(deployment, "eu-west-1")] == ["adopted"]


def test_a_replacement_takes_the_position_of_the_deleted_resource(aws_has: Any) -> None:
    """Dependents follow the old resource, and Pulumi refuses a state with a dependent before its dependency."""
    aws_has("a1")
    old, dependent = resource("api", id="a1", pendingReplacement=True), resource("route", ROUTE, id="r")
    new = resource("api", inputs={"name": "n"})
    deployment = {"resources": [old, dependent], "pending_operations": creating(new)}

    resolve(deployment, "eu-west-1")

    assert deployment["resources"] == [{**new, "id": "a1", "outputs": {"name": "n"}}, dependent]


@pytest.mark.parametrize(
    ("ids", "resources", "message"),
    [
        (("a1", "a2"), [], "more than one that fits: a1, a2; delete those that nothing uses, then run again"),
        (("a1",), [resource("new", id="a0")], "more than one that fits: a0 (in the state), a1; delete"),
    ],
)
def test_several_matching_resources_are_an_error_and_nothing_is_changed(
    ids: tuple[str, ...], resources: list[dict[str, Any]], message: str, aws_has: Any
) -> None:
    aws_has(*ids)
    aws_has("r1", type=ROUTE)
    deployment = {"resources": resources, "pending_operations": creating(resource("route", ROUTE), resource("new"))}
    before = copy.deepcopy(deployment)

    with pytest.raises(UsageError) as error:
        resolve(deployment, "eu-west-1")

    assert f"create of {API} new" in str(error.value)
    assert message in str(error.value)
    assert deployment == before


@pytest.mark.parametrize(
    "properties",
    [
        {"parent": "urn:gone"},
        {"provider": "urn:gone::an-id"},
        {"dependencies": ["urn:gone"]},
        {"propertyDependencies": {"name": ["urn:gone"]}},
    ],
    ids=lambda properties: next(iter(properties)),
)
def test_a_resource_with_a_deleted_dependency_cannot_be_adopted(properties: dict[str, Any], aws_has: Any) -> None:
    """Pulumi would refuse the state. `pulumi destroy` leaves such a pending operation."""
    aws_has("a1")
    deployment = {"pending_operations": creating(resource("new", **properties))}

    with pytest.raises(UsageError, match=r"as a1, but the state has no urn:gone any more.*delete it in AWS"):
        resolve(deployment, "eu-west-1")


def test_a_resource_marked_for_deletion_stays_beside_its_successor(aws_has: Any) -> None:
    aws_has("a0", "a1")
    old = resource("new", id="a0", delete=True)
    deployment = {"resources": [old], "pending_operations": creating(resource("new"))}

    resolve(deployment, "eu-west-1")

    assert [(entry["id"], entry.get("delete", False)) for entry in deployment["resources"]] == [
        ("a0", True),
        ("a1", False),
    ]


def test_the_error_for_an_unknown_type_says_what_to_do() -> None:
    deployment = {"pending_operations": creating(resource("topic", "aws:sns/topic:Topic"))}

    with pytest.raises(UsageError) as error:
        resolve(deployment, "eu-west-1")

    assert "urn:pulumi:blue::demo::aws:sns/topic:Topic::topic" in str(error.value)
    assert "`pulumi refresh --stack blue` in a terminal" in str(error.value)


def test_an_error_from_aws_is_not_taken_for_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(client: Any, inputs: Any) -> list[str]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetApis")

    monkeypatch.setitem(pending_operations.FINDERS, API, deny)
    deployment = {"pending_operations": creating(resource("new"))}

    with pytest.raises(UsageError, match=r"AWS cannot be asked .*AccessDenied.*check the credentials"):
        resolve(deployment, "eu-west-1")

    assert len(deployment["pending_operations"]) == 1


def test_a_key_without_tags_is_not_guessed() -> None:
    with pytest.raises(UsageError, match="without tags"):
        resolve({"pending_operations": creating(resource("key", "aws:kms/key:Key"))}, "eu-west-1")


def test_operations_that_need_no_call_to_aws_are_dropped() -> None:
    existing = resource("function", "aws:lambda/function:Function", id="f")
    component = {"urn": "urn:pulumi:blue::demo::demo:index:Part::part", "type": "demo:index:Part"}  # `custom` is false
    deployment = {
        "resources": [existing],
        "pending_operations": [
            *creating(component, resource("default", "pulumi:providers:aws")),
            *creating(resource("policy", "aws:s3/bucketPolicy:BucketPolicy")),
            *({"resource": existing, "type": type} for type in ("updating", "deleting", "reading")),
        ],
    }

    resolved = resolve(deployment, "eu-west-1")

    assert [(operation.operation, operation.outcome) for operation in resolved] == [
        ("create", "stateless"),
        ("create", "stateless"),
        ("create", "repeatable"),
        ("update", "refresh"),
        ("delete", "refresh"),
        ("read", "refresh"),
    ]
    assert deployment == {"resources": [existing], "pending_operations": []}
