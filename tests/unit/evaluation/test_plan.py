"""Which trial is in which arm, on which stack."""

from collections import Counter

import pytest

from evaluation.campaign.files import Arm
from evaluation.campaign.plan import HARMLESS, of_shard, order_of, plan


@pytest.mark.parametrize("seed", range(20))
def test_a_block_has_each_arm_once_on_one_stack(seed: int) -> None:
    planned = plan(seed, 40, ["app", "plain", "third"])

    blocks = [[one for one in planned if one.block == block] for block in range(10)]
    assert all(Counter(one.arm for one in block) == Counter(Arm) for block in blocks)
    assert [{one.stack for one in block} for block in blocks] == [
        {["app", "plain", "third"][number % 3]} for number in range(10)
    ]
    assert [one.id for one in planned] == [f"{number:04}" for number in range(1, 41)]


def test_the_seed_alone_decides() -> None:
    """On every version of Python: these are the arms that it was on the first."""
    arms = [one.arm.value for one in plan(7, 8, ["app"])]

    assert arms == [
        "healthy_with_change", "fault_then_change", "fault", "healthy",
        "healthy", "fault_then_change", "healthy_with_change", "fault",
    ]  # fmt: skip
    assert plan(8, 8, ["app"]) != plan(7, 8, ["app"])
    assert len({tuple(one.arm for one in plan(seed, 4, ["app"])) for seed in range(500)}) == 24, "every order there is"


def test_a_plan_that_no_arm_divides_begins_as_a_longer_one() -> None:
    assert plan(3, 6, ["app"]) == plan(3, 100, ["app"])[:6]


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_shards_together_are_the_plan(shards: int) -> None:
    planned = plan(5, 37, ["app", "plain"])

    parts = [of_shard(planned, shard, shards) for shard in range(1, shards + 1)]

    assert sorted((one for part in parts for one in part), key=lambda one: one.id) == list(planned)
    if shards == 2:
        assert [{one.stack for one in part} for part in parts] == [{"app"}, {"plain"}], "a stack for each shard"


def test_investigators_take_turns_in_who_is_first() -> None:
    firsts = Counter(order_of(["a", "b", "c"], 7, f"{number:04}")[0] for number in range(300))

    assert min(firsts.values()) > 60
    assert order_of(["a", "b", "c"], 7, "0001") == order_of(["a", "b", "c"], 7, "0001")


def test_a_harmless_change_changes_something() -> None:
    assert HARMLESS.other_than("14") == "30"
    assert HARMLESS.other_than("30") == "60"
