"""`./sandbox local`: an emulator that stays, and operations of the embedded engine on its stacks."""

import argparse
import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra import names
from local_aws.emulator import process, registry
from local_aws.emulator.process import Emulator
from local_aws.errors import LocalAwsError
from ops import project
from ops.console import Console
from ops.project import ROOT
from ops.stacks.urn import is_in_aws

OPERATIONS = {
    "up": "deploy the stack",
    "preview": "what `up` would do",
    "refresh": "make the stack's state what AWS has",
    "destroy": "delete the stack's resources",
    "outputs": "the stack's outputs",
    "history": "the stack's updates",
    "cancel": "release the lock of a run that was killed",
}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox local",
        description="An AWS emulator that stays, one to a checkout; and what its stacks need of an engine where there "
        "is no Pulumi CLI.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    start = verbs.add_parser("start", help="start the emulator", description="Start the emulator of this checkout.")
    start.add_argument("--port", type=int, default=0, metavar="N", help="its port (default: a free one, or as saved)")
    start.add_argument("--persist", type=Path, metavar="DIR", help="go on with what DIR has, and save it there on stop")
    verbs.add_parser("stop", help="stop it", description="Stop the emulator of this checkout.")
    verbs.add_parser("status", help="is it running", description="Tell about the emulator. Exit 1: none is running.")
    verbs.add_parser(
        "env",
        help="the settings that AWS clients and Pulumi need",
        description='Print shell commands: load them with eval "$(./sandbox local env)".',
    )
    for name, help in OPERATIONS.items():
        operation = verbs.add_parser(name, help=f"{help} (embedded engine)", description=f"{help.capitalize()}.")
        operation.add_argument("--stack", default="app", help="the stack (app)")
        operation.add_argument(
            "--config", action="append", default=[], metavar="KEY=VALUE", help="set a configuration value for this run"
        )
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    console = Console()
    if options.verb == "start":
        return _start(options.port, options.persist, console)
    if options.verb == "stop":
        return _stop(console)
    if options.verb == "status":
        return _status(console)
    if options.verb == "env":
        try:
            running = registry.get().emulator
        except LocalAwsError:
            console.line("false")  # eval fails, and what follows with && or under `set -e` does not reach real AWS
            raise
        console.line(shell_commands(running, os.environ))
        return 0
    return _operate(options.verb, options.stack, options.config, console)


def shell_commands(running: Emulator, shell: Mapping[str, str]) -> str:
    """Commands that make a POSIX shell's AWS clients and Pulumi speak to an emulator, and to nothing else."""
    wanted = running.pulumi_environment()
    # What is no name in a shell is no variable of it, and these lines are evaluated.
    foreign = sorted(name for name in shell if re.fullmatch("(AWS|PULUMI)_[A-Za-z0-9_]*", name) and name not in wanted)
    unset = [f"unset {' '.join(foreign)}"] if foreign else []
    return "\n".join(unset + [f"export {name}={shlex.quote(value)}" for name, value in wanted.items()])


def _start(port: int, persist: Path | None, console: Console) -> int:
    region = project.region(ROOT, "app")
    with registry.reserved(), process.running(region, port, persist and persist.resolve()) as started:
        registry.register(started)
    console.line(f"""\
emulator at {started.url}, account {process.ACCOUNT}, {region}; \
alarm periods run {process.CLOCK_SCALE} times faster than on AWS
  use it  eval "$(./sandbox local env)"     for AWS clients and `pulumi` in this shell
  first   ./sandbox bootstrap --config githubRepository=OWNER/NAME    in that shell: it needs the Pulumi CLI
          without the CLI: ./sandbox local stop, then ./sandbox rehearse --keep, which deploys all of it
  stop    ./sandbox local stop""")
    return 0


def _stop(console: Console) -> int:
    running = registry.find()
    if running is None:
        console.line("no emulator of this checkout is running")
        return 0
    running.stop()
    console.line(
        f"stopped; what it had is in {running.persist}"
        if running.persist
        else "stopped, and everything in it is gone (`start --persist DIR` would keep it)"
    )
    return 0


def _status(console: Console) -> int:
    registered = registry.find()
    if registered is None:
        console.line("no emulator of this checkout is running")
        return 1
    running = registered.emulator
    console.line(f"""\
emulator at {running.url}, account {process.ACCOUNT}, {running.region}, pid {registered.pid}
  log          {running.directory / "emulator.log"}
  stack files  {running.workspace}
  on stop      {f"saved in {registered.persist}" if registered.persist else "everything in it is gone"}""")
    return 0


def _operate(operation: str, stack: str, config: list[str], console: Console) -> int:
    settings = [project.setting(text) for text in config]
    running = registry.get().emulator
    os.environ.update(running.pulumi_environment())

    import pulumi
    from botocore.exceptions import BotoCoreError, ClientError

    from local_aws.engine.embedded import EmbeddedEngine
    from local_aws.engine.store import Bucket
    from local_aws.provider.resource import Aws
    from ops.stacks import backend

    aws = Aws()
    engine = EmbeddedEngine(
        running.workspace,
        stack,
        aws,
        Bucket(aws, names.state_bucket(process.ACCOUNT, running.region)),
        secrets_provider=lambda: str(backend.outputs("bootstrap")["secretsProvider"]),
        on_step=lambda step: console.line(f"  {step.operation:8} {step.subject}") if _is_told(step) else None,
        on_resolved=lambda settled: console.line(f"  {'pending':8} {settled.sentence}"),
    )
    for key, value in settings:
        engine.set_config(key, value)
    try:
        result = getattr(engine, operation)()
    except pulumi.RunError as error:
        raise LocalAwsError(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise LocalAwsError(f"the emulator cannot be asked: {error}") from None
    if operation == "cancel":
        console.line(f"cancel of {stack}: {result} locks of runs that are gone")
    elif operation in ("outputs", "history"):
        console.line(json.dumps(result, indent=2))
    else:
        counts = ", ".join(f"{operation} {count}" for operation, count in sorted(result.changes.items()))
        console.line(f"{operation} of {stack}: {counts or 'nothing'}  ({result.seconds:.1f} s)")
    return 0


def _is_told(step: Any) -> bool:
    return bool(step.operation != "same" and is_in_aws(step.type))
