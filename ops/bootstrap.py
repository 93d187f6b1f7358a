"""`./sandbox bootstrap`: the account's foundation, whose state moves into the bucket that it makes.

The stack that makes the state bucket cannot begin in it. Its state begins in a folder, and moves when the stack is
whole. At every moment one place is the stack's home: the bucket once it has the stack with resources, the folder until
then. So a run that was interrupted anywhere is carried on by the next, which looks where the home is and goes on there.
"""

import argparse
import contextlib
import json
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pulumi import automation as auto

from infra import names
from ops import automation, backend, diy, locks, project, recover
from ops.automation import Cli, Events, Pulumi
from ops.diy import Lock
from ops.errors import UsageError
from ops.project import read_yaml
from ops.report import Report

STACK = names.BOOTSTRAP_STACK
REPOSITORY = f"{names.PROJECT}:githubRepository"
MESSAGE = "./sandbox bootstrap"  # in the history of every update
NO_SECRETS = ""
"""The passphrase of a state that has no secrets; without any, Pulumi keeps no state in a folder."""


@dataclass(frozen=True)
class Account:
    """Where the foundation is made, and who makes it."""

    number: str
    region: str
    caller: str

    @property
    def bucket(self) -> str:
        return names.state_bucket(self.number, self.region)

    @property
    def backend_url(self) -> str:
        return diy.url(self.bucket, self.region, os.environ.get("AWS_ENDPOINT_URL"))


@dataclass(frozen=True)
class Result:
    """What a run did: the steps of its update, the stack's outputs, and where the first state is kept, if it moved."""

    steps: list[auto.StepEventMetadata]
    outputs: dict[str, Any]
    kept: Path | None


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox bootstrap",
        description="Make, or bring up to date, the account's foundation: state bucket, key, CI's roles and their "
        "trust. Run by a person, with AWS credentials in the shell. Interrupted, it is carried on by running it again.",
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a value in Pulumi.bootstrap.yaml first, such as githubRepository=OWNER/NAME",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is changed")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    if os.environ.get("CI", "").lower() in ("true", "1"):
        raise UsageError(
            f"CI is {os.environ['CI']!r}: bootstrap is run by a person, because it makes the roles that CI is held by; "
            "run it in a shell of your own"
        )
    if not options.yes and not sys.stdin.isatty():
        raise UsageError("standard input is no terminal to ask on: add --yes to go on without being asked")
    config = [project.setting(text) for text in options.config]
    folder = project.folder()
    cli = automation.cli()
    account = find_account(project.region(folder, STACK))
    lines = Report()
    lines.line(f"bootstrap of account {account.number} in {account.region}, as {account.caller}")
    result = run(cli, folder, account, config, lines, ask=None if options.yes else _ask)
    if result is None:
        lines.line("nothing was changed in AWS" + (f"; --config is in {_stack_file(folder)}" if config else ""))
        return 1
    _tell(result, account, folder, lines)
    return 0


def find_account(region: str) -> Account:
    """The account that the shell's credentials are for.

    Raises UsageError when there are none, or AWS refuses them.
    """
    try:
        identity = boto3.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"AWS does not tell whose credentials these are: {error}; load an administrator's of the "
                         "account into this shell") from None  # fmt: skip
    return Account(identity["Account"], region, identity["Arn"])


def run(
    cli: Cli,
    folder: Path,
    account: Account,
    config: list[tuple[str, str]],
    lines: Report,
    ask: Callable[[Report], bool] | None = None,
) -> Result | None:
    """Bring the foundation about, wherever an earlier run has left it; None when `ask` was answered no.

    `folder` is the project's. Raises UsageError when something has to be done by hand first, or an update fails.
    """
    _refuse_incomplete(folder, config)
    _refuse_elsewhere(account, config)
    bucket = backend.Backend(account.backend_url)
    there = bucket.exists(owner=account.number)
    in_bucket = _in_bucket(cli, folder, account)
    with _first_home(account) as home:
        if there and bucket.resources(STACK):
            kept = _set_aside(home)
            _let_go(in_bucket, bucket.locks(STACK))
            steps = _update(in_bucket, account, config, lines, ask)
            if steps is None:
                return None
            return Result(steps, backend.outputs_of(bucket.resources(STACK)), kept)

        if there and not _resources(home) and not _pending(home):
            raise UsageError(
                f"s3://{account.bucket} is there, but neither it nor {home} has a state of bootstrap: run this where "
                "the first run was, whose folder of that name has it"
            )
        _refuse_foreign_key(folder, home)
        in_folder = _in_folder(cli, folder, home)
        _let_go(in_folder, _locks(home))
        steps = _update(in_folder, account, config, lines, ask)
        if steps is None:
            return None
        lines.line(f"moving its state into s3://{account.bucket}")
        outputs = backend.outputs_of(_resources(home))
        in_folder.change_secrets_provider(STACK, outputs["secretsProvider"])
        _move(in_folder.export_state(STACK), in_bucket, bucket, outputs["secretsProvider"])
        return Result(steps, outputs, _set_aside(home))


def _update(
    pulumi: Pulumi, account: Account, config: list[tuple[str, str]], lines: Report, ask: Callable[[Report], bool] | None
) -> list[auto.StepEventMetadata] | None:
    """Bring the stack up to date where it is at home; return the steps, None when told not to."""
    stack = pulumi.stack(STACK)
    for key, value in config:
        with automation.told():
            stack.set_config(key, auto.ConfigValue(value))
    settled = recover.settle(pulumi, STACK, account.region, lines)
    if ask:
        events = Events()
        with automation.told(events):
            stack.preview(refresh=settled, on_event=events)
        for step in events.changed:
            lines.line(f"  would {step.op.value:8} {_subject(step)}")
        if events.changed and not ask(lines):
            return None
    events = Events(lambda step: lines.line(f"  {step.op.value:8} {_subject(step)}"))
    with automation.told(events):
        stack.up(message=MESSAGE, refresh=settled, on_event=events)
    return events.steps


def _move(state: dict[str, Any], pulumi: Pulumi, bucket: backend.Backend, secrets_provider: str) -> None:
    """Put the state into the bucket, and see that the stack there is the one that was in the folder."""
    _let_go(pulumi, bucket.locks(STACK))
    if bucket.resources(STACK) is not None:  # made and not filled by a run that was interrupted
        pulumi.remove(STACK)
    stack = pulumi.stack(STACK, secrets_provider)
    pulumi.import_state(STACK, state)
    events = Events()
    with automation.told(events):
        stack.preview(on_event=events)
    if events.changed:
        raise UsageError(
            f"the stack has moved into s3://{bucket.bucket}, and a preview there would "
            + ", ".join(f"{step.op.value} {_subject(step)}" for step in events.changed)
            + ": run again, or see `pulumi preview --diff`"
        )


def _in_folder(cli: Cli, folder: Path, home: Path) -> Pulumi:
    home.mkdir(exist_ok=True)
    # Without metadata=skip each file has another beside it, which is not replaced as a whole: a run that is killed as
    # it writes one leaves a state that cannot be read. https://pkg.go.dev/gocloud.dev/blob/fileblob
    return Pulumi(
        cli,
        folder,
        {
            "PULUMI_BACKEND_URL": f"{home.as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": NO_SECRETS,
            "PULUMI_DIY_BACKEND_GZIP": "false",  # it is read here, too
        },
    )


def _in_bucket(cli: Cli, folder: Path, account: Account) -> Pulumi:
    return Pulumi(
        cli,
        folder,
        {
            "PULUMI_BACKEND_URL": account.backend_url,
            "PULUMI_DIY_BACKEND_GZIP": "false",  # it is read here, too
            # A checkout that has not got the lines that the first run wrote into Pulumi.bootstrap.yaml.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        },
    )


@contextlib.contextmanager
def _first_home(account: Account) -> Iterator[Path]:
    """The folder where the state begins, for this run alone. It is there only if a run has begun in it.

    Raises UsageError when another run is under way on this machine.
    """
    base = Path(os.environ.get("INCIDENT_SANDBOX_HOME") or Path.home() / ".incident-sandbox").absolute()
    base.mkdir(parents=True, exist_ok=True)
    try:
        lock = locks.hold(base)
    except BlockingIOError:
        raise UsageError(f"another bootstrap is under way in {base}: wait for it to end") from None
    try:
        yield base / f"{account.number}-{account.region}"
    finally:
        os.close(lock)


def _set_aside(home: Path) -> Path | None:
    """Keep the first state, if it is still there when the stack is at home in the bucket, under another name."""
    if not home.exists():
        return None
    return home.rename(home.with_name(f"{home.name}.moved-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"))


def _latest(home: Path) -> dict[str, Any]:
    for path in (home / ".pulumi" / "stacks").glob(f"*/{STACK}.json"):
        return json.loads(path.read_bytes())["checkpoint"].get("latest") or {}
    return {}


def _resources(home: Path) -> list[dict[str, Any]]:
    return _latest(home).get("resources") or []


def _pending(home: Path) -> bool:
    return bool(_latest(home).get("pending_operations"))


def _locks(home: Path) -> list[Lock]:
    found = (home / ".pulumi" / "locks" / "organization").glob(f"*/{STACK}/*.json")
    return [Lock.of(json.loads(path.read_bytes())) for path in found]


def _let_go(pulumi: Pulumi, held: list[Lock]) -> None:
    """Let go of locks whose runs, on this machine, are gone.

    Raises UsageError when one is not.
    """
    for lock in held:
        if lock.hostname != socket.gethostname() or _is_alive(lock.pid):
            raise UsageError(
                f"stack {STACK} is being updated by {lock}: wait for it to end, or, if it is gone, let go of its lock "
                f"with `PULUMI_BACKEND_URL={shlex.quote(pulumi.environment['PULUMI_BACKEND_URL'])} "
                f"pulumi cancel --stack {STACK}`"
            )
    if held:
        pulumi.cancel(STACK)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # Where the first process is no init, as in many containers, orphans that have ended stay as zombies.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def _refuse_incomplete(folder: Path, config: list[tuple[str, str]]) -> None:
    in_file = read_yaml(_stack_file(folder)).get("config") or {}
    if REPOSITORY not in in_file and not {REPOSITORY, REPOSITORY.split(":")[1]} & dict(config).keys():
        raise UsageError(f"{REPOSITORY} is missing: it is the repository whose CI may assume the roles; add "
                         "--config githubRepository=OWNER/NAME")  # fmt: skip


def _refuse_elsewhere(account: Account, config: list[tuple[str, str]]) -> None:
    """What says where the stack is and what it is cannot change in the middle of a run."""
    for key, value in config:
        if (key == "aws:region" and value != account.region) or (
            key.removeprefix(f"{names.PROJECT}:") == "scope" and value != STACK
        ):
            raise UsageError(f"--config {key}={value}: this run is of scope {STACK} in {account.region}, as its stack "
                             "file says; for another region, edit that file first")  # fmt: skip


def _refuse_foreign_key(folder: Path, home: Path) -> None:
    if "secretsprovider" in read_yaml(_stack_file(folder)) and not _latest(home):
        raise UsageError(
            f"{_stack_file(folder)} has a secretsprovider, of a foundation that is not in this account and region: "
            "load that account's credentials, or, for a new one, remove its lines secretsprovider and encryptedkey"
        )


def _stack_file(folder: Path) -> Path:
    return folder / f"Pulumi.{STACK}.yaml"


def _subject(step: auto.StepEventMetadata) -> str:
    return f"{step.type} {step.urn.split('::')[-1]}" + (f" [{', '.join(step.diffs)}]" if step.diffs else "")


def _ask(lines: Report) -> bool:
    lines.line("Go on? Only `yes` does.")
    return sys.stdin.readline().strip() == "yes"


def _tell(result: Result, account: Account, folder: Path, lines: Report) -> None:
    repository = read_yaml(_stack_file(folder))["config"][REPOSITORY]
    lines.line(f"\nThe foundation is in place, its state in s3://{account.bucket}")
    if result.kept:
        lines.line(f"The first state is kept in {result.kept}; commit {_stack_file(folder).name}, which names the key")
    lines.line("\nVariables of the GitHub repository:")
    for name, value in result.outputs["githubVariables"].items():
        lines.line(f"  gh variable set {name} --body {shlex.quote(value)} --repo {repository}")
    lines.line("\nNext:")
    if os.environ.get("PULUMI_BACKEND_URL") != account.backend_url:
        lines.line(f"  export PULUMI_BACKEND_URL={shlex.quote(account.backend_url)}")
    lines.line(f"  pulumi stack init app --secrets-provider {shlex.quote(result.outputs['secretsProvider'])}")
    lines.line("  pulumi up --stack app")
