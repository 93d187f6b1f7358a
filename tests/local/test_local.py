"""./sandbox local start, stop, status and env, as a person uses them."""

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

from local_aws.provider.resource import Aws
from tests.local.conftest import run_sandbox
from tests.support.checkouts import copy_project, shell_with_env
from tests.support.deploying import app_over_bootstrap


@pytest.fixture
def checkout(project_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout whose emulator is stopped when the test is over; its temporary files are in `scratch` beside it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    yield project_copy
    run_sandbox(project_copy, "local", "stop")
    assert list(scratch.iterdir()) == []


def in_shell(checkout: Path, command: str, **environment: str) -> str:
    """What a command prints in a shell that has loaded `local env`."""
    shell = shell_with_env(checkout, **environment)
    return subprocess.run(command, shell=True, env=shell, capture_output=True, text=True, check=True).stdout


def client(checkout: Path, service: str) -> Any:
    """A client as anybody's boto3 makes one in that shell."""
    shell = shell_with_env(checkout)
    session = boto3.Session(shell["AWS_ACCESS_KEY_ID"], shell["AWS_SECRET_ACCESS_KEY"], region_name=shell["AWS_REGION"])
    return session.client(service, endpoint_url=shell["AWS_ENDPOINT_URL"], verify=shell["AWS_CA_BUNDLE"])


def test_an_emulator_stays_until_it_is_stopped(checkout: Path) -> None:
    started = run_sandbox(checkout, "local", "start")

    assert started.returncode == 0, started.stderr
    assert run_sandbox(checkout, "local", "status").returncode == 0
    asking = f"{sys.executable} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Account'])\""
    assert in_shell(checkout, asking).strip() == "111122223333"
    stopped = run_sandbox(checkout, "local", "stop")
    assert stopped.returncode == 0
    assert "everything in it is gone" in stopped.stdout
    assert run_sandbox(checkout, "local", "status").returncode == 1
    assert run_sandbox(checkout, "local", "stop").returncode == 0


def test_a_second_start_is_told_of_the_first(checkout: Path) -> None:
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

    told = [start.communicate(timeout=60) for start in starts]

    assert sorted(start.returncode for start in starts) == [0, 2], told
    url = next(out.split()[2].rstrip(",") for out, _ in told if out)
    assert any(f"an emulator of this checkout is running at {url}" in err for _, err in told)


def test_settings_of_the_shells_own_do_not_reach_the_emulators_clients(checkout: Path) -> None:
    run_sandbox(checkout, "local", "start")
    shell = {
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
        "PULUMI_STACK": "production",
        "PATH": f"/usr/local/bin:{os.environ['PATH']}",
    }

    found = shell_with_env(checkout, **shell)

    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "PULUMI_STACK"} & found.keys()
    assert found["PATH"] == f"{checkout / 'local_aws' / 'provider' / 'bin'}:{shell['PATH']}"
    again = shell_with_env(checkout, **found)
    assert again["PATH"] == found["PATH"]


def test_there_is_nothing_to_load_when_none_is_running(checkout: Path) -> None:
    found = run_sandbox(checkout, "local", "env")

    assert found.returncode == 2
    assert found.stdout == "false\n"  # so that eval fails, too
    assert "no emulator of this checkout is running: start one with `./sandbox local start`" in found.stderr


def test_what_it_had_survives_in_the_folder_it_was_given(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it: the app answers, and a refresh finds AWS and the state in the bucket as they were."""
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
    assert "refresh of app: same 12 " in refreshed.stdout, refreshed


def test_one_that_is_killed_leaves_the_folder_as_it_was(checkout: Path, tmp_path: Path) -> None:
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
    subprocess.run(["rm", "-r", str(directory)], check=True)  # nobody was left to do it


@pytest.mark.parametrize(
    ("holding", "told"),
    [
        ("thesis.txt", "has thesis.txt, which no emulator saved; name an empty folder"),
        ("emulator.tar", "emulator.tar cannot be read"),
    ],
)
def test_a_folder_that_is_no_emulators_is_left_alone(holding: str, told: str, checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / holding).write_text("dear to somebody")

    found = run_sandbox(checkout, "local", "start", "--persist", str(folder))

    assert found.returncode == 2
    assert told in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert (folder / holding).read_text() == "dear to somebody"


def test_two_emulators_do_not_share_a_folder(checkout: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "saved")
    run_sandbox(checkout, "local", "start", "--persist", folder)

    found = run_sandbox(copy_project(tmp_path / "other"), "local", "start", "--persist", folder)

    assert found.returncode == 2
    assert "another emulator uses it" in found.stderr


def test_a_second_stop_does_not_end_the_save_that_the_first_began(checkout: Path, tmp_path: Path) -> None:
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

    told, _ = first.communicate()
    assert first.returncode == 0, told
    assert (folder / "emulator.tar").stat().st_size > 100_000_000
