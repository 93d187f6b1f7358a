"""The figures of a campaign as text for a terminal."""

from evaluation.campaign.files import Arm
from evaluation.report import wording
from evaluation.report.contents import Investigation, Report

_HEADS = ("investigator", *(wording.ARMS[arm] for arm in Arm), "median time", "cost a trial", "void")


def render_table(report: Report) -> str:
    """Return one line for each investigator, passed trials by arm with their interval, and the notices."""
    rows = [_HEADS, *(_row(investigation) for investigation in report.investigations)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notices = [notice.text for notice in report.notices]
    verdict = wording.verdict(report.main.agent, report.main.summary)
    return "\n".join([*lines, "in brackets: 95 % Wilson interval, in percent", "", verdict, *notices])


def _row(investigation: Investigation) -> tuple[str, ...]:
    summary = investigation.summary
    cells = []
    for arm in Arm:
        if arm in summary.arms:
            low, high = wording.interval(summary.arms[arm].passes)
            cells.append(f"{wording.observed(summary.arms[arm].passes)} ({low} to {high})")
        else:
            cells.append(wording.NO_VALUE)
    time, cost = wording.median(summary.time), wording.money(summary.cost.per_trial)
    return investigation.agent, *cells, time, cost, str(sum(summary.voids.values()))
