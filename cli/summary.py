"""`./sandbox summary`: what a workflow's run did, as Markdown for its page."""

import argparse
from pathlib import Path

from ops import summary
from ops.health.workload import stack_outputs
from ops.quoting import plain_text
from ops.stacks import backend


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox summary",
        description="Print, as Markdown, what was done to a stack: its changed resources, its checks, and links to it. "
        "A file that is not there belongs to a step that was not reached.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument("--title", required=True, help="what was done, and by whom")
    parser.add_argument(
        "records", type=Path, nargs="*", metavar="FILE", help="in order: engines' event logs, and records of check"
    )
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    print(f"## {plain_text(options.title)}", end="\n\n", flush=True)
    for path in options.records:
        if path.exists():
            print(summary.of_file(path), end="\n\n", flush=True)
    outputs = stack_outputs(backend.current().resources(options.stack))
    if "functionArn" in outputs:
        print(summary.links(outputs), end="\n\n")
    return 0
