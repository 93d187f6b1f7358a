"""Statistics against values computed by hand."""

import math
from itertools import combinations

import pytest

from evaluation.campaign.files import Arm, Status, TrialResult, Verdict
from evaluation.scoring.result import Axis
from evaluation.statistics import (
    Cost,
    Tally,
    TimeToAnswer,
    all_of_k,
    compare,
    cost,
    estimates,
    pass_at_k,
    passes_every_arm,
    rate,
    summarize,
    time_to_answer,
    voids,
)
from tests.unit.evaluation.campaigns import result


def results(*verdicts: str, arm: Arm = Arm.FAULT, start: int = 1) -> list[TrialResult]:
    return [result(start + index, verdict, arm) for index, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(5, 5, 57, 100), (10, 10, 72, 100), (0, 10, 0, 28), (0, 0, 0, 100), (18, 20, 70, 97), (1, 2, 9, 91)],
)
def test_wilson_intervals_in_percent(count: int, n: int, low: int, high: int) -> None:
    interval = rate(count, n)

    assert (round(100 * interval.low), round(100 * interval.high)) == (low, high)


def test_the_wilson_interval_is_that_of_its_formula() -> None:
    z, n, share = 1.959963984540054, 20, 0.9
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))

    assert rate(18, 20).low == pytest.approx(middle - half)
    assert rate(18, 20).high == pytest.approx(middle + half)


def test_a_rate_of_nothing_has_no_share() -> None:
    assert rate(0, 0).share is None
    assert rate(3, 4).share == 0.75


def test_undecided_count_as_misses_at_the_lower_end_and_as_hits_at_the_upper() -> None:
    tally = Tally(hits=7, misses=1, undecided=2)

    assert (tally.lower.count, tally.upper.count, tally.n) == (7, 9, 10)
    assert tally.opposite == Tally(hits=1, misses=7, undecided=2)


@pytest.mark.parametrize(("n", "passed"), [(5, 0), (5, 1), (5, 3), (5, 5), (6, 2)])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_pass_at_k_and_all_of_k_are_means_over_all_choices_of_k_trials(n: int, passed: int, k: int) -> None:
    choices = list(combinations([True] * passed + [False] * (n - passed), k))

    assert pass_at_k(n, passed, k) == pytest.approx(sum(any(choice) for choice in choices) / len(choices))
    assert all_of_k(n, passed, k) == pytest.approx(sum(all(choice) for choice in choices) / len(choices))


@pytest.mark.parametrize(("n", "passed", "k"), [(5, 3, 6), (5, 3, 0), (5, 6, 1), (0, 0, 1)])
def test_estimates_of_more_trials_than_there_are_raise(n: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}, passed {passed}, n {n}"):
        pass_at_k(n, passed, k)


@pytest.mark.parametrize(("n", "ks"), [(0, []), (1, [1]), (4, [1, 2]), (10, [1, 2, 3, 5]), (40, [1, 2, 3, 5, 10])])
def test_estimates_are_made_up_to_half_of_the_trials(n: int, ks: list[int]) -> None:
    assert list(estimates(Tally(n, 0, 0))) == ks


def test_estimates_are_pairs_where_trials_are_undecided() -> None:
    first = estimates(Tally(hits=2, misses=1, undecided=1))[1]

    assert first.pass_at_k == (0.5, 0.75)
    assert first.all_of_k == (0.5, 0.75)


@pytest.mark.parametrize(
    ("answered", "censored", "expected"),
    [
        ([10, 20, 30], [], TimeToAnswer(3, 0, 20, 30)),
        # at 10, 3 of 4 remain; 20 leaves the risk set unanswered; at 30, 3/4 * 1/2 remain
        ([10, 30], [20, 40], TimeToAnswer(4, 2, 30, 40)),
        ([10], [900, 900], TimeToAnswer(3, 2, None, 900)),
        ([], [900], TimeToAnswer(1, 1, None, 900)),
        ([], [], TimeToAnswer(0, 0, None, None)),
    ],
)
def test_the_median_time_takes_trials_without_an_answer_into_account(
    answered: list[float], censored: list[float], expected: TimeToAnswer
) -> None:
    assert time_to_answer(answered, censored) == expected


def test_a_campaign_is_summed_up_by_arm_and_by_kind() -> None:
    summary = summarize(
        [
            *results("PASS", "PASS", "FAIL", "UNDECIDED"),
            *results("PASS", "FAIL", arm=Arm.FAULT_THEN_CHANGE, start=5),
            *results("PASS", "PASS", "UNDECIDED", arm=Arm.HEALTHY, start=7),
            *results("FAIL", arm=Arm.HEALTHY_WITH_CHANGE, start=10),
        ]
    )

    assert summary.arms[Arm.FAULT].passes == Tally(2, 1, 1)
    assert summary.arms[Arm.FAULT].axes[Axis.MECHANISM] == Tally(2, 1, 1)
    assert summary.arms[Arm.FAULT].axes[Axis.TIME] == Tally(4, 0, 0)
    assert set(summary.arms[Arm.HEALTHY].axes) == {Axis.FALSE_ALARM}
    assert summary.faults == Tally(3, 2, 1)
    assert summary.healthy == Tally(2, 1, 1)
    assert summary.false_alarms == Tally(1, 2, 1)
    assert summary.scored == 10


def test_arms_without_trials_are_left_out() -> None:
    assert list(summarize(results("PASS")).arms) == [Arm.FAULT]
    assert summarize([]).arms == {}


def test_a_trial_without_an_answer_by_the_deadline_fails_and_has_no_axes() -> None:
    summary = summarize([*results("PASS", "TIMED_OUT"), *results("TIMED_OUT", arm=Arm.HEALTHY, start=3)])

    assert summary.faults == Tally(1, 1, 0)
    assert summary.arms[Arm.FAULT].axes[Axis.DETECTED] == Tally(1, 0, 0)
    assert summary.healthy == Tally(0, 1, 0)
    assert summary.false_alarms == Tally(0, 0, 0)
    assert summary.time.censored == 2


def test_void_trials_are_counted_by_reason_and_paid_for_but_not_scored() -> None:
    trials = [
        result(1, "PASS", cost_usd=1.5),
        result(2, "PASS", status=Status.VOID, void_reason="linked", cost_usd=0.5),
        result(3, "PASS", status=Status.VOID, void_reason="not healthy before"),
        result(4, "PASS", status=Status.VOID, void_reason="linked"),
    ]

    assert summarize(trials).scored == 1
    assert list(voids(trials).items()) == [("linked", 2), ("not healthy before", 1)]
    assert cost(trials) == Cost(2.0, 2)
    assert cost(trials).per_trial == 1.0
    assert cost([]).per_trial is None


@pytest.mark.parametrize("status", [Status.PLANNED, Status.RUNNING, Status.ASKED, Status.ANSWERED])
def test_trials_that_are_not_done_do_not_count(status: Status) -> None:
    open_trial = result(1, "PASS", status=status)

    assert open_trial.verdict is Verdict.NOT_SCORED
    assert summarize([open_trial]).scored == 0
    assert summarize([open_trial]).not_scored == 1


def test_mcnemar_counts_pairs_and_is_exact() -> None:
    first = results("PASS", "PASS", "PASS", "PASS", "PASS", "PASS", "FAIL", "PASS", "FAIL", "UNDECIDED", "PASS")
    second = results("FAIL", "FAIL", "FAIL", "FAIL", "FAIL", "FAIL", "PASS", "PASS", "FAIL", "PASS")

    compared = compare(first, second)

    assert (compared.first_only, compared.second_only, compared.both, compared.neither) == (6, 1, 1, 1)
    assert (compared.pairs, compared.undecided, compared.unpaired) == (9, 1, 1)
    # 6 and 1 of 7 coins: 2 * (1 + 7) / 2**7
    assert compared.p_value == pytest.approx(2 * 8 / 128)


def test_mcnemar_without_a_difference_is_1() -> None:
    assert compare(results("PASS", "FAIL"), results("PASS", "FAIL")).p_value == 1.0
    assert compare([], []).pairs == 0


def test_trials_of_different_arms_are_no_pair() -> None:
    compared = compare(results("PASS"), results("PASS", arm=Arm.HEALTHY))

    assert (compared.pairs, compared.unpaired) == (0, 2)


@pytest.mark.parametrize(
    ("fault", "healthy", "passes"),
    [
        (["PASS", "PASS"], ["PASS"], True),
        (["PASS", "FAIL"], ["PASS"], True),
        (["PASS", "FAIL", "FAIL"], ["PASS"], False),
        (["FAIL", "FAIL"], ["PASS"], False),
        (["PASS"], ["UNDECIDED"], True),
    ],
)
def test_a_reference_passes_only_when_it_passes_half_of_each_arm(
    fault: list[str], healthy: list[str], passes: bool
) -> None:
    summary = summarize([*results(*fault), *results(*healthy, arm=Arm.HEALTHY, start=10)])

    assert passes_every_arm(summary) is passes


def test_nothing_scored_passes_nothing() -> None:
    assert not passes_every_arm(summarize([]))
