"""`./sandbox evaluate`: ask an investigator about a stack, and compare its answer with the truth."""

import argparse
import getpass
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ops.console import Console
from ops.errors import UsageError

if TYPE_CHECKING:
    from evaluation.campaign.files import Judgement
    from evaluation.investigators.investigator import Investigator
    from evaluation.judging import Inquiry
    from evaluation.scoring import Axis, Score

AGENTS = ("devops-agent", "command", "person", "runbook", "always-healthy", "last-change", "shotgun", "echo")
DEADLINES = {"devops-agent": 1800.0, "person": 4 * 3600.0}
DEADLINE_SECONDS = 900.0
NOTHING = "nothing"
EXIT_CODES = {"PASS": 0, "FAIL": 1, "UNDECIDED": 2}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox evaluate",
        description="Ask an investigator whether a stack's service is healthy and, if not, why; and compare what it "
        "says with what was really changed.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="ask|score|judge")
    ask = verbs.add_parser(
        "ask",
        description="Ask about a stack as it is now. Exit 0: there is an answer. 2: there is none (void, or not by the "
        "deadline). Interrupted, run it again: it goes on waiting, and asks nothing twice.",
    )
    ask.add_argument("--stack", required=True, help="the app stack, for example app")
    ask.add_argument("--agent", required=True, choices=AGENTS, help="who is asked")
    ask.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder of this question and answer")
    ask.add_argument("--command", metavar="PROGRAM", help="with --agent command: the program and its arguments")
    ask.add_argument("--space", metavar="ARN", help="with --agent devops-agent: the agent space")
    ask.add_argument("--region", help="the service's region (default: the shell's)")
    ask.add_argument("--since", metavar="TIME", help="ask about health since then, ISO 8601 (an hour ago)")
    ask.add_argument("--deadline", type=float, metavar="S", help="seconds until no answer is waited for any more")
    ask.add_argument("--poll", type=float, metavar="S", help="with devops-agent: seconds between looks (30)")
    ask.add_argument("--max-usd", type=float, metavar="X", help="with devops-agent: end an investigation at this cost")
    ask.add_argument("--yes", action="store_true", help="do not ask before something that may cost money")
    score = verbs.add_parser(
        "score",
        description="Compare an answer with the truth: DIR/findings.json and DIR/truth.json. Works offline. Exit 0: "
        "PASS. 1: it is not. 2: it cannot be said, or the answer is void.",
    )
    score.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="the folder of `ask`, for score.json, too")
    score.add_argument("--findings", type=Path, metavar="FILE", help="findings from elsewhere")
    score.add_argument("--truth", type=Path, metavar="FILE", help="a truth from elsewhere")
    judge = verbs.add_parser(
        "judge",
        description="Show a person what the scorer left undecided, without the truth, and record the decisions.",
    )
    judge.add_argument("dir", type=Path, metavar="DIR", help="the folder of `ask`, with truth.json")
    judge.add_argument("--by", metavar="NAME", help="who decides (default: this machine's user)")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    return {"ask": _ask, "score": _score, "judge": _judge}[options.verb](options, Console())


def _ask(options: argparse.Namespace, console: Console) -> int:
    from evaluation.asking import Folder
    from evaluation.investigators.investigator import Progress
    from evaluation.times import parse_time
    from ops import observer

    _refuse_wrong_numbers(options)
    try:
        since = parse_time(options.since) if options.since else None
    except ValueError:
        raise UsageError(f"--since {options.since}: must be ISO 8601, for example 2026-03-03T14:00:00Z") from None
    region = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise UsageError("the region is not known: add --region, for example eu-west-1")
    investigator, sees_as = _investigator(options, region)
    cost = investigator.cost()
    console.line(f"{options.agent} is asked about stack {options.stack} in {region}, and sees AWS as {sees_as}")
    console.line(f"it may cost {cost.sentence}")
    if cost.most_usd != 0.0 and not options.yes and not _is_confirmed(console):
        return 2
    folder = Folder(options.out)
    question = folder.begin(options.stack, options.agent, observer.service_of(options.stack), region, since)

    def report(progress: Progress) -> None:
        usd = "" if progress.cost_usd is None else f", ${progress.cost_usd:.2f} so far"
        console.status(f"  {progress.status}, {progress.seconds:.0f} s{usd}")

    answer = folder.ask(investigator, question, report)
    usd = "" if answer.cost_usd is None else f", ${answer.cost_usd:.2f}"
    console.line(f"{answer.status} after {answer.seconds:.1f} s{usd}" + (f": {answer.reason}" if answer.reason else ""))
    if answer.status != "completed":
        return 2
    findings = folder.findings()
    console.line(f"verdict: {findings.verdict.value} ({findings.source})")
    for cause in findings.causes:
        console.line(f"{cause.role.value}: {cause.statement}")
    console.line(f"\nNext:\n  ./sandbox truth --stack {options.stack} --json {options.out / 'truth.json'}\n"
                 f"  ./sandbox evaluate score {options.out}")  # fmt: skip
    return 0


def _refuse_wrong_numbers(options: argparse.Namespace) -> None:
    for name in ("deadline", "poll", "max_usd"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"--{name.replace('_', '-')} {value:g}: must be a number above 0")
    for name, agent in (("command", "command"), ("space", "devops-agent"), ("max_usd", "devops-agent"),
                        ("poll", "devops-agent")):  # fmt: skip
        if getattr(options, name) is not None and options.agent != agent:
            raise UsageError(f"--{name.replace('_', '-')}: is for --agent {agent}, not {options.agent}; leave it out")


def _investigator(options: argparse.Namespace, region: str) -> "tuple[Investigator, str]":
    """Return who is asked, and whose rights they have in AWS."""
    deadline = options.deadline or DEADLINES.get(options.agent, DEADLINE_SECONDS)
    if options.agent == "devops-agent":
        return _devops_agent(options, deadline), "its agent space lets it"
    if options.agent == "person":
        from evaluation.investigators.person import Person

        return Person(deadline), "themselves"
    from ops import observer

    if options.agent == "command":
        import shlex

        from evaluation.investigators.command import Command

        words = shlex.split(options.command or "")
        if not words:
            raise UsageError("--agent command needs --command 'PROGRAM ARGUMENTS', which is asked on standard input")
        access = observer.access(region)
        return Command(words, {**access.variables, **observer.shell_endpoint()}, region, deadline), access.sentence
    from evaluation.investigators.references import RULES, Reference

    access = observer.access(region)
    return Reference(options.agent, RULES[options.agent], access.session()), access.sentence


def _devops_agent(options: argparse.Namespace, deadline: float) -> "Investigator":
    """Asked with the shell's credentials: the observer may not ask it."""
    import re

    import boto3

    from evaluation.investigators.devops_agent import POLL_SECONDS, DevOpsAgent

    if not re.fullmatch(r"arn:aws[a-z-]*:aidevops:[a-z0-9-]+:\d{12}:agentspace/[A-Za-z0-9_.-]+", options.space or ""):
        raise UsageError(f"--space {options.space}: must be the ARN of an agent space, "
                         "arn:aws:aidevops:REGION:ACCOUNT:agentspace/ID")  # fmt: skip
    return DevOpsAgent(boto3.Session(), options.space, deadline, options.poll or POLL_SECONDS, options.max_usd)


def _is_confirmed(console: Console) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("standard input is no terminal to ask on: add --yes to go on without being asked")
    console.line("Go on? Only `yes` does.")
    return sys.stdin.readline().strip() == "yes"


def _score(options: argparse.Namespace, console: Console) -> int:
    from evaluation import asking, findings, truth

    if options.dir is None and not (options.findings and options.truth):
        raise UsageError("nothing to score: name the folder of `evaluate ask`, or both --findings and --truth")
    folder = asking.Folder(options.dir) if options.dir else None
    answer = folder.answer() if folder and not options.findings else None
    if answer is not None and answer.status == "void":
        console.line(f"void: {answer.reason}")
        return 2
    assert folder is not None or options.findings
    read_findings = findings.load(options.findings) if options.findings else folder.findings()  # type: ignore[union-attr]
    read_truth = truth.load(options.truth) if options.truth else folder.truth()  # type: ignore[union-attr]
    score = asking.score(read_truth, read_findings, folder.judgements() if folder else None)
    _print(score, console)
    if folder is not None:
        folder.write_score(score)
    if answer is not None and answer.status == "timed_out":
        console.line(f"FAIL: {answer.reason}; the axes above are of what there was by then")
        return 1
    by_person = [axis.value for axis, decided in score.axes.items() if decided.decided_by == "person"]
    console.line(score.verdict + (f"; a person decided {', '.join(by_person)}" if by_person else ""))
    return EXIT_CODES[score.verdict]


def _print(score: "Score", console: Console) -> None:
    from evaluation.scoring import Outcome

    for axis, decided in score.axes.items():
        if decided.outcome is Outcome.NOT_APPLICABLE:
            continue
        by = "  (a person decided)" if decided.decided_by == "person" else ""
        console.line(f"  {axis.value:14} {decided.outcome.value:10} {decided.reason}{by}")
        if decided.sentence:
            console.line(f"  {'':25} {' '.join(decided.sentence.split())!r}")


def _judge(options: argparse.Namespace, console: Console) -> int:
    from evaluation import asking, judging
    from evaluation.campaign.files import Judgements

    folder = asking.Folder(options.dir)
    truth, findings, before = folder.truth(), folder.findings(), folder.judgements()
    inquiries = judging.inquiries(truth, asking.score(truth, findings, before))
    if not inquiries:
        console.line("nothing is undecided")
        return 0
    answer = folder.answer()
    console.line(answer.text if answer else findings.text)
    decided: dict[Axis, Judgement] = dict(before.axes) if before else {}
    for inquiry in inquiries:
        judgement = _judgement(inquiry, console)
        if judgement is None:
            break
        decided[inquiry.axis] = judgement
    started = before.started if before else datetime.now(timezone.utc)
    by = options.by or (before.by if before else getpass.getuser())
    folder.write_judgements(Judgements(started, by, decided))
    console.line(f"{len(decided)} decided by {by}; `./sandbox evaluate score {options.dir}` has the result")
    return 0


def _judgement(inquiry: "Inquiry", console: Console) -> "Judgement | None":
    """Ask until there is a reply; None at the end of the input."""
    from evaluation.campaign.files import Judgement

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
        return Judgement(outcome, datetime.now(timezone.utc), f"the answer says: {reply or NOTHING}")
    return None
