"""The bootstrap stack: the account's foundation, whose state moves into the bucket that it makes.

The stack that makes the state bucket cannot begin in it. Its state begins in a folder, and moves when the stack is
whole. At every moment one of the two is the stack's home: the bucket once it has the stack with resources, the folder
until then. So a run that was interrupted anywhere is continued by the next, which finds the home and goes on there.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pulumi import automation as auto

from infra import names
from ops import clients, folder_locks, project
from ops.console import Console
from ops.errors import UsageError
from ops.health.workload import stack_outputs
from ops.stacks import checkpoint, layout, recovery, urn
from ops.stacks.automation import Cli, Pulumi, as_usage_error
from ops.stacks.backend import Backend
from ops.stacks.checkpoint import MalformedError
from ops.stacks.events import Events
from ops.stacks.layout import Lock

STACK = names.BOOTSTRAP_STACK
REPOSITORY = f"{names.PROJECT}:githubRepository"
MESSAGE = "./sandbox bootstrap"
"""In the history of every update."""
NO_SECRETS = ""
"""The passphrase of a state that has no secrets; without any, Pulumi keeps no state in a folder."""

UNCOMPRESSED = {"PULUMI_DIY_BACKEND_GZIP": "false", "PULUMI_DIY_BACKEND_ZSTD": "false"}
"""The states of this stack are read here, too."""

Config = list[tuple[str, str]]
Ask = Callable[[Console], bool]
"""Asks a person whether to go on."""


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
        return layout.bucket_url(self.bucket, self.region, os.environ.get("AWS_ENDPOINT_URL"))


@dataclass(frozen=True)
class Result:
    """What a run did: the steps of its update, the stack's outputs, and where the first state is kept, if it moved."""

    steps: list[auto.StepEventMetadata]
    outputs: dict[str, Any]
    kept: Path | None


def current_account(region: str) -> Account:
    """The account that the shell's credentials are for.

    Raises UsageError when there are none, or AWS refuses them.
    """
    try:
        identity = clients.Session(region).client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        advice = clients.advice(error, "load an administrator's of the account into this shell")
        raise UsageError(f"AWS does not say whose credentials these are: {error}; {advice}") from None
    return Account(identity["Account"], region, identity["Arn"])


def run(
    cli: Cli, folder: Path, account: Account, config: Config, console: Console, ask: Ask | None = None
) -> Result | None:
    """Make the foundation or bring it up to date, wherever an earlier run has left it; None when `ask` returned False.

    `folder` is the project's. Raises UsageError when something has to be done by hand first, or an update fails.
    """
    _refuse_incomplete(folder, config)
    _refuse_elsewhere(account, config)
    bucket = Backend(account.backend_url)
    in_bucket = _in_bucket(cli, folder, account)
    has_bucket = bucket.exists(owner=account.number)
    with _first_home(account) as home:
        if has_bucket and bucket.resources(STACK):
            return _update_in_bucket(in_bucket, bucket, home, account, config, console, ask)
        if has_bucket and not _resources(home) and not _latest(home).get("pending_operations"):
            raise UsageError(
                f"s3://{account.bucket} is there, but neither it nor {home} has a state of bootstrap: run this where "
                "the first run was, whose folder of that name has it"
            )
        _refuse_foreign_key(folder, home)
        in_folder = _in_folder(cli, folder, home)
        steps = _update_in_folder(in_folder, home, account, config, console, ask)
        if steps is None:
            return None
        console.line(f"moving its state into s3://{account.bucket}")
        outputs = _move(in_folder, home, in_bucket, bucket)
        return Result(steps, outputs, _set_aside(home))


def _update_in_bucket(
    pulumi: Pulumi, bucket: Backend, home: Path, account: Account, config: Config, console: Console, ask: Ask | None
) -> Result | None:
    """The state has moved: update the stack where it is."""
    kept = _set_aside(home)
    recovery.release(pulumi, STACK, bucket.locks(STACK))
    steps = _update(pulumi, account, config, console, ask)
    if steps is None:
        return None
    return Result(steps, stack_outputs(bucket.resources(STACK)), kept)


def _update_in_folder(
    pulumi: Pulumi, home: Path, account: Account, config: Config, console: Console, ask: Ask | None
) -> list[auto.StepEventMetadata] | None:
    """There is no state yet, or the one in the folder: begin the stack, or go on with it."""
    recovery.release(pulumi, STACK, _locks(home))
    return _update(pulumi, account, config, console, ask)


def _update(
    pulumi: Pulumi, account: Account, config: Config, console: Console, ask: Ask | None
) -> list[auto.StepEventMetadata] | None:
    """Bring the stack up to date where its home is; return the steps, None when `ask` returned False."""
    stack = pulumi.stack(STACK)
    for key, value in config:
        with as_usage_error():
            stack.set_config(key, auto.ConfigValue(value))
    needs_refresh = recovery.resolve(pulumi, STACK, account.region, console)
    if ask:
        events = Events()
        with as_usage_error(events):
            stack.preview(refresh=needs_refresh, on_event=events)
        for step in events.changed:
            console.line(f"  would {step.op.value:8} {_subject(step)}")
        if events.changed and not ask(console):
            return None
    events = Events(lambda step: console.line(f"  {step.op.value:8} {_subject(step)}"))
    with as_usage_error(events):
        stack.up(message=MESSAGE, refresh=needs_refresh, on_event=events)
    return events.steps


def _move(in_folder: Pulumi, home: Path, in_bucket: Pulumi, bucket: Backend) -> dict[str, Any]:
    """Put the state into the bucket, see that the stack there is the one that was in the folder, and return its
    outputs."""
    outputs = stack_outputs(_resources(home))
    in_folder.change_secrets_provider(STACK, outputs["secretsProvider"])
    state = in_folder.export_state(STACK)
    recovery.release(in_bucket, STACK, bucket.locks(STACK))
    if bucket.resources(STACK) is not None:  # made and not filled by a run that was interrupted
        in_bucket.remove(STACK)
    stack = in_bucket.stack(STACK, outputs["secretsProvider"])
    in_bucket.import_state(STACK, state)
    events = Events()
    with as_usage_error(events):
        stack.preview(on_event=events)
    if events.changed:
        raise UsageError(
            f"the stack has moved into s3://{bucket.bucket}, and a preview there would "
            + ", ".join(f"{step.op.value} {_subject(step)}" for step in events.changed)
            + ": run again, or see `pulumi preview --diff`"
        )
    return outputs


def _in_folder(cli: Cli, folder: Path, home: Path) -> Pulumi:
    home.mkdir(mode=0o700, exist_ok=True)
    # Without metadata=skip each file has another beside it, which is not replaced as a whole: a run that is killed as
    # it writes one leaves a state that cannot be read. https://pkg.go.dev/gocloud.dev/blob/fileblob
    return Pulumi(
        cli,
        folder,
        {
            "PULUMI_BACKEND_URL": f"{home.as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": NO_SECRETS,
            **UNCOMPRESSED,
        },
    )


def _in_bucket(cli: Cli, folder: Path, account: Account) -> Pulumi:
    return Pulumi(
        cli,
        folder,
        {
            "PULUMI_BACKEND_URL": account.backend_url,
            **UNCOMPRESSED,
            # A checkout that lacks the lines that the first run wrote into Pulumi.bootstrap.yaml.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        },
    )


@contextlib.contextmanager
def _first_home(account: Account) -> Iterator[Path]:
    """The folder where the state begins, for this run alone. It exists only if a run has begun in it.

    Raises UsageError when another run is under way on this machine.
    """
    own = os.environ.get("INCIDENT_SANDBOX_HOME")
    base = Path(own or project.home() / ".incident-sandbox").absolute()
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not own:
        base.chmod(0o700)  # earlier versions left it open to others
    try:
        lock = folder_locks.hold(base)
    except BlockingIOError:
        raise UsageError(f"another bootstrap is under way in {base}: wait for it to end") from None
    try:
        yield base / f"{account.number}-{account.region}"
    finally:
        os.close(lock)


def _set_aside(home: Path) -> Path | None:
    """Keep the first state under another name, if it is still there when the stack's home is the bucket."""
    if not home.exists():
        return None
    return home.rename(home.with_name(f"{home.name}.moved-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"))


def _latest(home: Path) -> dict[str, Any]:
    """The state in the folder, empty where there is none."""
    path = home / layout.StackKeys(project.name(), STACK).state
    if not path.exists():
        return {}
    try:
        return checkpoint.latest(checkpoint.decoded(path.read_bytes()))
    except MalformedError as error:
        raise UsageError(
            f"{path} {error}: it is empty or cut off; bring it back from a backup, or, when nothing "
            f"was made in AWS yet, remove {home}, and run again"
        ) from None


def _resources(home: Path) -> list[dict[str, Any]]:
    return _latest(home).get("resources") or []


def _locks(home: Path) -> list[Lock]:
    paths = (home / layout.StackKeys(project.name(), STACK).locks).glob("*.json")
    return [Lock.of(path.read_bytes(), str(path)) for path in paths]


def _refuse_incomplete(folder: Path, config: Config) -> None:
    in_file = project.stack_config(folder, STACK)
    if REPOSITORY not in in_file and REPOSITORY not in {project.full_key(key, names.PROJECT) for key, _ in config}:
        raise UsageError(f"{REPOSITORY} is missing: it is the repository whose CI may assume the roles; add "
                         "--config githubRepository=OWNER/NAME")  # fmt: skip


def _refuse_elsewhere(account: Account, config: Config) -> None:
    """What says where the stack is and what it is cannot change in the middle of a run."""
    for key, value in config:
        if (key == "aws:region" and value != account.region) or (
            key.removeprefix(f"{names.PROJECT}:") == "scope" and value != STACK
        ):
            raise UsageError(f"--config {key}={value}: this run is of scope {STACK} in {account.region}, as its stack "
                             "file says; for another region, edit that file first")  # fmt: skip


def _refuse_foreign_key(folder: Path, home: Path) -> None:
    path = project.stack_file(folder, STACK)
    if "secretsprovider" in project.read_yaml(path) and not _latest(home):
        raise UsageError(
            f"{path} has a secretsprovider, of a foundation that is not in this account and region: load that "
            "account's credentials, or, for a new one, remove its lines secretsprovider and encryptedkey"
        )


def _subject(step: auto.StepEventMetadata) -> str:
    return urn.subject(step.urn) + (f" [{', '.join(step.diffs)}]" if step.diffs else "")
