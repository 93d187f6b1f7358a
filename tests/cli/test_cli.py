"""The same program under the real Pulumi CLI, against the emulator, with the provider as an ambient plugin."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws import emulator as emulators
from local_aws.emulator import Emulator
from local_aws.engine.stack import LockedError, Stack
from local_aws.engine.store import Folder
from local_aws.provider.resource import Aws
from ops.pending import settle
from tests.deploying import app_over_bootstrap
from tests.killing import killing

pytestmark = pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on PATH")

FUNCTION = "aws:lambda/function:Function"


class Pulumi:
    """The CLI in a copy of the project."""

    def __init__(self, project: Path, home: Path, emulator: Emulator) -> None:
        self.project = project
        self.emulator = emulator
        self.environment = {
            **os.environ,
            **emulator.environment(),
            "PATH": f"{project / 'local_aws' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPYCACHEPREFIX": "",  # would keep bytecode by path, so anew for each copy
            "PULUMI_CONFIG_PASSPHRASE": "",
        }

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Run a command and return what it printed; with `check`, it must succeed."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, f"pulumi {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + ("" if check else done.stderr)

    def steps(self, *arguments: str) -> list[dict[str, Any]]:
        """What a preview would do other than leave as it is."""
        found = json.loads(self("preview", "--json", *arguments))
        return [step for step in found["steps"] if step["op"] != "same"]

    def local(self, backend_url: str) -> str:
        """The backend that bootstrap tells, in the emulator."""
        return f"{backend_url}&endpoint={self.emulator.url}&s3ForcePathStyle=true"


@pytest.fixture
def pulumi(project_copy: Path, tmp_path: Path) -> Iterator[Pulumi]:
    with emulators.running("eu-west-1") as emulator:
        yield Pulumi(project_copy, tmp_path / "pulumi-home", emulator)


def test_the_readmes_steps_from_bootstrap_to_destroy(pulumi: Pulumi, tmp_path: Path) -> None:
    pulumi("login", f"file://{tmp_path}")
    pulumi("stack", "init", "bootstrap")
    pulumi("config", "set", "githubRepository", "octo-org/octo-repo", "--stack", "bootstrap")
    pulumi("up", "--yes", "--stack", "bootstrap")
    backend = pulumi.local(pulumi("stack", "output", "backendUrl", "--stack", "bootstrap").strip())
    secrets = pulumi("stack", "output", "secretsProvider", "--stack", "bootstrap").strip()
    pulumi("stack", "export", "--stack", "bootstrap", "--file", str(tmp_path / "bootstrap.json"))

    pulumi("login", backend)
    pulumi("stack", "init", "bootstrap", "--secrets-provider", secrets)
    pulumi("stack", "import", "--stack", "bootstrap", "--file", str(tmp_path / "bootstrap.json"))
    pulumi("preview", "--stack", "bootstrap", "--expect-no-changes")

    pulumi("stack", "init", "app", "--secrets-provider", secrets)
    pulumi("up", "--yes", "--stack", "app")
    pulumi("preview", "--stack", "app", "--expect-no-changes", "--refresh")

    pulumi("config", "set", "failMode", "true", "--stack", "app")
    (step,) = pulumi.steps("--stack", "app")
    assert (step["op"], step["newState"]["type"]) == ("update", FUNCTION)
    assert step["diffReasons"] == ["environment"]
    pulumi("up", "--yes", "--stack", "app", "--skip-preview")
    assert pulumi("stack", "output", "failMode", "--stack", "app").strip() == "true"

    assert "protected" in pulumi("destroy", "--yes", "--stack", "bootstrap", check=False)
    pulumi("destroy", "--yes", "--stack", "app")
    pulumi("preview", "--stack", "bootstrap", "--expect-no-changes", "--refresh")


def test_cli_and_embedded_engine_take_turns_on_one_stack(
    pulumi: Pulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in pulumi.emulator.environment().items():
        monkeypatch.setenv(name, value)
    aws = Aws()
    embedded, store, backend_url = app_over_bootstrap(pulumi.project, aws, tmp_path / "state")
    embedded.up("by the embedded engine")

    # The CLI takes over a stack by the two lines that `stack init` would have written.
    stack = Stack(store, "incident-sandbox", "app")
    state = stack.load()
    assert state is not None
    assert state.secrets_provider is not None
    key = state.secrets_provider["state"]
    stack_file = pulumi.project / "Pulumi.app.yaml"
    stack_file.write_text(
        f"{stack_file.read_text()}secretsprovider: {key['url']}\nencryptedkey: {key['encryptedkey']}\n"
    )
    pulumi("login", pulumi.local(backend_url))

    pulumi("preview", "--stack", "app", "--expect-no-changes", "--refresh")
    with stack.lock():
        assert "the stack is currently locked by 1 lock(s)" in pulumi("up", "--yes", "--stack", "app", check=False)
    pulumi("config", "set", "failMode", "true", "--stack", "app")
    pulumi("up", "--yes", "--stack", "app", "--message", "by the CLI")

    assert embedded.outputs()["failMode"] is True
    embedded.set_config("failMode", "true")
    assert embedded.up("by the embedded engine again").changed == ()
    history = json.loads(pulumi("stack", "history", "--json", "--stack", "app"))
    assert [entry["message"] for entry in history] == [
        "by the embedded engine again",
        "by the CLI",
        "by the embedded engine",
    ]
    store.put(
        ".pulumi/locks/organization/incident-sandbox/app/of-a-cli.json",
        b'{"pid": 7, "username": "ci", "hostname": "runner", "timestamp": "2026-01-01T00:00:00Z"}',
    )
    with pytest.raises(LockedError, match="locked by ci@runner"):
        embedded.up()
    pulumi("cancel", "--yes", "--stack", "app")
    assert embedded.destroy().changes == {"delete": 17}
    aws.close()


def test_the_cli_goes_on_with_what_a_killed_run_of_the_embedded_engine_left(
    pulumi: Pulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself the CLI would make a second API, and keep the operation pending."""
    for name, value in pulumi.emulator.environment().items():
        monkeypatch.setenv(name, value)
    aws = Aws()
    app_over_bootstrap(pulumi.project, aws, tmp_path)
    pulumi("login", f"file://{tmp_path}")
    stack = Stack(Folder(tmp_path), "incident-sandbox", "app")
    exported = tmp_path / "exported.json"

    def export() -> dict[str, Any]:
        assert stack.unlock() == 1
        pulumi("stack", "export", "--stack", "app", "--file", str(exported))
        return dict(json.loads(exported.read_text()))

    with killing(pulumi.project, pulumi.emulator.environment()) as kill:
        assert kill(tmp_path, "app", "up", "after", "CreateApi", {})
        state = export()
        assert [settled.outcome for settled in settle(state["deployment"], "eu-west-1")] == ["adopted"]
        exported.write_text(json.dumps(state))
        pulumi("stack", "import", "--stack", "app", "--file", str(exported))
        assert "pending" not in pulumi("up", "--yes", "--stack", "app", "--skip-preview", "--refresh")
        assert len(aws.client("apigatewayv2").get_apis()["Items"]) == 1

        assert kill(tmp_path, "app", "up", "before", "UpdateFunctionConfiguration", {"failMode": "true"})
    assert [operation["type"] for operation in export()["deployment"]["pending_operations"]] == ["updating"]
    pulumi("config", "set", "failMode", "true", "--stack", "app")
    assert "interrupted while updating" in pulumi("up", "--yes", "--stack", "app", "--skip-preview")
    left = stack.load()
    assert left is not None
    assert left.pending_operations == []
    function = aws.client("lambda").get_function_configuration(FunctionName="incident-sandbox-app")
    assert function["Environment"]["Variables"]["FAIL_MODE"] == "true"
    aws.close()


def test_a_mistake_in_the_settings_is_told_without_a_traceback(pulumi: Pulumi, tmp_path: Path) -> None:
    pulumi("login", f"file://{tmp_path}")
    pulumi("stack", "init", "bootstrap")

    told = pulumi("up", "--yes", "--stack", "bootstrap", check=False)

    assert "incident-sandbox:githubRepository is missing" in told
    assert "Traceback" not in told


def test_the_plugin_refuses_an_endpoint_away_from_this_machine(pulumi: Pulumi, tmp_path: Path) -> None:
    pulumi("login", f"file://{tmp_path}")
    pulumi("stack", "init", "bootstrap")
    pulumi("config", "set", "githubRepository", "octo-org/octo-repo", "--stack", "bootstrap")
    pulumi.environment["AWS_ENDPOINT_URL"] = "https://sts.eu-west-1.amazonaws.com"

    told = pulumi("up", "--yes", "--stack", "bootstrap", check=False)

    assert "never touches real AWS" in told
