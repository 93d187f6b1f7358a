"""What our own provider makes is what HashiCorp's would have made: imported, it plans no change."""

import json

import pytest

from local_aws.provider.core import RESOURCE_TYPES
from tests.terraform import configuration
from tests.terraform.conftest import Account, Change, Plan, written

UNREADABLE = {
    "aws_lambda_function": {
        "filename": "Lambda tells a package's hash and not where it came from",
        "publish": "an argument of updates",
        "source_code_hash": "an argument too; the hash that Lambda tells is code_sha256, compared below",
    },
    "aws_kms_key": {
        "bypass_policy_lockout_safety_check": "an argument of PutKeyPolicy",
        "deletion_window_in_days": "an argument of ScheduleKeyDeletion",
    },
}
"""What AWS does not tell of a resource, so that an import leaves it empty, and why. Everything else is compared."""


def test_every_type_that_the_program_declares_is_compared() -> None:
    assert sorted(configuration.KINDS) == sorted(RESOURCE_TYPES)


@pytest.fixture(scope="module")
def imported(account: Account, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """The plan of each stack's import."""
    folder = tmp_path_factory.mktemp("imported")
    return {
        stack: account.terraform(written(folder / stack, resources, importing=True)).plan()
        for stack, resources in account.resources.items()
    }


@pytest.mark.parametrize("stack", ["bootstrap", "app"])
def test_what_our_provider_made_plans_no_change(stack: str, imported: dict[str, Plan], account: Account) -> None:
    changes, text, _ = imported[stack]

    assert [change for change in changes if not _explained(change)] == []
    count = len(configuration.in_aws(account.resources[stack]))
    assert f"{count} to import, 0 to add, {len(changes)} to change" in text


def test_the_deployed_code_is_the_package(imported: dict[str, Plan], account: Account) -> None:
    functions = [one for one in account.resources["app"] if one["type"] == "aws:lambda/function:Function"]

    plan = json.dumps(imported["app"].shown)

    assert len(functions) == 2
    for function in functions:
        assert json.dumps({"code_sha256": function["inputs"]["sourceCodeHash"]})[1:-1] in plan


def _explained(change: Change) -> bool:
    known = UNREADABLE.get(change.address.split(".")[0], {})
    return change.actions == ["update"] and set(change.attributes) <= set(known)
