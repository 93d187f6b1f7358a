"""The foundation by HashiCorp's provider, in an account that has nothing."""

from pathlib import Path

from tests.local.conftest import reset
from tests.terraform import configuration
from tests.terraform.conftest import Account, written


def test_an_administrator_makes_the_foundation_and_a_second_plan_is_empty(account: Account, tmp_path: Path) -> None:
    resources = account.resources["bootstrap"]
    terraform = account.terraform(written(tmp_path / "bootstrap", resources))
    reset(account.emulator)

    planned = terraform.plan().changes
    terraform.apply("plan")

    assert [change.actions for change in planned] == [["create"]] * len(configuration.in_aws(resources))
    assert terraform.plan().changes == []
