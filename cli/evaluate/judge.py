"""`./sandbox evaluate judge`: a person decides what the scorer left undecided."""

import argparse
import sys
from datetime import datetime, timezone

from evaluation import asking, judging
from evaluation.campaign import scores
from evaluation.campaign.files import Judgement, Judgements
from evaluation.judging import Inquiry
from ops import project
from ops.console import Console, escaped

NOTHING = "nothing"


def main(options: argparse.Namespace, console: Console) -> int:
    by = options.by or project.user()
    folders = scores.answered(options.dir) or [asking.Folder(options.dir)]
    total = left = 0
    for folder in folders:
        decided, undecided = _judge(folder, by, console)
        total += decided
        left += undecided
        if undecided:
            break
    if total:
        console.line(f"{total} decided by {by}; `./sandbox evaluate score {options.dir}` has the result")
    if left:
        console.line("the input ended before everything was decided; run this again to go on")
        return 1
    if not total:
        console.line("nothing is undecided")
    return 0


def _judge(folder: asking.Folder, by: str, console: Console) -> tuple[int, int]:
    """Ask about one answer; return how many axes were decided, and how many were not when the input ended.

    Each decision is written at once: one that is interrupted keeps those before.
    """
    truth, findings, before = folder.truth(), folder.findings(), folder.judgements()
    inquiries = judging.inquiries(truth, asking.score(truth, findings, before))
    if not inquiries:
        return 0, 0
    answer = folder.answer()
    console.line(escaped(answer.text if answer else findings.text))
    axes = dict(before.axes) if before else {}
    started = before.started if before else datetime.now(timezone.utc)
    for number, inquiry in enumerate(inquiries):
        judgement = _judgement(inquiry, by, console)
        if judgement is None:
            return number, len(inquiries) - number
        axes[inquiry.axis] = judgement
        folder.write_judgements(Judgements(started, axes))
    return len(inquiries), 0


def _judgement(inquiry: Inquiry, by: str, console: Console) -> Judgement | None:
    """Ask until there is a reply; None at the end of the input."""
    console.line(f"\n{inquiry.text}")
    for number, option in enumerate(inquiry.options, 1):
        console.line(f"  {number}  {option}")
    console.line("Its number:" if inquiry.options else "ISO 8601, or nothing if it does not say:")
    while line := sys.stdin.readline():
        reply = line.strip()
        try:
            if inquiry.options:
                number = int(reply)
                if not 1 <= number <= len(inquiry.options):
                    raise ValueError(reply)
                reply = inquiry.options[number - 1]
            outcome = inquiry.decide(reply)
        except ValueError:
            console.line(f"{reply!r} is no reply to that; try again:")
            continue
        return Judgement(outcome, by, datetime.now(timezone.utc), f"the answer says: {reply or NOTHING}")
    return None
