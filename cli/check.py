"""`./sandbox check`: is a stack's workload as expected?"""

import argparse
from pathlib import Path

from ops import project, records
from ops.console import Console
from ops.errors import UsageError
from ops.health import check, leftovers
from ops.health.workload import Workload
from ops.stacks import backend, layout


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox check",
        description="Check that a deployed stack's workload is healthy, or failing, that its code and policy are what "
        "was deployed, that nothing is beside it, and that its telemetry agrees; or that a stack is gone, and its "
        "foundation is not. Exit 0: it is as expected. 1: it is not. 2: it could not be checked.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument(
        "--expect",
        required=True,
        choices=("healthy", "failing", "recovering", "gone"),
        help="recovering: healthy, but alarms need not be OK yet",
    )
    parser.add_argument(
        "--requests", type=int, default=5, metavar="N", help="right responses in a row that are wanted, 1 to 1000 (5)"
    )
    parser.add_argument(
        "--timeout", type=float, default=300, metavar="S", help="seconds for requests and telemetry together (300)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record of the check")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    if not 1 <= options.requests <= 1000:
        raise UsageError(f"--requests {options.requests}: must be a number from 1 to 1000")
    if not 0 <= options.timeout < float("inf"):
        raise UsageError(f"--timeout {options.timeout:g}: must be a number of seconds, 0 or more")
    if options.json:
        records.check_writable(options.json)
    console = Console()
    state = backend.current()
    console.line(f"stack {options.stack}: expecting {options.expect}")
    if options.expect == "gone":
        result = check.check_gone(options.stack, state, console)
    else:
        resources = state.deployed(options.stack)
        workload = Workload.of(resources)
        plain = layout.stack_name(options.stack, project.name())

        def beside() -> list[str]:
            return leftovers.beside(plain, state.deployed_apps(), workload.region, resources)

        result = check.check(
            options.stack, workload, options.expect, options.requests, options.timeout, console, beside
        )
    if options.json:
        records.write(options.json, result.as_record())
    console.line(result.verdict)
    return 0 if result.passed else 1
