"""./sandbox bootstrap: carried on wherever it was interrupted."""

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

DEADLY_CLI = f"""#!/bin/sh
# The CLI, but for one command: before it, or once it has run, the run that asked for it is killed, and this.
case "$*" in
*"$DEADLY_COMMAND"*)
    [ "$DEADLY_WHEN" = after ] && {CLI} "$@" >&2
    kill -9 $PPID $$
esac
exec {CLI} "$@"
"""

INTERRUPTIONS = [
    "before command stack init",
    "before call 1",
    "after command stack import",  # what was pending is settled, and not refreshed
    "after call 3",
    "after command up --yes",
    "after command stack change-secrets-provider",
    "after command stack init bootstrap --secrets-provider",
    "after command stack import",
]


def interrupt(shell: Shell, folder: Path, interruption: str) -> subprocess.CompletedProcess[str]:
    """A run that is killed before or after a command of the CLI's; or, inside one, the so manieth call that changes
    something in AWS, which is another resource's each time."""
    when, kind, what = interruption.split(" ", 2)
    if kind == "call":
        settings = shell.deadly(f"{when} {what} run")
    else:
        folder.mkdir(exist_ok=True)
        (folder / "pulumi").write_text(DEADLY_CLI)
        (folder / "pulumi").chmod(0o755)
        path = f"{folder}:{shell.environment['PATH']}"
        settings = {"DEADLY_COMMAND": what, "DEADLY_WHEN": when, "PATH": path}
    return shell.sandbox("bootstrap", "--yes", *REPOSITORY, **settings)


def test_killed_at_any_point_it_is_carried_on(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    """One run after the other, each killed a little further on: none loses anything, none makes anything twice."""
    for interruption in INTERRUPTIONS:
        run = interrupt(shell, tmp_path / "deadly", interruption)
        assert run.returncode == -signal.SIGKILL, f"{interruption}: {run.stdout}{run.stderr}"

    whole = shell.sandbox("bootstrap", "--yes", *REPOSITORY)

    assert whole.returncode == 0, whole.stderr
    assert "gh variable set AWS_DEPLOY_ROLE_ARN --body arn:aws:iam::111122223333:role/" in whole.stdout
    assert "pulumi stack init app --secrets-provider 'awskms://alias/incident-sandbox-state" in whole.stdout
    shell.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "bootstrap")
    state = json.loads(shell.pulumi("stack", "export", "--stack", "bootstrap"))["deployment"]
    assert state["secrets_providers"]["type"] == "cloud"
    assert len(state["resources"]) == 32
    assert len(aws.client("kms").list_keys()["Keys"]) == 1
    assert len(aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1
    assert len(aws.client("iam").list_roles()["Roles"]) == 2
    (kept,) = Path(shell.environment["INCIDENT_SANDBOX_HOME"]).iterdir()
    assert ".moved-" in kept.name

    later = shell.sandbox("bootstrap", "--yes", "--config", "githubEnvironment=production")

    assert "update   aws:iam/role:Role bootstrap-ci-deploy [assumeRolePolicy]" in later.stdout
    history = json.loads(shell.pulumi("stack", "history", "--json", "--stack", "bootstrap"))
    assert [update["message"] for update in history] == ["./sandbox bootstrap"] * 2  # in the bucket, that is
    deadline = time.monotonic() + 20
    while left := processes(shell.checkout, shell.workspace):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def processes(*under: Path) -> list[str]:
    found = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if any(str(one) in line for one in under)]


def test_ctrl_c_ends_the_update_in_order_and_the_next_run_goes_on(shell: Shell) -> None:
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
        told = run.stderr.read()
        run.wait(30)
    assert run.returncode == 130, told
    assert "Traceback" not in told

    assert shell.sandbox("bootstrap", "--yes").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
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
def test_what_cannot_be_done_is_told_before_anything_is(
    arguments: list[str], environment: dict[str, str], told: str, shell: Shell
) -> None:
    found = shell.sandbox("bootstrap", *arguments, **environment)

    assert found.returncode == 2
    assert told in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert not Path(shell.environment["INCIDENT_SANDBOX_HOME"]).exists()
