"""CI's roles against what the real provider calls for what the program declares."""

import pytest

from infra import policies
from tests import permissions
from tests.permissions import Need, documents


def refused(policy: str, place: policies.Place, phases: set[str]) -> list[Need]:
    return [need for need in permissions.needs(place) if need.phase in phases and not need.is_allowed_by(policy, place)]


def test_every_type_that_an_app_declares_has_its_actions_in_the_table() -> None:
    types = {one.type for one in permissions.declared()}

    assert sorted(types - set(permissions.ENTRIES)) == [], "name their entries in tests/permissions.py"
    assert sorted(set(permissions.ENTRIES) - types) == [], "no app declares them any more"
    for entries in permissions.ENTRIES.values():
        for entry in entries:
            assert entry in permissions.TABLE


def test_the_deploy_role_may_do_all_that_the_provider_does(place: policies.Place) -> None:
    assert refused(documents(place)["deploy"], place, {"create", "read", "update", "delete"}) == []


def test_the_preview_role_may_read_all_that_the_provider_reads_and_do_no_more(place: policies.Place) -> None:
    preview = documents(place)["preview"]

    assert refused(preview, place, {"read"}) == []
    reads = {need.action for need in permissions.needs(place) if need.phase == "read"}
    writes = [need for need in permissions.needs(place) if need.action not in reads]
    assert [need for need in writes if need.is_allowed_by(preview, place)] == []


def test_what_ci_is_never_granted_it_is_not_granted(place: policies.Place) -> None:
    role = place.iam_arn("role/incident-sandbox/app/incident-sandbox-app-execution")
    boundary = {"iam:PermissionsBoundary": policies.boundary_arn(place)}

    for action, reason in permissions.NEVER.items():
        need = Need("role", "update", action, role, boundary)
        assert not need.is_allowed_by(documents(place)["deploy"], place), reason


@pytest.mark.parametrize("service", ["ec2.amazonaws.com", "states.amazonaws.com", "lambda.amazonaws.com.evil.example"])
def test_a_role_is_passed_to_lambda_alone(service: str, place: policies.Place) -> None:
    role = place.iam_arn("role/incident-sandbox/app/incident-sandbox-app-execution")

    need = Need("function", "create", "iam:PassRole", role, {"iam:PassedToService": service})

    assert not need.is_allowed_by(documents(place)["deploy"], place)


def test_traces_may_be_sent_and_not_read(place: policies.Place) -> None:
    """The emulator has no X-Ray to ask."""
    execution = documents(place)["execution"]

    def allowed(action: str) -> bool:
        return Need("function", "run", action, "*").is_allowed_by(execution, place)

    assert allowed("xray:PutTraceSegments")
    assert not allowed("xray:GetTraceSummaries")
    assert not allowed("xray:DeleteSamplingRule")
