"""HashiCorp's AWS provider, run by Terraform against the emulator: an outside reader of what this project makes."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra import names
from local_aws.emulator import iam
from local_aws.emulator.process import Emulator
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from tests.local.conftest import load, reset, started  # noqa: F401, the fixture
from tests.support.deploying import app_over_bootstrap
from tests.terraform import configuration
from tests.terraform.configuration import State

HERE = Path(__file__).parent
CHANGES = 2
"""The exit code of `plan -detailed-exitcode` when there are changes."""
JOBS = github.Jobs("repo:octo-org/octo-repo", "production")


@functools.cache
def reason_to_skip() -> str | None:
    """Why these tests cannot run on this machine; None when they can."""
    if shutil.which("terraform") is None:
        return "terraform is not on PATH"
    providers = subprocess.run(
        ["terraform", "version", "-json"], env=environment_without({}), capture_output=True, text=True, check=False
    )
    if providers.returncode:
        return f"terraform does not run: {providers.stderr.strip()[-200:]}"
    mirrors = [Path.home() / ".terraform.d/plugins", Path("/usr/local/share/terraform/plugins")]
    if not any(list(mirror.glob("registry.terraform.io/hashicorp/aws/*")) for mirror in mirrors):
        return "Terraform's AWS provider is not in an implied local mirror (~/.terraform.d/plugins)"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if HERE in item.path.parents]
    if here and (reason := reason_to_skip()):
        for item in here:
            item.add_marker(pytest.mark.skip(reason=reason))


def environment_without(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without a person's own settings for Terraform and AWS, and with these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "PULUMI_"))}
    return {**own, "CHECKPOINT_DISABLE": "1", **settings}


@dataclass(frozen=True)
class Change:
    """What a plan would do to one resource: its actions, and the attributes that differ, before and after."""

    address: str
    actions: list[str]
    attributes: dict[str, tuple[Any, Any]]


class Plan(NamedTuple):
    """The changes of a plan; what Terraform prints of it; and its JSON, empty when it changes nothing."""

    changes: list[Change]
    text: str
    shown: dict[str, Any]


class Terraform:
    """A folder with a configuration; `environment` is that of the AWS clients."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment_without(environment)
        self.run("init", "-input=false")

    def acting_as(self, credentials: Mapping[str, str]) -> "Terraform":
        """The same folder with other credentials."""
        other = object.__new__(Terraform)
        other.folder, other._environment = self.folder, {**self._environment, **credentials}
        return other

    def plan(self) -> Plan:
        """What `apply` would change."""
        planned = self.attempt("plan", "-input=false", "-out=plan", "-detailed-exitcode")
        assert planned.returncode in (0, CHANGES), (
            f"terraform plan:\n{planned.stdout[-3000:]}\n{planned.stderr[-6000:]}"
        )
        if planned.returncode == 0:
            return Plan([], planned.stdout, {})
        shown = json.loads(self.run("show", "-json", "plan").stdout)
        changes = [_change(one) for one in shown["resource_changes"] if one["change"]["actions"] != ["no-op"]]
        return Plan(changes, planned.stdout, shown)

    def apply(self, *plan: str) -> None:
        """Apply the configuration, or a plan that was saved."""
        self.run("apply", "-input=false", "-auto-approve", *plan)

    def destroy(self) -> None:
        self.run("destroy", "-input=false", "-auto-approve")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that must succeed."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"terraform {' '.join(arguments)}:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", arguments[0], "-no-color", *arguments[1:]] if arguments[0] != "show" else
            ["terraform", *arguments],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip


def _change(planned: dict[str, Any]) -> Change:
    before, after = planned["change"]["before"] or {}, planned["change"]["after"] or {}
    differing = {key: (before.get(key), after[key]) for key in after if before.get(key) != after[key]}
    return Change(planned["address"], planned["change"]["actions"], differing)


@dataclass(frozen=True)
class Account:
    """An emulator with this project's two stacks as the embedded engine made them; `resources` are their states'."""

    emulator: Emulator
    app: EmbeddedEngine
    resources: dict[str, State]
    deploy: dict[str, str]
    preview: dict[str, str]

    def terraform(self, folder: Path, environment: Mapping[str, str] | None = None) -> Terraform:
        """Terraform in a folder, as the administrator or with further settings."""
        return Terraform(folder, {**self.emulator.environment(), **(environment or {})})

    def decisions(self) -> list[dict[str, Any]]:
        """What IAM has decided since the emulator started."""
        lines = (self.emulator.directory / iam.DECISIONS).read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def account(
    started: Emulator,  # noqa: F811
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Account]:
    """Bootstrap and the healthy app, deployed."""
    reset(started)
    with pytest.MonkeyPatch.context() as patch:
        load(patch, started.environment())
        aws = Aws()
        folder = tmp_path_factory.mktemp("state")
        people = f"arn:aws:iam::{aws.account}:role/Developer,arn:aws:iam::{aws.account}:user/casey"
        space = f"arn:aws:aidevops:eu-west-1:{aws.account}:agentspace/space-1"
        app, _, _ = app_over_bootstrap(root, aws, folder, operatorPrincipals=people, agentSpaceArns=space)
        app.up()
        bootstrap = json.loads((folder / f".pulumi/stacks/{names.PROJECT}/bootstrap.json").read_text())
        secret = started.token_secret
        roles = f"arn:aws:iam::{aws.account}:role{names.CI_ROLE_PATH}"
        yield Account(
            emulator=started,
            app=app,
            resources={"bootstrap": bootstrap["checkpoint"]["latest"]["resources"], "app": app.resources()},
            deploy=github.session(aws, roles + names.DEPLOY_ROLE, github.token(JOBS.deployment, secret)),
            preview=github.session(aws, roles + names.PREVIEW_ROLE, github.token(JOBS.pull_request, secret)),
        )
        aws.close()


def written(folder: Path, resources: State, *, importing: bool = False) -> Path:
    """A new folder with a stack's configuration."""
    folder.mkdir()
    configuration.write(folder, resources, importing=importing)
    return folder
