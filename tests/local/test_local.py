"""./sandbox local start, stop, status and env."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli import local
from local_aws.provider.resource import Aws
from tests.local.conftest import run_sandbox
from tests.support.checkouts import copy_project, shell_with_env
from tests.support.deploying import app_over_bootstrap


@pytest.fixture
def checkout(project_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout whose emulator is stopped after the test, and whose temporary files must be deleted by then."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    yield project_copy
    run_sandbox(project_copy, "local", "stop")
    assert list(scratch.iterdir()) == []


def in_shell(checkout: Path, command: str, **environment: str) -> str:
    """Return what a command prints in a shell that has loaded `local env`."""
    shell = shell_with_env(checkout, **environment)
    return subprocess.run(command, shell=True, env=shell, capture_output=True, text=True, check=True).stdout


def client(checkout: Path, service: Any) -> Any:
    """Return a client as boto3 creates it in that shell."""
    shell = shell_with_env(checkout)
    session = boto3.Session(shell["AWS_ACCESS_KEY_ID"], shell["AWS_SECRET_ACCESS_KEY"], region_name=shell["AWS_REGION"])
    return session.client(service, endpoint_url=shell["AWS_ENDPOINT_URL"], verify=shell["AWS_CA_BUNDLE"])


def test_an_emulator_runs_until_it_is_stopped(checkout: Path) -> None:
    started = run_sandbox(checkout, "local", "start")

    assert started.returncode == 0, started.stderr
    assert run_sandbox(checkout, "local", "status").returncode == 0
    command = f"{sys.executable} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Account'])\""
    assert in_shell(checkout, command).strip() == "111122223333"
    stopped = run_sandbox(checkout, "local", "stop")
    assert stopped.returncode == 0
    assert "everything in it is gone" in stopped.stdout
    assert run_sandbox(checkout, "local", "status").returncode == 1
    assert run_sandbox(checkout, "local", "stop").returncode == 0


def test_a_second_start_fails_and_names_the_running_emulator(checkout: Path) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, str(checkout / "sandbox"), "local", "start"],
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    outputs = [start.communicate(timeout=60) for start in starts]

    assert sorted(start.returncode for start in starts) == [0, 2], outputs
    url = next(stdout.split()[2].rstrip(",") for stdout, _ in outputs if stdout)
    assert any(f"an emulator of this checkout is running at {url}" in stderr for _, stderr in outputs)


def test_the_loaded_environment_replaces_the_shells_own_aws_and_pulumi_settings(checkout: Path) -> None:
    run_sandbox(checkout, "local", "start")
    shell = {
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
        "PULUMI_STACK": "production",
        "PATH": f"/usr/local/bin:{os.environ['PATH']}",
    }

    loaded = shell_with_env(checkout, **shell)

    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "PULUMI_STACK"} & loaded.keys()
    assert loaded["PATH"] == f"{checkout / 'local_aws' / 'provider' / 'bin'}:{shell['PATH']}"
    again = shell_with_env(checkout, **loaded)
    assert again["PATH"] == loaded["PATH"]


def test_env_fails_without_a_running_emulator(checkout: Path) -> None:
    result = run_sandbox(checkout, "local", "env")

    assert result.returncode == 2
    assert result.stdout == "false\n"  # so that eval fails, too
    assert "no emulator of this checkout is running: start one with `./sandbox local start`" in result.stderr


def test_without_a_foundation_every_operation_says_what_to_run(checkout: Path) -> None:
    started = run_sandbox(checkout, "local", "start")
    assert "without the CLI: ./sandbox local stop, then ./sandbox rehearse --keep" in started.stdout

    results = {operation: run_sandbox(checkout, "local", operation) for operation in local.OPERATIONS}
    loaded = run_sandbox(checkout, "check", "--stack", "app", "--expect", "healthy", **shell_with_env(checkout))

    expected = (
        "sandbox: the emulator has no state bucket (storefront-state-111122223333-eu-west-1), which bootstrap makes: "
        'with the Pulumi CLI run `eval "$(./sandbox local env)"`, then `./sandbox bootstrap --config '
        "githubRepository=OWNER/NAME`; without it run `./sandbox local stop`, then `./sandbox rehearse --keep`\n"
    )
    ended = {operation: (result.returncode, result.stdout, result.stderr) for operation, result in results.items()}
    assert ended == dict.fromkeys(local.OPERATIONS, (2, "", expected))
    assert loaded.returncode == 2
    assert loaded.stderr == (
        "sandbox: there is no bucket s3://storefront-state-111122223333-eu-west-1, which bootstrap makes: run "
        "`./sandbox bootstrap` once, or set PULUMI_BACKEND_URL to another backend\n"
    )


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("", "Pulumi's backend is not known"),
        ("file:///state", "Pulumi's backend is 'file:///state'"),
        ("s3://storefront-state-123456789012-eu-west-1?region=eu-west-1", "AWS does not say whose credentials"),
    ],
)
def test_in_a_shell_without_the_emulators_settings_check_says_how_to_load_them(
    backend: str, message: str, checkout: Path, tmp_path: Path
) -> None:
    shell = {"HOME": str(tmp_path), "PULUMI_HOME": str(tmp_path), "PULUMI_BACKEND_URL": backend,
             "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip
    check = ("check", "--stack", "app", "--expect", "healthy")
    url = run_sandbox(checkout, "local", "start").stdout.split()[2].rstrip(",")

    running = run_sandbox(checkout, *check, **shell)
    loaded = shell_with_env(checkout)
    run_sandbox(checkout, "local", "stop")
    stopped = run_sandbox(checkout, *check, **shell)
    outlived = run_sandbox(checkout, *check, **loaded)

    assert [result.returncode for result in (running, stopped, outlived)] == [2, 2, 2]
    assert message in running.stderr
    assert 'eval "$(./sandbox local env)"`' in running.stderr
    assert (url in running.stderr) == bool(backend)  # where there is no backend, the error itself says it
    assert "which is running" not in stopped.stderr
    assert f'Could not connect to the endpoint URL: "{url}/"; correct or unset AWS_ENDPOINT_URL' in outlived.stderr


def test_everything_survives_in_the_persist_folder(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app responds, and a refresh shows that AWS and the state in the bucket are the same."""
    folder = str(tmp_path / "saved")
    run_sandbox(checkout, "local", "start", "--persist", folder)
    before = shell_with_env(checkout)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    aws = Aws()
    app, _, _ = app_over_bootstrap(checkout, aws, tmp_path / "state")
    app.up()
    aws.close()
    (Path(before["PULUMI_OPTION_CWD"]) / "Pulumi.app.yaml").write_text("config: {failMode: true}\n")

    stopped = run_sandbox(checkout, "local", "stop")
    assert f"what it had is in {folder}" in stopped.stdout
    assert run_sandbox(checkout, "local", "start", "--persist", folder).returncode == 0

    after = shell_with_env(checkout)
    assert after["AWS_ENDPOINT_URL"] == before["AWS_ENDPOINT_URL"]  # it is in the stack's outputs
    assert (Path(after["PULUMI_OPTION_CWD"]) / "Pulumi.app.yaml").read_text() == "config: {failMode: true}\n"
    assert run_sandbox(checkout, "check", "--stack", "app", "--expect", "healthy", **after).returncode == 0
    refreshed = run_sandbox(checkout, "local", "refresh")
    assert "refresh of app: same 19 " in refreshed.stdout, refreshed


def test_a_killed_emulator_leaves_the_persist_folder_unchanged(checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    run_sandbox(checkout, "local", "start", "--persist", str(folder))
    run_sandbox(checkout, "local", "stop")
    saved = (folder / "emulator.tar").read_bytes()
    run_sandbox(checkout, "local", "start", "--persist", str(folder))
    s3 = client(checkout, "s3")
    s3.create_bucket(Bucket="lost", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.close()
    status = run_sandbox(checkout, "local", "status").stdout
    directory = (checkout / ".local").resolve()

    os.killpg(int(status.split("pid ")[1].split()[0]), signal.SIGKILL)

    assert run_sandbox(checkout, "local", "start", "--persist", str(folder)).returncode == 0
    assert (folder / "emulator.tar").read_bytes() == saved
    s3 = client(checkout, "s3")
    assert s3.list_buckets()["Buckets"] == []
    s3.close()
    subprocess.run(["rm", "-r", str(directory)], check=True)  # the killed emulator could not


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("thesis.txt", "has thesis.txt, which no emulator saved; name an empty folder"),
        ("emulator.tar", "emulator.tar cannot be read"),
    ],
)
def test_a_folder_with_other_files_is_refused_and_unchanged(
    file: str, message: str, checkout: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / file).write_text("important")

    result = run_sandbox(checkout, "local", "start", "--persist", str(folder))

    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (folder / file).read_text() == "important"


def test_two_emulators_cannot_share_a_folder(checkout: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "saved")
    run_sandbox(checkout, "local", "start", "--persist", folder)

    result = run_sandbox(copy_project(tmp_path / "other"), "local", "start", "--persist", folder)

    assert result.returncode == 2
    assert "another emulator uses it" in result.stderr


def test_a_second_stop_does_not_interrupt_the_save_of_the_first(checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    run_sandbox(checkout, "local", "start", "--persist", str(folder))
    (checkout / ".local" / "persistent" / "large").write_bytes(bytes(100_000_000))
    status = run_sandbox(checkout, "local", "status").stdout
    pid = int(status.split("pid ")[1].split()[0])

    first = subprocess.Popen([sys.executable, str(checkout / "sandbox"), "local", "stop"], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (folder / ".emulator.tar").exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(pid, signal.SIGTERM)

    stdout, _ = first.communicate()
    assert first.returncode == 0, stdout
    assert (folder / "emulator.tar").stat().st_size > 100_000_000
