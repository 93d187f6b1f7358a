"""`./sandbox recover`: repair the state of a stack whose update was killed."""

import argparse

from ops import project
from ops.console import Console
from ops.stacks import automation, backend, layout, recovery
from ops.stacks.automation import Pulumi


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox recover",
        description="Resolve the operations that a killed update left pending in a stack's state, by asking AWS what "
        "became of them, then make the state what AWS has. Changes nothing in AWS.",
    )
    parser.add_argument("--stack", required=True, help="the stack, for example app")
    return parser


def main(argv: list[str]) -> int:
    stack = arguments().parse_args(argv).stack
    cli = automation.cli()
    folder = project.folder()
    state = backend.current()
    if state.resources(stack) is None:
        raise state.no_such_stack(stack)
    region = project.region(folder, layout.stack_name(stack, project.name()))
    recovery.recover(Pulumi(cli, folder, {}), state, stack, region, Console())
    return 0
