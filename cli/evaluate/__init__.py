"""`./sandbox evaluate`: ask an investigator about a stack, once or in a campaign, and compare it with the truth."""

import argparse
import importlib
from pathlib import Path

from evaluation.investigators import AGENTS
from ops.console import Console


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox evaluate",
        description="Ask an investigator whether a stack's service is healthy and, if not, why; and compare what it "
        "says with what was really changed.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="ask|run|score|judge|report|merge")
    ask = verbs.add_parser(
        "ask",
        description="Ask about a stack as it is now. Exit 0: there is an answer. 2: there is none (void, or not by the "
        "deadline). Interrupted, run it again: it goes on waiting, and asks nothing twice.",
    )
    ask.add_argument("--stack", required=True, help="the app stack, for example app")
    ask.add_argument("--agent", required=True, choices=AGENTS, help="who is asked")
    ask.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder of this question and answer")
    ask.add_argument("--space", metavar="ARN", help="with --agent devops-agent: the agent space")
    ask.add_argument("--region", help="the service's region (default: the shell's)")
    ask.add_argument("--since", metavar="TIME", help="ask about health since then, ISO 8601 (an hour ago)")
    ask.add_argument("--max-usd", type=float, metavar="X", help="with devops-agent: end an investigation at this cost")
    _add_common(ask)
    run = verbs.add_parser(
        "run",
        description="Run a campaign: make incidents and harmless changes, and ask about each. Run again with the same "
        "DIR after a kill or Ctrl-C, it goes on, and asks nothing twice. Exit 0: every trial is done. 1: --max-usd "
        "ended it before. 2: something has to be mended first.",
    )
    run.add_argument("--agent", required=True, action="append", choices=AGENTS,
                     help="who is asked; several are asked about the same incidents")  # fmt: skip
    run.add_argument("--trials", required=True, type=int, metavar="N", help="how many, in four arms in turn")
    run.add_argument("--seed", type=int, metavar="S", help="the order of the arms (default: a new one, or DIR's)")
    run.add_argument("--out", required=True, type=Path, metavar="DIR", help="the campaign's folder")
    where = run.add_mutually_exclusive_group(required=True)
    where.add_argument("--stack", action="append", metavar="S", help="an app stack; several run side by side")
    where.add_argument("--local", action="store_true", help="the stacks app and plain, on an emulator of its own")
    run.add_argument("--shard", metavar="I/N", help="run every N-th block only, from the I-th on")
    run.add_argument("--space", action="append", metavar="ARN",
                     help="with devops-agent: the agent space, one for each stack or one for all")  # fmt: skip
    run.add_argument("--pause", type=float, metavar="S", help="seconds between two trials (60; --local: 0)")
    run.add_argument("--max-usd", type=float, metavar="X", help="stop before all answers together cost more")
    _add_common(run)
    score = verbs.add_parser(
        "score",
        description="Compare answers with the truth, offline: of a campaign, or of one question (DIR/findings.json and "
        "DIR/truth.json). One question: exit 0: PASS. 1: it is not. 2: it cannot be said, or the answer is void.",
    )
    score.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="the folder of `run` or `ask`")
    score.add_argument("--findings", type=Path, metavar="FILE", help="findings from elsewhere")
    score.add_argument("--truth", type=Path, metavar="FILE", help="a truth from elsewhere")
    judge = verbs.add_parser(
        "judge",
        description="Show a person what the scorer left undecided, without the truth, and record the decisions.",
    )
    judge.add_argument("dir", type=Path, metavar="DIR", help="the folder of `run`, or of `ask` with truth.json")
    judge.add_argument("--by", metavar="NAME", help="who decides (default: this machine's user)")
    report = verbs.add_parser(
        "report",
        description="Write the report of a campaign, DIR/report.html and DIR/report.md. Works offline, also while the "
        "campaign runs.",
    )
    report.add_argument("dir", nargs="+", type=Path, metavar="DIR", help="folders of `run`; all stand side by side")
    report.add_argument("--agent", choices=AGENTS, help="whom the report is about (default: who is no reference)")
    merge = verbs.add_parser("merge", description="Put the shards of one campaign together into one folder.")
    merge.add_argument("dir", nargs="+", type=Path, metavar="DIR", help="folders of `run --shard`")
    merge.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--command", metavar="PROGRAM", help="with --agent command: the program and its arguments")
    parser.add_argument("--deadline", type=float, metavar="S", help="seconds until no answer is waited for any more")
    parser.add_argument("--poll", type=float, metavar="S", help="with devops-agent: seconds between looks (30)")
    parser.add_argument("--yes", action="store_true", help="do not ask before something that may cost money")


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    return int(importlib.import_module(f"cli.evaluate.{options.verb}").main(options, Console()))
