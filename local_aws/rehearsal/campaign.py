"""Stacks for a campaign, on an emulator of its own: deployed, healthy, and updated by the embedded engine."""

import contextlib
import functools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import boto3

from infra import names
from infra.aws_context import AwsContext
from local_aws.emulator import process
from local_aws.engine.choice import choose
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.interface import Engine
from local_aws.engine.store import Bucket
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from ops import project
from ops.console import Console
from ops.project import ROOT

SESSION = "deploy-1"
"""The deploy role's session, as a workflow's run names it."""
PERSON = "casey"
"""Who investigates: a user who may assume the role `observer`."""
MESSAGE = "deploy"


class LocalStack:
    """A stack of the emulator. One is updated at a time: an update takes what processor time there is."""

    _updating = threading.Lock()

    def __init__(self, name: str, engine: Callable[[], Engine]) -> None:
        self.name = name
        self._engine = engine

    def update(self, settings: Mapping[str, str], message: str) -> None:
        """Deploy the stack with its file's settings and these."""
        with self._updating:
            engine = self._engine()
            for key, value in settings.items():
                engine.set_config(key, value)
            engine.up(message)

    def recover(self, console: Console) -> None:
        """Nothing outlives the emulator, which ends with its process."""

    def refuse_other_changes(self) -> None:
        """It has just been deployed."""


@dataclass(frozen=True)
class Account:
    """An emulator's account with its stacks, and the credentials of the person who investigates."""

    stacks: dict[str, LocalStack]
    person: boto3.Session
    region: str


@contextlib.contextmanager
def account(stack_names: Sequence[str], console: Console) -> Iterator[Account]:
    """Run an emulator during a `with` block, with these stacks deployed; this process's AWS is the emulator then."""
    with process.running(project.region(ROOT, "app")) as emulator:
        emulator.replace_environment()
        console.line(f"emulator {emulator.url}, {emulator.region}; its clock runs {process.CLOCK_SCALE} times faster")
        aws = Aws()
        iam, context = aws.client("iam"), AwsContext(aws.partition, aws.account, aws.region)
        iam.create_user(UserName=PERSON)
        # Here the caller's policy must allow it too: docs/emulator.md.
        allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_user_policy(UserName=PERSON, PolicyName="assume", PolicyDocument=policy)
        key = iam.create_access_key(UserName=PERSON)["AccessKey"]
        engines = choose("embedded", emulator)
        outputs = engines.bootstrap(github.REPOSITORY, MESSAGE, context.iam_arn(f"user/{PERSON}")).outputs
        token = github.token(github.Jobs.of(emulator.workspace, github.REPOSITORY).deployment, emulator.token_secret)
        with github.acting_with(github.session(aws, outputs["deployRoleArn"], token, SESSION)):
            deploying = Aws()
        store = Bucket(deploying, names.state_bucket(context.account, context.region))

        def engine(name: str) -> Engine:
            return EmbeddedEngine(
                emulator.workspace, name, deploying, store, secrets_provider=lambda: str(outputs["secretsProvider"])
            )

        stacks = {name: LocalStack(name, functools.partial(engine, name)) for name in stack_names}
        for name, stack in stacks.items():
            console.status(f"deploying stack {name}")
            stack.update({}, MESSAGE)
        person = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=emulator.region)
        yield Account(stacks, person, emulator.region)
