"""The words and numbers that both forms of the report share."""

from collections.abc import Sequence
from datetime import datetime

from evaluation.campaign.files import Arm, Verdict
from evaluation.scoring.result import Axis, Outcome
from evaluation.statistics import Comparison, Summary, Tally, TimeToAnswer

ARMS = {
    Arm.FAULT: "Fault",
    Arm.FAULT_THEN_CHANGE: "Fault, then harmless change",
    Arm.HEALTHY: "Healthy",
    Arm.HEALTHY_WITH_CHANGE: "Healthy, with harmless change",
}
VERDICTS = {
    Verdict.FAIL: "Fail",
    Verdict.UNDECIDED: "Undecided",
    Verdict.PASS: "Pass",
    Verdict.VOID: "Void",
    Verdict.NOT_SCORED: "Not scored",
}
AXES = {
    Axis.DETECTED: "Says that something is wrong",
    Axis.COMPONENT: "Names the resource",
    Axis.MECHANISM: "Names the setting and its value",
    Axis.CHANGE: "Names the change",
    Axis.TIME: "Names the time, within 2 minutes",
    Axis.NO_RIVAL_ROOT: "Blames nothing else",
    Axis.FALSE_ALARM: "Raises no false alarm",
}
OUTCOMES = {
    Outcome.HIT: "Hit",
    Outcome.MISS: "Miss",
    Outcome.UNDECIDED: "Undecided",
    Outcome.NOT_APPLICABLE: "Does not apply",
}
STAGES = {
    "healthy_before": "healthy",
    "changed": "changed",
    "symptom": "symptom",
    "asked": "asked",
    "answered": "answered",
    "rolled_back": "rolled back",
    "healthy_after": "healthy again",
}
NO_VALUE = "\N{EN DASH}"
UNLIKELY_BY_CHANCE = 0.05


def verdict(agent: str, summary: Summary) -> str:
    """Return the result of a campaign in one sentence, intervals in words."""
    parts = verdict_parts(agent, summary)
    return "".join(f"{text} ({bounds})" if bounds else text for text, bounds in parts) + "."


def verdict_parts(agent: str, summary: Summary) -> list[tuple[str, str]]:
    """Return the sentence in parts: what was observed, and its interval in words; no full stop."""
    parts = []
    if summary.faults.n:
        parts.append((f"named the true cause in {observed(summary.faults)} incidents", expected(summary.faults)))
    if summary.false_alarms.n:
        checks = f"{observed(summary.false_alarms)} healthy checks"
        parts.append((f"raised a false alarm in {checks}", expected(summary.false_alarms)))
    if not parts:
        return [(f"No trial of {agent} has a score yet", "")]
    starts = [f"{agent} ", " and "]
    return [(start + text, bounds) for start, (text, bounds) in zip(starts, parts, strict=False)]


def observed(tally: Tally) -> str:
    """Return what was counted: "18 of 20", or "17 to 19 of 20" where some are undecided."""
    most = f" to {tally.hits + tally.undecided}" if tally.undecided else ""
    return f"{tally.hits}{most} of {tally.n}"


def expected(tally: Tally) -> str:
    """Return the 95 % interval in words: "expect between 70 and 97 of 100"."""
    low, high = interval(tally)
    return f"expect between {low} and {high} of 100"


def interval(tally: Tally) -> tuple[int, int]:
    """Return the 95 % interval in percent, from undecided ones as misses to undecided ones as hits."""
    return round(100 * tally.lower.low), round(100 * tally.upper.high)


def share(pair: tuple[float, float]) -> str:
    """Return a pair of shares in percent, as a single number where they are equal."""
    low, high = (_percent(value) for value in pair)
    return f"{low} %" if low == high else f"{low} to {high} %"


def duration(seconds: float | None) -> str:
    """Return seconds as people say them: "< 1 s", "42 s", "4 min 12 s", "1 h 05 min"."""
    if seconds is None:
        return NO_VALUE
    if 0 < seconds < 0.5:
        return "< 1 s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def median(time: TimeToAnswer) -> str:
    """Return the median time to answer; "over …" when fewer than half had answered by then."""
    if time.median is None and time.longest is not None:
        return f"over {duration(time.longest)}"
    return duration(time.median)


def money(dollars: float | None) -> str:
    """Return US dollars, to the cent."""
    if dollars is None:
        return NO_VALUE
    return "< $0.01" if 0 < dollars < 0.005 else f"${dollars:,.2f}"


def comparison(first: str, second: str, compared: Comparison) -> str:
    """Return a comparison in words, with its p-value."""
    p_value = f"p = {compared.p_value:.3f}" if compared.p_value >= 0.001 else "p < 0.001"
    if compared.p_value < UNLIKELY_BY_CHANCE:
        better = first if compared.first_only > compared.second_only else second
        conclusion = f"{better} is better, and chance hardly explains it ({p_value})"
    else:
        conclusion = f"chance alone can explain the difference ({p_value})"
    return (
        f"On the same {count(compared.pairs, 'trial')}, {first} passed {compared.first_only} that {second} failed, "
        f"and {second} passed {compared.second_only} that {first} failed: {conclusion}."
    )


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def join(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def moment(time: datetime) -> str:
    """Return a date and a time, UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _percent(value: float) -> str:
    """Only what is certain is 0 or 100."""
    if 0 < value < 0.005:
        return "< 1"
    return "> 99" if 0.995 <= value < 1 else f"{100 * value:.0f}"
