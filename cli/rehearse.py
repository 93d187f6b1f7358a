"""`./sandbox rehearse`: the whole incident lifecycle on an emulator, every step proved."""

import argparse
import contextlib
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_aws import loopback
from local_aws.emulator import process, registry
from local_aws.emulator.process import Child
from ops import project, records
from ops.console import Console
from ops.project import ROOT

if TYPE_CHECKING:
    from local_aws.rehearsal.lifecycle import Lifecycle, Step


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox rehearse",
        description="Run the whole incident lifecycle against an AWS emulator on this machine: bootstrap, deploy, "
        "inject, roll back, destroy, each with the credentials that it has on AWS, and prove each step. Never touches "
        "real AWS. Exit 0 only if every step passed.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record of the run")
    parser.add_argument(
        "--keep", action="store_true", help="leave the emulator up, with the app deployed and healthy, at the end"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="the emulator's port (default: a free one)")
    parser.add_argument(
        "--engine",
        choices=("auto", "pulumi", "embedded"),
        default="auto",
        help="the Pulumi CLI, or the engine that needs none (auto: the CLI if it is on PATH)",
    )
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    loopback.refuse_remote_endpoints()
    if options.json:
        records.check_writable(options.json)
    console = Console()
    record = {**records.new("rehearsal", datetime.now(timezone.utc)), "passed": False, "steps": []}
    started = time.monotonic()
    try:
        record["passed"] = _rehearse(options, console, record)
    finally:
        record["seconds"] = round(time.monotonic() - started, 3)
        if options.json:
            records.write(options.json, record)
    if record["passed"]:
        console.line(f"every step passed, in {record['seconds']:.1f} s")
    return 0 if record["passed"] else 1


def _rehearse(options: argparse.Namespace, console: Console, record: dict[str, Any]) -> bool:
    with _emulator(options) as emulator:
        emulator.replace_environment()

        from local_aws.engine.choice import choose  # loads Pulumi's SDK, which takes its time
        from local_aws.rehearsal.lifecycle import Lifecycle

        engines = choose(options.engine, emulator)
        record["emulator"] = {
            "endpoint": emulator.url,
            "account": process.ACCOUNT,
            "region": emulator.region,
            "clockScale": process.CLOCK_SCALE,
        }
        record["engine"] = {"name": engines.name, "version": engines.version}
        console.line(f"emulator  {emulator.url}, account {process.ACCOUNT}, {emulator.region}")
        console.line(f"          alarm periods run {process.CLOCK_SCALE} times faster than on AWS")
        console.line(f"engine    {engines.title}")
        lifecycle = Lifecycle(engines, emulator.workspace)
        console.line(f"\n{'':4}{'step':25}{'as':15}{'':4}{'time':>6}   proved")
        for number, step in enumerate(lifecycle.steps(), 1):
            if not _run_step(number, step, lifecycle, console, record["steps"]):
                return False
        record["outputs"] = lifecycle.app.outputs()
        if options.keep:
            registry.register(emulator)
            console.line(f"""
The emulator stays, with the app deployed and healthy. For AWS clients, `pulumi` and ./sandbox in this shell:
  eval "$(./sandbox local env)"
  API     {record["outputs"]["apiUrl"]}
  curl    curl --cacert "$AWS_CA_BUNDLE" '{record["outputs"]["apiUrl"]}'
  check   ./sandbox check --stack app --expect healthy
  inject  ./sandbox local up --config failMode=true
  stop    ./sandbox local stop
""")
    return True


@contextlib.contextmanager
def _emulator(options: argparse.Namespace) -> Iterator[Child]:
    with (
        registry.reserved() if options.keep else contextlib.nullcontext(),
        process.running(project.region(ROOT, "app"), options.port) as emulator,
    ):
        yield emulator


def _run_step(
    number: int, step: "Step", lifecycle: "Lifecycle", console: Console, outcomes: list[dict[str, Any]]
) -> bool:
    """Run a step, print one line of it, and add its outcome to the record; return whether it passed."""
    title = f"{number:2}  {step.name:25}{step.caller:15}"
    console.status(f"{title} …")
    outcome = lifecycle.run(step)
    outcomes.append(outcome)
    if outcome["passed"]:
        console.line(f"{title}ok  {outcome['seconds']:4.1f} s   {outcome['proved']}")
    else:
        console.line(f"{title}FAILED\n    expected {outcome['expected']}\n    actual   {outcome['actual']}")
    return bool(outcome["passed"])
