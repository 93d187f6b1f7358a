"""./sandbox rehearse, as a person runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.local.conftest import Sandbox, run_sandbox

STEPS = [
    "bootstrap",
    "deploy",
    "check healthy",
    "preview the injection",
    "inject",
    "check failing",
    "roll back",
    "check healthy again",
    "calls that CI is denied",
    "destroy the app",
    "look for leftovers",
    "deploy again",
    "deploy with no change",
]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where a rehearsal of this test keeps its temporary files, so that what is left of them can be seen."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def emulators(scratch: Path) -> list[str]:
    """Processes of emulators, or of functions in them, that were started under a scratch folder."""
    processes = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in processes.splitlines() if str(scratch) in line]


def start(root: Path, scratch: Path) -> subprocess.Popen[str]:
    """A rehearsal that the test can do something to."""
    return subprocess.Popen(
        [sys.executable, str(root / "sandbox"), "rehearse", "--engine", "embedded"],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def dirt(root: Path) -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True).stdout


def test_the_whole_lifecycle_holds_and_is_recorded(root: Path, scratch: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    before = dirt(root)
    file = tmp_path / "record.json"

    found = sandbox("rehearse", "--engine", "embedded", "--json", str(file), TMPDIR=str(scratch))

    assert found.returncode == 0, found.stdout + found.stderr
    record = json.loads(file.read_text())
    assert [step["name"] for step in record["steps"]] == STEPS
    assert all(step["passed"] for step in record["steps"])
    assert record["passed"] is True
    assert record["emulator"]["clockScale"] == 60
    by_name = {step["name"]: step for step in record["steps"]}
    for name in ("preview the injection", "inject", "roll back"):
        assert by_name[name]["update"]["changes"] == {"same": 16, "update": 1}
        (step,) = by_name[name]["update"]["steps"]
        assert step["changed"] == ["environment"]
    assert by_name["inject"]["outputs"]["failMode"] is True
    assert by_name["check failing"]["check"]["passed"] is True
    assert by_name["destroy the app"]["update"]["changes"] == {"delete": 17}
    assert by_name["deploy with no change"]["update"]["changes"] == {"same": 17}
    assert list(scratch.iterdir()) == []
    assert emulators(scratch) == []
    assert dirt(root) == before


def test_two_at_once_do_not_meet(root: Path, scratch: Path) -> None:
    runs = [start(root, scratch) for _ in range(2)]

    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outputs
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("at", ["emulator  http", " 1  bootstrap", " 2  deploy", " 6  check failing"])
def test_ctrl_c_in_the_middle_leaves_nothing(at: str, root: Path, scratch: Path) -> None:
    before = dirt(root)
    with start(root, scratch) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        for line in run.stdout:
            if line.startswith(at):
                break
        run.send_signal(signal.SIGINT)
        run.wait(30)
        told = run.stderr.read()

    assert run.returncode == 130, told
    assert "interrupted; what it had started is stopped" in told
    assert "Traceback" not in told
    assert list(scratch.iterdir()) == []
    assert emulators(scratch) == []
    assert dirt(root) == before


@pytest.mark.parametrize("deadly", [signal.SIGTERM, signal.SIGKILL])
def test_the_emulator_goes_even_when_nobody_can_stop_it(deadly: signal.Signals, root: Path, scratch: Path) -> None:
    with start(root, scratch) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith(" 3  check healthy"):
                break
        run.send_signal(deadly)
        run.wait(30)

    deadline = time.monotonic() + 10
    while list(scratch.iterdir()) or emulators(scratch):
        assert time.monotonic() < deadline, (list(scratch.iterdir()), emulators(scratch))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("AWS_ENDPOINT_URL", "https://lambda.eu-west-1.amazonaws.com"),
        ("AWS_ENDPOINT_URL", "http://192.168.1.5:4566"),
        ("AWS_ENDPOINT_URL_S3", "https://s3.eu-west-1.amazonaws.com"),
    ],
)
def test_an_endpoint_away_from_this_machine_is_refused(name: str, url: str, sandbox: Sandbox, scratch: Path) -> None:
    found = sandbox("rehearse", TMPDIR=str(scratch), **{name: url})

    assert found.returncode == 2
    assert f"{name} is '{url}'" in found.stderr
    assert "never touches real AWS" in found.stderr
    assert found.stdout == ""


def test_credentials_of_the_shell_are_never_used(sandbox: Sandbox, tmp_path: Path) -> None:
    """A profile that would run a program for credentials: were it asked, there would be a file."""
    asked = tmp_path / "asked"
    config = tmp_path / "config"
    config.write_text(f"[profile real]\ncredential_process = touch {asked}\nregion = us-east-1\n")

    found = sandbox(
        "rehearse", "--engine", "embedded", AWS_PROFILE="real", AWS_CONFIG_FILE=str(config), AWS_SESSION_TOKEN="stale"
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert not asked.exists()


def test_a_port_that_is_taken_is_told(sandbox: Sandbox, scratch: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        found = sandbox("rehearse", "--port", str(port), TMPDIR=str(scratch))

    assert found.returncode == 2
    assert f"port {port} is unavailable on this machine" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("port", ["-1", "70000"])
def test_a_port_that_is_none_is_told(port: str, sandbox: Sandbox) -> None:
    found = sandbox("rehearse", "--port", port)

    assert found.returncode == 2
    assert "a port is a number from 0 to 65535" in found.stderr


def test_a_step_that_fails_is_named_with_what_was_expected_and_seen(
    project_copy: Path, scratch: Path, tmp_path: Path
) -> None:
    """With a handler that never fails, the injection proves nothing."""
    handler = project_copy / "handler" / "main.py"
    handler.write_text(handler.read_text().replace('== "true"', '== "never"'))
    file = tmp_path / "record.json"

    found = run_sandbox(project_copy, "rehearse", "--engine", "embedded", "--json", str(file), TMPDIR=str(scratch))

    assert found.returncode == 1, found.stderr
    assert " 6  check failing            deploy role    FAILED" in found.stdout
    assert "expected requests: 5 in a row: a 5xx status" in found.stdout
    assert "actual   wrong 200 healthy" in found.stdout
    record = json.loads(file.read_text())
    assert record["passed"] is False
    assert record["steps"][-1]["name"] == "check failing"
    assert record["steps"][-1]["actual"].startswith("wrong 200 healthy")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "infra/function.py",
            'description="Answers',
            'description=f"{args.fail_mode} answers',
            " 4  preview the injection    preview role   FAILED\n"
            "    expected one update, of the function, of its environment alone",
        ),
        (
            "infra/function.py",
            "child = options.child(self)",
            "child = pulumi.ResourceOptions(parent=self, retain_on_delete=True)",
            "11  look for leftovers       administrator  FAILED\n"
            "    expected nothing of the app\n    actual   app-function-logs, app-function-",
        ),
    ],
    ids=["a flip that changes more", "a destroy that leaves something"],
)
def test_a_proof_that_does_not_hold_fails_its_step(
    file: str, old: str, new: str, told: str, project_copy: Path, scratch: Path
) -> None:
    path = project_copy / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    found = run_sandbox(project_copy, "rehearse", "--engine", "embedded", TMPDIR=str(scratch))

    assert found.returncode == 1
    assert told in found.stdout
    assert list(scratch.iterdir()) == []


def test_an_emulator_that_dies_fails_the_step_it_died_in(root: Path, scratch: Path) -> None:
    with start(root, scratch) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        told = ""
        for line in run.stdout:
            told += line
            if line.startswith(" 2  deploy"):
                for process in emulators(scratch):
                    if "local_aws.emulator.server" in process:
                        os.kill(int(process.split()[0]), signal.SIGKILL)
        run.wait(60)
        assert "Traceback" not in run.stderr.read()

    assert run.returncode == 1
    assert "FAILED" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("failMode: false", "failmode: false", "incident-sandbox:failmode is no setting of this project"),
        ("failMode: false", "failMode: maybe", "incident-sandbox:failMode is 'maybe'"),
        ("failMode: false", "failMode: true", "expected failMode false"),
        ("scope: app", "scope: apps", "incident-sandbox:scope is 'apps'"),
        ("aws:region: eu-west-1", "", "Pulumi.app.yaml has no aws:region"),
        ("config:", "config: [", "Pulumi.app.yaml cannot be read"),
    ],
)
def test_a_stack_file_that_is_wrong_is_told(old: str, new: str, told: str, project_copy: Path, scratch: Path) -> None:
    stack_file = project_copy / "Pulumi.app.yaml"
    stack_file.write_text(stack_file.read_text().replace(old, new))

    found = run_sandbox(project_copy, "rehearse", "--engine", "embedded", TMPDIR=str(scratch))

    assert found.returncode in (1, 2)
    assert told in found.stdout + found.stderr
    assert "Traceback" not in found.stderr
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("file", ["/nowhere/record.json", "/"])
def test_a_record_that_could_not_be_written_is_told_before_anything_is_done(file: str, sandbox: Sandbox) -> None:
    found = sandbox("rehearse", "--json", file)

    assert found.returncode == 2
    assert f"--json {file}" in found.stderr
    assert found.stdout == ""
