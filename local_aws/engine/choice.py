"""The two engines that a rehearsal can run on, and how each deploys the foundation."""

import shutil
import time
from importlib.metadata import version
from typing import Literal, Protocol

from infra import names
from local_aws.emulator import process
from local_aws.emulator.process import Emulator
from local_aws.engine.cli import CliEngine, as_update
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.interface import Engine, Update
from local_aws.engine.store import Bucket, Folder
from local_aws.provider.resource import Aws
from ops import foundation
from ops.console import NullConsole
from ops.project import stack_config
from ops.stacks import automation
from ops.stacks.automation import Cli, Pulumi

Name = Literal["pulumi", "embedded"]


class Engines(Protocol):
    """Engines of one kind, for the stacks in the emulator that the environment names."""

    name: Name
    version: str
    title: str
    """The engine's name and version, for people."""

    def bootstrap(self, repository: str, message: str, people: str | None = None) -> Update:
        """Deploy the foundation, and move its state into its bucket; `repository` is the default of its stack file.

        `people` are its `operatorPrincipals`, in place of the file's.
        """
        ...

    def stack(self, name: str) -> Engine:
        """Return an engine for a stack whose state is in that bucket, with the environment's current credentials."""
        ...


def choose(name: Literal["auto", "pulumi", "embedded"], running: Emulator) -> Engines:
    """Return the engines with that name; `auto` is the CLI if it is on PATH.

    Raises UsageError when `name` is `pulumi` and no usable CLI is on PATH.
    """
    if name == "embedded" or (name == "auto" and shutil.which("pulumi") is None):
        return _Embedded(running)
    return _Cli(automation.cli(), running)


class _Embedded:
    name: Name = "embedded"
    version = version("pulumi")
    title = f"embedded, on Pulumi's Python SDK {version}"

    def __init__(self, running: Emulator) -> None:
        self._workspace = running.workspace
        self._folder = running.directory / "bootstrap"
        self._bucket = names.state_bucket(process.ACCOUNT, running.region)
        self._secrets_provider = ""

    def bootstrap(self, repository: str, message: str, people: str | None = None) -> Update:
        aws = Aws()
        engine = EmbeddedEngine(self._workspace, names.BOOTSTRAP_STACK, aws, Folder(self._folder))
        engine.set_config("aws:region", aws.region)
        if engine.get_config("githubRepository") is None:
            engine.set_config("githubRepository", repository)
        if people is not None:
            engine.set_config("operatorPrincipals", people)
        update = engine.up(message)
        self._secrets_provider = update.outputs["secretsProvider"]
        engine.move(Bucket(aws, self._bucket), self._secrets_provider)
        return update

    def stack(self, name: str) -> Engine:
        aws = Aws()
        return EmbeddedEngine(
            self._workspace, name, aws, Bucket(aws, self._bucket), secrets_provider=lambda: self._secrets_provider
        )


class _Cli:
    name: Name = "pulumi"

    def __init__(self, cli: Cli, running: Emulator) -> None:
        self.version = str(cli.version)
        self.title = f"Pulumi CLI {self.version}"
        self._pulumi = Pulumi(cli, running.workspace, {})
        self._region = running.region
        self._secrets_provider: str | None = None

    def bootstrap(self, repository: str, message: str, people: str | None = None) -> Update:
        config = [("aws:region", self._region)]
        if people is not None:
            config.append(("operatorPrincipals", people))
        if foundation.REPOSITORY not in stack_config(self._pulumi.folder, names.BOOTSTRAP_STACK):
            config.append((foundation.REPOSITORY, repository))
        started = time.monotonic()
        result = foundation.run(
            self._pulumi.cli, self._pulumi.folder, foundation.current_account(self._region), config, NullConsole()
        )
        assert result is not None  # None means that a person declined
        self._secrets_provider = result.outputs["secretsProvider"]
        return as_update("update", result.steps, result.outputs, time.monotonic() - started)

    def stack(self, name: str) -> Engine:
        return CliEngine(self._pulumi, name, self._secrets_provider)
