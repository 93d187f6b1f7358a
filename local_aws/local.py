"""`./sandbox local`: one operation of the embedded engine, on a stack in an emulator that was left up.

The stack's configuration is what its committed file says and what --config adds, as in a workflow's fresh checkout:
`up --config failMode=true` injects, `up` alone rolls back.
"""

import argparse
import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import loopback
from local_aws.emulator import ROOT
from local_aws.errors import LocalAwsError
from ops import backend
from ops.report import Report

OPERATIONS = ("up", "preview", "refresh", "destroy")
READINGS = ("outputs", "history")
CANCEL = "cancel"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox local",
        description="Run one operation of the embedded engine on a stack in an emulator that `./sandbox rehearse "
        "--keep` left up. The shell must have loaded the file that it named.",
    )
    parser.add_argument("operation", choices=(*OPERATIONS, *READINGS, CANCEL))
    parser.add_argument("--stack", default="app", help="the stack (app)")
    parser.add_argument(
        "--config", action="append", default=[], metavar="KEY=VALUE", help="set a configuration value for this run"
    )
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    settings = [_setting(text) for text in options.config]
    loopback.refuse_remote_endpoints()
    bucket = backend.location().netloc

    import pulumi

    from local_aws.engine.embedded import EmbeddedEngine
    from local_aws.engine.store import Bucket
    from local_aws.provider.resource import Aws

    lines = Report()
    aws = Aws()
    engine = EmbeddedEngine(
        ROOT,
        options.stack,
        aws,
        Bucket(aws, bucket),
        secrets_provider=lambda: str(backend.outputs("bootstrap")["secretsProvider"]),
        on_step=lambda step: lines.line(f"  {step.operation:8} {step.subject}") if _is_told(step) else None,
    )
    for key, value in settings:
        engine.set_config(key, value)
    try:
        found = getattr(engine, options.operation)()
    except pulumi.RunError as error:
        raise LocalAwsError(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise LocalAwsError(
            f"the emulator cannot be asked: {error}; if it is gone, start one with `./sandbox rehearse --keep` and "
            "load the file that it names"
        ) from None
    if options.operation == CANCEL:
        lines.line(f"cancel of {options.stack}: {found} locks of runs that are gone")
    elif options.operation in READINGS:
        lines.line(json.dumps(found, indent=2))
    else:
        counts = ", ".join(f"{operation} {count}" for operation, count in sorted(found.changes.items()))
        lines.line(f"{options.operation} of {options.stack}: {counts or 'nothing'}  ({found.seconds:.1f} s)")
    return 0


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise LocalAwsError(f"--config {text}: must be KEY=VALUE, for example failMode=true")
    return key, value


def _is_told(step: Any) -> bool:
    return bool(step.operation != "same" and step.type.startswith("aws:"))
