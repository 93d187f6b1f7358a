"""The plan of a campaign: which trial is in which arm, on which stack, by the seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.campaign.files import Arm


@dataclass(frozen=True)
class Planned:
    """A trial to come. A block has each arm once, in an order by the seed, on one stack."""

    id: str
    block: int
    arm: Arm
    stack: str


@dataclass(frozen=True)
class HarmlessChange:
    """A setting whose change does no harm: its values, the property of which resources it is, and the API's call."""

    setting: str
    values: tuple[str, str]
    path: str
    api: str

    def other_than(self, current: str) -> str:
        """Return the value that is a change."""
        return next(value for value in self.values if value != current)


HARMLESS = HarmlessChange("logRetentionDays", ("30", "60"), "retentionInDays", "PutRetentionPolicy")


def plan(seed: int, trials: int, stacks: Sequence[str]) -> tuple[Planned, ...]:
    """Return the trials in their order. The last block is cut off where `trials` is not divisible by the arms."""
    generator = random.Random(seed)
    planned: list[Planned] = []
    for block in range(-(-trials // len(Arm))):
        # By random() alone, whose sequence for a seed Python keeps over its versions:
        # https://docs.python.org/3/library/random.html#notes-on-reproducibility
        order = sorted(Arm, key=lambda _: generator.random())
        stack = stacks[block % len(stacks)]
        planned += [Planned(f"{len(planned) + number:04}", block, arm, stack) for number, arm in enumerate(order, 1)]
    return tuple(planned[:trials])


def of_shard(planned: Sequence[Planned], shard: int, shards: int) -> tuple[Planned, ...]:
    """Return the trials of the I-th of N shards, I from 1: every N-th block."""
    return tuple(trial for trial in planned if trial.block % shards == shard - 1)


def order_of(agents: Sequence[str], seed: int, trial_id: str) -> list[str]:
    """Return in which order several investigators are asked about one incident."""
    generator = random.Random(f"{seed} {trial_id}")
    return sorted(agents, key=lambda _: generator.random())
