"""`./sandbox truth`: what happened in a stack's last incident, derived and never typed."""

import argparse
import itertools
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cli.options import moment
from ops import records
from ops.errors import UsageError
from ops.incidents import incident, truth
from ops.incidents.incident import Incident
from ops.stacks import backend
from ops.stacks.backend import Backend


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
    parser.add_argument("--since", metavar="TIME", help="of a time, ISO 8601: the incident in it, or that it had none")
    parser.add_argument("--until", metavar="TIME", help="with --since: the end of that time (now)")
    parser.add_argument("--all", action="store_true", help="every incident in the stack's history, newest first")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    since, until = moment("--since", options.since), moment("--until", options.until)
    if (options.all and since) or (until and not since) or (since and until and until <= since):
        raise UsageError("--since names the beginning of a time, --until its end, and --all has every incident: "
                         "use --since, with or without a later --until, or --all")  # fmt: skip
    if options.json:
        records.check_writable(options.json)
    state = backend.current()
    incidents = incident.find(state, options.stack, since)
    if since:
        truths = [_of_time(state, options.stack, incidents, since, until or datetime.now(timezone.utc))]
    else:
        chosen = incidents if options.all else itertools.islice(incidents, 1)
        truths = [truth.record(options.stack, each) for each in chosen]
    if not truths:
        raise UsageError(f"--stack {options.stack}: its history has no incident; inject-failure begins one")
    if options.json:
        records.write(options.json, truths if options.all else truths[0])
    print("\n\n".join(truth.sentence(each) for each in truths))
    return 0 if all(each["valid"]["valid"] for each in truths) else 1


def _of_time(
    state: Backend, stack: str, incidents: Iterator[Incident], since: datetime, until: datetime
) -> dict[str, Any]:
    """The last incident that was on in a time, or that nothing was wrong in it."""
    for each in incidents:
        if each.flip.started <= until:
            return truth.record(stack, each)
    return truth.record_of_health(state, stack, since, until, until, ())
