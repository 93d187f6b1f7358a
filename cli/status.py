"""`./sandbox status`: is an incident active in a stack? Whoever is about to change it should know."""

import argparse
import os
from pathlib import Path

from ops.stacks import backend, status
from ops.stacks.status import Status


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox status",
        description="Print whether a stack is deployed and whether an incident is active in it, by its state. In a "
        "workflow it also sets the step's outputs condition (absent, empty or deployed), deployed, incident, since and "
        "run. Exit 0: no incident is active. 1: one is. 2: it cannot be said, as where there is no such stack.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    return parser


def main(argv: list[str]) -> int:
    stack = arguments().parse_args(argv).stack
    state = backend.current()
    current = status.read(state, stack)
    if outputs := os.environ.get("GITHUB_OUTPUT"):
        _write_outputs(Path(outputs), current)
    if current.condition == "absent":
        raise state.no_such_stack(stack)
    print(current.sentence)
    return 1 if current.is_incident else 0


def _write_outputs(path: Path, current: Status) -> None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter"""
    with path.open("a", encoding="utf-8") as file:
        for name, value in current.as_outputs().items():
            file.write(f"{name}={value}\n")
