"""The report as Markdown for a workflow's run page: the same figures, and the trials that did not pass."""

from evaluation.campaign.files import Arm, Verdict
from evaluation.report import wording
from evaluation.report.contents import Beside, Report
from evaluation.report.trials import TrialView, views
from evaluation.statistics import Tally
from ops.quoting import plain_text

_MAX_TRIALS = 50
"""A run's page takes 1 MiB, and its reader less."""


def render_markdown(report: Report) -> str:
    """Return the report as GitHub's Markdown. Raises UsageError when a file of a trial is wrong."""
    main = report.main
    lines = [f"## {plain_text(main.agent)}: campaign of {wording.count(main.campaign.trials, 'trial')}", ""]
    for notice in report.notices:
        if notice.is_alarming:
            lines += ["> [!CAUTION]", f"> **{plain_text(notice.text)}**", ""]
    lines += [f"**{plain_text(wording.verdict(main.agent, main.summary))}**", ""]
    lines += [f"- {plain_text(notice.text)}" for notice in report.notices if not notice.is_alarming]
    lines += ["", "### Passed, by arm", "", *_by_arm(report)]
    if report.beside:
        lines += ["", "### On the same trials", "", *(_comparison(report, other) for other in report.beside)]
    lines += ["", "### What the answers say", "", *_axes(report)]
    lines += ["", "### Trials that did not pass", "", *_not_passed(report)]
    if main.summary.voids:
        lines += ["", "### Void trials", "", "| reason | trials |", "|---|--:|"]
        lines += [f"| {plain_text(reason)} | {number} |" for reason, number in main.summary.voids.items()]
    lines += ["", "### To repeat it", "", *_repeat(report)]
    return "\n".join(lines) + "\n"


def _by_arm(report: Report) -> list[str]:
    names = [wording.ARMS[arm] for arm in Arm]
    rows = [f"| investigator | {' | '.join(names)} | median time | cost a trial |", "|---|" + "---|" * 4 + "--:|--:|"]
    for investigation in report.investigations:
        arms = investigation.summary.arms
        cells = [_rate(arms[arm].passes) if arm in arms else wording.NO_VALUE for arm in Arm]
        name = plain_text(investigation.agent) + (" (reference)" if investigation.is_dumb_reference else "")
        time, cost = wording.median(investigation.summary.time), wording.money(investigation.summary.cost.per_trial)
        rows.append(f"| {name} | {' | '.join(cells)} | {time} | {cost} |")
    return [*rows, "", "In brackets: 95 % Wilson interval. A reference answers without investigating."]


def _comparison(report: Report, other: Beside) -> str:
    agent = other.investigation.agent
    if other.comparison is None:
        return f"- {plain_text(agent)}: not compared, {plain_text(other.why_not)}."
    return f"- {plain_text(wording.comparison(report.main.agent, agent, other.comparison))}"


def _axes(report: Report) -> list[str]:
    rows = ["| arm | axis | n | hit | miss | undecided | rate of hits |", "|---|---|--:|--:|--:|--:|---|"]
    for arm in report.main.summary.arms.values():
        for axis, tally in arm.axes.items():
            counts = f"{tally.n} | {tally.hits} | {tally.misses} | {tally.undecided}"
            rows.append(f"| {wording.ARMS[arm.arm]} | {wording.AXES[axis]} | {counts} | {_interval(tally)} |")
    return rows


def _not_passed(report: Report) -> list[str]:
    wanted = [result for result in report.main.results if result.verdict in (Verdict.FAIL, Verdict.UNDECIDED)]
    if not wanted:
        return ["None."]
    rows = ["| trial | arm | stack | verdict | time | what the agent said |", "|---|---|---|---|--:|---|"]
    rows += [_trial(view) for view in views(report.main.folder, wanted[:_MAX_TRIALS])]
    more = len(wanted) - _MAX_TRIALS
    return [*rows, "", f"{wording.count(more, 'more trial')}: see the page."] if more > 0 else rows


def _trial(view: TrialView) -> str:
    trial = view.result.trial
    stack, time = plain_text(trial.stack), wording.duration(trial.seconds)
    return f"| {trial.id} | {view.arm} | {stack} | {view.verdict} | {time} | {plain_text(view.gist)} |"


def _repeat(report: Report) -> list[str]:
    campaign = report.main.campaign
    # an indented block ends only with its indentation, whatever the command holds
    lines = [f"    {' '.join(report.command.split())}", "", "| | |", "|---|---|", f"| seed | {campaign.seed} |"]
    lines.append(f"| started | {wording.moment(campaign.started)} |")
    stacks = [f"{stack} ({campaign.surfaces.get(stack, 'surface not recorded')})" for stack in campaign.stacks]
    lines.append(f"| stacks | {plain_text(', '.join(stacks))} |")
    lines += [f"| {plain_text(name)} | {plain_text(value)} |" for name, value in report.facts.items()]
    return lines


def _rate(tally: Tally) -> str:
    return f"{wording.observed(tally)} ({_interval(tally)})"


def _interval(tally: Tally) -> str:
    low, high = wording.interval(tally)
    return f"{low} to {high} %"
