"""What the trials of a campaign show, and how surely: rates with intervals, times, costs, and comparisons."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from scipy.stats import CensoredData, binomtest, ecdf

from evaluation.campaign.files import Arm, TrialResult, Verdict
from evaluation.scoring.result import Axis, Outcome

DUMB_REFERENCES = ("always-healthy", "last-change", "shotgun", "echo")
"""Agents that do not investigate. A suite that one of them passes proves nothing of an agent that does."""

PASSING_SHARE = 0.5
"""A dumb reference passes an arm from this share of its trials on, undecided ones counted as passed."""

_K = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class Rate:
    """`count` of `n`, with the 95 % Wilson interval of the share: 0 to 1 where n is 0."""

    count: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The share, 0 to 1; None where n is 0."""
        return self.count / self.n if self.n else None


@cache
def rate(count: int, n: int) -> Rate:
    """Return `count` of `n` with its 95 % Wilson interval. Raises ValueError when count is not between 0 and n."""
    if n == 0 and count == 0:
        return Rate(0, 0, 0.0, 1.0)
    interval = binomtest(count, n).proportion_ci(confidence_level=0.95, method="wilson")
    return Rate(count, n, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Tally:
    """How many were hits, misses and undecided. The rate lies between `lower` and `upper`."""

    hits: int
    misses: int
    undecided: int

    @property
    def n(self) -> int:
        """All of them."""
        return self.hits + self.misses + self.undecided

    @property
    def lower(self) -> Rate:
        """The rate of hits, undecided ones counted as misses."""
        return rate(self.hits, self.n)

    @property
    def upper(self) -> Rate:
        """The rate of hits, undecided ones counted as hits."""
        return rate(self.hits + self.undecided, self.n)

    @property
    def opposite(self) -> "Tally":
        """The tally with hits and misses exchanged: of false alarms, where a hit is that none was raised."""
        return Tally(self.misses, self.hits, self.undecided)


@dataclass(frozen=True)
class Estimates:
    """What k trials would give, 0 to 1. Each is a pair: undecided ones counted as misses, as hits.

    `pass_at_k`: at least one of k passes. `all_of_k`: every one of k passes.
    """

    pass_at_k: tuple[float, float]
    all_of_k: tuple[float, float]


@dataclass(frozen=True)
class TimeToAnswer:
    """Seconds to answer over `n` trials, `censored` of them without an answer by their deadline.

    `median` is None when fewer than half had answered by then; it is then more than `longest`, the longest observed.
    """

    n: int
    censored: int
    median: float | None
    longest: float | None


@dataclass(frozen=True)
class Cost:
    """US dollars over the `n` trials whose cost is known, void ones included."""

    total: float
    n: int

    @property
    def per_trial(self) -> float | None:
        """The mean; None where no cost is known."""
        return self.total / self.n if self.n else None


@dataclass(frozen=True)
class ArmSummary:
    """One arm: trials by verdict, each axis that applies, what k trials would give by k, and the time to answer."""

    arm: Arm
    passes: Tally
    axes: dict[Axis, Tally]
    estimates: dict[int, Estimates]
    time: TimeToAnswer


@dataclass(frozen=True)
class Summary:
    """A campaign. `faults` and `healthy` take the two arms of each kind together.

    `false_alarms`: a hit is an alarm on a healthy service. `not_scored`: planned, in progress or not scored yet.
    `decided_by_person`: axes, over all trials.
    """

    arms: dict[Arm, ArmSummary]
    faults: Tally
    healthy: Tally
    false_alarms: Tally
    time: TimeToAnswer
    cost: Cost
    voids: dict[str, int]
    not_scored: int
    decided_by_person: int

    @property
    def scored(self) -> int:
        """Trials that count."""
        return self.faults.n + self.healthy.n


@dataclass(frozen=True)
class Comparison:
    """Two investigators on the same incidents: trials that both, one or neither passed, and McNemar's exact p-value.

    `undecided`: pairs left out because one of the two is undecided. `unpaired`: scored trials of one campaign only.
    """

    both: int
    first_only: int
    second_only: int
    neither: int
    undecided: int
    unpaired: int
    p_value: float

    @property
    def pairs(self) -> int:
        """Pairs that count."""
        return self.both + self.first_only + self.second_only + self.neither


def summarize(results: Sequence[TrialResult]) -> Summary:
    """Return what the trials of one campaign show."""
    scored = [result for result in results if _is_scored(result)]
    by_arm = {arm: [result for result in scored if result.trial.arm is arm] for arm in Arm}
    with_fault = [result for result in scored if result.trial.arm.has_fault]
    without_fault = [result for result in scored if not result.trial.arm.has_fault]
    return Summary(
        arms={arm: _summarize_arm(arm, members) for arm, members in by_arm.items() if members},
        faults=_verdicts(with_fault),
        healthy=_verdicts(without_fault),
        false_alarms=axis_tally(without_fault, Axis.FALSE_ALARM).opposite,
        time=_time(scored),
        cost=cost(results),
        voids=voids(results),
        not_scored=sum(result.verdict is Verdict.NOT_SCORED for result in results),
        decided_by_person=sum(
            axis.decided_by == "person" for result in scored if result.score for axis in result.score.axes.values()
        ),
    )


def axis_tally(results: Iterable[TrialResult], axis: Axis) -> Tally:
    """Count the outcomes on one axis, where it applies. A trial without an answer by the deadline has none."""
    outcomes = Counter(result.score.axes[axis].outcome for result in results if result.score and result.trial.finished)
    return Tally(outcomes[Outcome.HIT], outcomes[Outcome.MISS], outcomes[Outcome.UNDECIDED])


def pass_at_k(n: int, passed: int, k: int) -> float:
    """Return the unbiased estimate that at least one of k trials passes, from `passed` of n.

    The estimator of https://arxiv.org/abs/2107.03374. Raises ValueError unless 1 <= k <= n and 0 <= passed <= n.
    """
    _check_k(n, passed, k)
    return 1 - math.comb(n - passed, k) / math.comb(n, k)


def all_of_k(n: int, passed: int, k: int) -> float:
    """Return the unbiased estimate that each of k trials passes, from `passed` of n. Raises ValueError as above."""
    _check_k(n, passed, k)
    return math.comb(passed, k) / math.comb(n, k)


def time_to_answer(answered: Sequence[float], censored: Sequence[float]) -> TimeToAnswer:
    """Return the median by Kaplan and Meier of seconds to answer, and to the deadline without an answer."""
    n = len(answered) + len(censored)
    if not n:
        return TimeToAnswer(0, 0, None, None)
    longest = max(*answered, *censored, 0.0)
    if not answered:
        return TimeToAnswer(n, n, None, longest)
    times = [*answered, *censored]
    is_censored = [False] * len(answered) + [True] * len(censored)
    survival = ecdf(CensoredData.right_censored(times, is_censored)).sf
    median = next(
        (float(time) for time, share in zip(survival.quantiles, survival.probabilities, strict=True) if share <= 0.5),
        None,
    )
    return TimeToAnswer(n, len(censored), median, longest)


def cost(results: Iterable[TrialResult]) -> Cost:
    """Return what the trials cost, void ones included: they were paid for."""
    known = [result.trial.cost_usd for result in results if result.trial.cost_usd is not None]
    return Cost(math.fsum(known), len(known))


def voids(results: Iterable[TrialResult]) -> dict[str, int]:
    """Count the void trials by reason, details left out, the most frequent first."""
    reasons = Counter(
        (result.trial.void_reason or "no reason recorded").partition(": ")[0]
        for result in results
        if result.verdict is Verdict.VOID
    )
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def compare(first: Iterable[TrialResult], second: Iterable[TrialResult]) -> Comparison:
    """Compare two investigators over trials of the same number, arm and stack. Both campaigns must have one seed."""
    firsts = {_pair_key(result): result.verdict for result in first if _is_scored(result)}
    seconds = {_pair_key(result): result.verdict for result in second if _is_scored(result)}
    pairs = [(firsts[key], seconds[key]) for key in firsts.keys() & seconds.keys()]
    decided = Counter(pair for pair in pairs if Verdict.UNDECIDED not in pair)
    first_only = decided[Verdict.PASS, Verdict.FAIL]
    second_only = decided[Verdict.FAIL, Verdict.PASS]
    discordant = first_only + second_only
    return Comparison(
        both=decided[Verdict.PASS, Verdict.PASS],
        first_only=first_only,
        second_only=second_only,
        neither=decided[Verdict.FAIL, Verdict.FAIL],
        undecided=len(pairs) - decided.total(),
        unpaired=len(firsts.keys() ^ seconds.keys()),
        p_value=float(binomtest(first_only, discordant).pvalue) if discordant else 1.0,
    )


def passes_every_arm(summary: Summary) -> bool:
    """Return whether an investigator passes PASSING_SHARE of each arm that it has trials in, undecided counted for it.

    True for a dumb reference means that the suite can be passed without investigating.
    """
    shares = [arm.passes.upper.share for arm in summary.arms.values()]
    return bool(shares) and all(share is not None and share >= PASSING_SHARE for share in shares)


def _summarize_arm(arm: Arm, results: Sequence[TrialResult]) -> ArmSummary:
    passes = _verdicts(results)
    axes = {axis: axis_tally(results, axis) for axis in Axis}
    return ArmSummary(
        arm=arm,
        passes=passes,
        axes={axis: tally for axis, tally in axes.items() if tally.n},
        estimates=estimates(passes),
        time=_time(results),
    )


def estimates(passes: Tally) -> dict[int, Estimates]:
    """Return what k trials would give, by k up to half of n: beyond it, few trials decide the estimate."""
    n, least, most = passes.n, passes.hits, passes.hits + passes.undecided
    return {
        k: Estimates(
            (pass_at_k(n, least, k), pass_at_k(n, most, k)),
            (all_of_k(n, least, k), all_of_k(n, most, k)),
        )
        for k in _K
        if k <= max(n // 2, min(n, 1))
    }


def _verdicts(results: Iterable[TrialResult]) -> Tally:
    verdicts = Counter(result.verdict for result in results)
    return Tally(verdicts[Verdict.PASS], verdicts[Verdict.FAIL], verdicts[Verdict.UNDECIDED])


def _time(results: Iterable[TrialResult]) -> TimeToAnswer:
    timed = [(result.trial.seconds, result.trial.finished) for result in results]
    return time_to_answer(
        [seconds for seconds, is_finished in timed if seconds is not None and is_finished],
        [seconds for seconds, is_finished in timed if seconds is not None and not is_finished],
    )


def _is_scored(result: TrialResult) -> bool:
    return result.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED)


def _pair_key(result: TrialResult) -> tuple[str, Arm, str]:
    return result.trial.planned_id, result.trial.arm, result.trial.stack


def _check_k(n: int, passed: int, k: int) -> None:
    if not (1 <= k <= n and 0 <= passed <= n):
        raise ValueError(f"k is {k}, passed {passed}, n {n}: 1 <= k <= n and 0 <= passed <= n must be true")
