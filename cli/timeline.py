"""`./sandbox timeline`: a stack's last incident on one time axis."""

import argparse
from pathlib import Path

from cli.options import past_moment
from ops import records
from ops.incidents import markdown, timeline
from ops.stacks import backend


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox timeline",
        description="Show a stack's last incident, its last hour where it had none, or what happened since a time: "
        "deployments, traffic and its answers, errors, alarms, onset and end on one time axis. Prints Markdown with a "
        "picture that GitHub draws, or writes a page that needs no network.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument("--since", metavar="TIME", help="from this time until now, ISO 8601 (the last incident)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page, instead of printing Markdown")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    since = past_moment("--since", options.since)
    if options.html:
        records.check_writable(options.html)
    record = timeline.record(backend.current(), options.stack, since)
    if options.html:
        from ops.incidents import page  # Plotly, which takes longer to load than all else here

        records.write_text(options.html, page.render(record))
        print(f"{options.html}: the timeline of stack {options.stack}")
    else:
        print(markdown.render(record))
    return 0
