"""`./sandbox evaluate ask`: one question about a stack as it is."""

import argparse
import os

from cli.evaluate import agents
from evaluation.asking import Folder
from evaluation.investigators.investigator import Progress
from evaluation.times import parse_time
from ops import observer
from ops.console import Console, one_line
from ops.errors import UsageError


def main(options: argparse.Namespace, console: Console) -> int:
    agents.refuse_wrong_options(options, [options.agent])
    try:
        since = parse_time(options.since) if options.since else None
    except ValueError:
        raise UsageError(f"--since {options.since}: must be ISO 8601, for example 2026-03-03T14:00:00Z") from None
    region = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise UsageError("the region is not known: add --region, for example eu-west-1")
    investigator, sees_as = agents.investigator(options, options.agent, region, options.space, max_usd=options.max_usd)
    cost = investigator.cost()
    console.line(f"{options.agent} is asked about stack {options.stack} in {region}, and sees AWS as {sees_as}")
    console.line(f"it may cost {cost.sentence}")
    if cost.most_usd != 0.0 and not options.yes and not agents.is_confirmed(console):
        return 2
    folder = Folder(options.out)
    question = folder.begin(options.stack, options.agent, observer.service_of(options.stack), region, since)

    def report(progress: Progress) -> None:
        usd = "" if progress.cost_usd is None else f", ${progress.cost_usd:.2f} so far"
        console.status(f"  {progress.status}, {progress.seconds:.0f} s{usd}")

    answer = folder.ask(investigator, question, report)
    usd = "" if answer.cost_usd is None else f", ${answer.cost_usd:.2f}"
    reason = f": {one_line(answer.reason)}" if answer.reason else ""
    console.line(f"{answer.status} after {answer.seconds:.1f} s{usd}{reason}")
    if answer.status != "completed":
        return 2
    findings = folder.findings()
    console.line(f"verdict: {findings.verdict.value} ({findings.source})")
    for cause in findings.causes:
        console.line(f"{cause.role.value}: {one_line(cause.statement)}")
    console.line(f"\nNext:\n  ./sandbox truth --stack {options.stack} --json {options.out / 'truth.json'}\n"
                 f"  ./sandbox evaluate score {options.out}")  # fmt: skip
    return 0
