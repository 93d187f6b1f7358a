"""What our own provider makes is what HashiCorp's would have made: imported, it plans no change."""

from pathlib import Path

import pytest

from local_aws.provider.core import RESOURCE_TYPES
from tests.terraform import configuration
from tests.terraform.conftest import Account, Change, written

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


@pytest.mark.parametrize("stack", ["bootstrap", "app"])
def test_what_our_provider_made_plans_no_change(stack: str, account: Account, tmp_path: Path) -> None:
    resources = account.resources[stack]
    folder = written(tmp_path / stack, resources, importing=True)

    terraform = account.terraform(folder)
    changes = terraform.plan()

    assert [change for change in changes if not _explained(change)] == []
    plan = terraform.run("plan", "-input=false").stdout
    assert f"{len(configuration.in_aws(resources))} to import, 0 to add, {len(changes)} to change" in plan


def test_the_deployed_code_is_the_package(account: Account, tmp_path: Path) -> None:
    functions = [one for one in account.resources["app"] if one["type"] == "aws:lambda/function:Function"]
    terraform = account.terraform(written(tmp_path / "app", account.resources["app"], importing=True))

    terraform.run("plan", "-input=false", "-out=plan")

    plan = terraform.run("show", "-json", "plan").stdout
    assert len(functions) == 2
    for function in functions:
        assert f'"code_sha256":"{function["inputs"]["sourceCodeHash"]}"' in plan


def _explained(change: Change) -> bool:
    known = UNREADABLE.get(change.address.split(".")[0], {})
    return change.actions == ["update"] and set(change.attributes) <= set(known)
