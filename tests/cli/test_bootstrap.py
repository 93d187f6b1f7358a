"""./sandbox bootstrap, which continues wherever it was interrupted."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_aws.provider.resource import Aws
from tests.cli.conftest import CLI, Shell

REPOSITORY = ["--config", "githubRepository=octo-org/octo-repo"]

KILLING_CLI = f"""#!/bin/sh
# The CLI, except for one command: before or after it, this script kills itself and the run that called it.
case "$*" in
*"$KILL_COMMAND"*)
    [ "$KILL_WHEN" = after ] && {CLI} "$@" >&2
    kill -9 $PPID $$
esac
exec {CLI} "$@"
"""

INTERRUPTIONS = [
    "before call 1",
    "after command stack import",  # pending operations are resolved and not yet refreshed
    "after call 3",
    "after command up --yes",
    "after command stack change-secrets-provider",
    "after command stack init bootstrap --secrets-provider",
    "after command stack import",
]


def interrupt(shell: Shell, folder: Path, interruption: str) -> subprocess.CompletedProcess[str]:
    """Run bootstrap and kill it before or after a command of the CLI, or a call that changes AWS.

    The call is given by its number. Each number is a call for another resource, because later runs skip the existing.
    """
    when, kind, what = interruption.split(" ", 2)
    if kind == "call":
        settings = shell.kill_at(f"{when} {what} run")
    else:
        folder.mkdir(exist_ok=True)
        (folder / "pulumi").write_text(KILLING_CLI)
        (folder / "pulumi").chmod(0o755)
        path = f"{folder}:{shell.environment['PATH']}"
        settings = {"KILL_COMMAND": what, "KILL_WHEN": when, "PATH": path}
    return shell.sandbox("bootstrap", "--yes", *REPOSITORY, **settings)


def test_bootstrap_continues_after_a_kill_at_any_point(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    """Each run is killed later than the one before; none loses a resource or creates it twice."""
    for interruption in INTERRUPTIONS:
        run = interrupt(shell, tmp_path / "killing", interruption)
        assert run.returncode == -signal.SIGKILL, f"{interruption}: {run.stdout}{run.stderr}"

    completed = shell.sandbox("bootstrap", "--yes", *REPOSITORY)

    assert completed.returncode == 0, completed.stderr
    assert "gh variable set AWS_DEPLOY_ROLE_ARN --body arn:aws:iam::111122223333:role/" in completed.stdout
    assert "pulumi stack init app --secrets-provider 'awskms://alias/storefront-state" in completed.stdout
    shell.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "bootstrap")
    state = json.loads(shell.pulumi("stack", "export", "--stack", "bootstrap"))["deployment"]
    assert state["secrets_providers"]["type"] == "cloud"
    assert len(state["resources"]) == 32
    assert len(aws.client("kms").list_keys()["Keys"]) == 1
    assert len(aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1
    assert len(aws.client("iam").list_roles()["Roles"]) == 2
    (backup,) = Path(shell.environment["INCIDENT_SANDBOX_HOME"]).iterdir()
    assert ".moved-" in backup.name

    later = shell.sandbox("bootstrap", "--yes", "--config", "githubEnvironment=staging")

    assert "update   aws:iam/role:Role bootstrap-ci-deploy [assumeRolePolicy]" in later.stdout
    history = json.loads(shell.pulumi("stack", "history", "--json", "--stack", "bootstrap"))
    assert [update["message"] for update in history] == ["./sandbox bootstrap"] * 2  # in the bucket
    deadline = time.monotonic() + 20
    while remaining := processes(shell.checkout, shell.workspace):
        assert time.monotonic() < deadline, remaining
        time.sleep(0.1)


def processes(*paths: Path) -> list[str]:
    stdout = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in stdout.splitlines() if any(str(path) in line for path in paths)]


def test_bootstrap_continues_after_ctrl_c(shell: Shell) -> None:
    command = [sys.executable, str(shell.checkout / "sandbox"), "bootstrap", "--yes", *REPOSITORY]
    with subprocess.Popen(
        command, env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        for line in run.stdout:
            if "create" in line:
                break
        run.send_signal(signal.SIGINT)
        stderr = run.stderr.read()
        run.wait(30)
    assert run.returncode == 130, stderr
    assert "Traceback" not in stderr

    assert shell.sandbox("bootstrap", "--yes").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--yes", *REPOSITORY], {"CI": "true"}, "bootstrap is run by a person"),
        (["--yes"], {}, "incident-sandbox:githubRepository is missing"),
        (REPOSITORY, {}, "standard input is no terminal to ask on: add --yes"),
        (["--yes", *REPOSITORY, "--config", "aws:region=us-east-1"], {}, "this run is of scope bootstrap in eu-west-1"),
        (["--yes", "--config", "githubRepository"], {}, "--config githubRepository: must be KEY=VALUE"),
        (["--yes", *REPOSITORY], {"PATH": "/usr/bin:/bin"}, "the Pulumi CLI is not on PATH"),
        (["--yes", *REPOSITORY], {"AWS_SECRET_ACCESS_KEY": ""}, "AWS does not say whose credentials these are"),
    ],
)
def test_wrong_use_is_reported_before_anything_is_created(
    arguments: list[str], environment: dict[str, str], message: str, shell: Shell
) -> None:
    result = shell.sandbox("bootstrap", *arguments, **environment)

    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path(shell.environment["INCIDENT_SANDBOX_HOME"]).exists()
