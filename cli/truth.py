"""`./sandbox truth`: what happened in a stack's last incident, derived and never typed."""

import argparse
import itertools
from pathlib import Path

from ops import records
from ops.errors import UsageError
from ops.incidents import incident, truth
from ops.stacks import backend


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox truth",
        description="Print the truth of a stack's current or last incident: the changed property, when, by which "
        "session and run, the first request that failed and the first that was answered again, by Pulumi's history, "
        "CloudTrail and the log of the stack's client. Exit 0: an investigation can be held against it. 1: it cannot, "
        "and why. 2: there was no incident, or it cannot be said.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record; with --all a list of them")
    parser.add_argument("--all", action="store_true", help="every incident in the stack's history, newest first")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    if options.json:
        records.check_writable(options.json)
    incidents = incident.find(backend.current(), options.stack)
    truths = [
        truth.record(options.stack, each) for each in (incidents if options.all else itertools.islice(incidents, 1))
    ]
    if not truths:
        raise UsageError(f"--stack {options.stack}: its history has no incident; inject-failure begins one")
    if options.json:
        records.write(options.json, truths if options.all else truths[0])
    print("\n\n".join(truth.sentence(each) for each in truths))
    return 0 if all(each["valid"]["valid"] for each in truths) else 1
