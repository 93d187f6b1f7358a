"""./sandbox rehearse."""

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
from tests.support import schemas

STEPS = [
    "bootstrap",
    "deploy",
    "check healthy",
    "preview the injection",
    "inject",
    "check failing",
    "roll back",
    "check healthy again",
    "the incident's truth",
    "calls that CI is denied",
    "destroy the app",
    "look for leftovers",
    "deploy again",
    "deploy with no change",
]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The folder for a rehearsal's temporary files, so that a test can assert that none remain."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def emulators(scratch: Path) -> list[str]:
    """Return the processes of emulators, and of their functions, started under a scratch folder."""
    processes = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in processes.splitlines() if str(scratch) in line]


def start(root: Path, scratch: Path) -> subprocess.Popen[str]:
    """Start a rehearsal that the test can signal."""
    return subprocess.Popen(
        [sys.executable, str(root / "sandbox"), "rehearse", "--engine", "embedded"],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def changed_files(root: Path) -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True).stdout


def test_the_whole_lifecycle_passes_and_is_recorded(
    root: Path, scratch: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    before = changed_files(root)
    file = tmp_path / "record.json"

    result = sandbox("rehearse", "--engine", "embedded", "--json", str(file), TMPDIR=str(scratch))

    assert result.returncode == 0, result.stdout + result.stderr
    record = json.loads(file.read_text())
    assert [step["name"] for step in record["steps"]] == STEPS
    assert all(step["passed"] for step in record["steps"])
    assert record["passed"] is True
    by_name = {step["name"]: step for step in record["steps"]}
    assert schemas.errors(record, "rehearsal") == []
    assert schemas.errors(by_name["check failing"]["check"], "check") == []
    assert schemas.errors(by_name["the incident's truth"]["truth"], "truth") == []
    assert record["emulator"]["clockScale"] == 60
    for name in ("preview the injection", "inject", "roll back"):
        assert by_name[name]["update"]["changes"] == {"same": 25, "update": 1}
        (step,) = by_name[name]["update"]["steps"]
        assert step["changed"] == ["environment"]
    assert by_name["inject"]["outputs"]["failMode"] is True
    assert by_name["check failing"]["check"]["passed"] is True
    assert by_name["destroy the app"]["update"]["changes"] == {"delete": 26}
    assert by_name["deploy with no change"]["update"]["changes"] == {"same": 26}
    assert list(scratch.iterdir()) == []
    assert emulators(scratch) == []
    assert changed_files(root) == before


def test_two_concurrent_rehearsals_do_not_interfere(root: Path, scratch: Path) -> None:
    runs = [start(root, scratch) for _ in range(2)]

    outputs = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outputs
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("at", ["emulator  http", " 1  bootstrap", " 2  deploy", " 6  check failing"])
def test_ctrl_c_leaves_no_process_and_no_file(at: str, root: Path, scratch: Path) -> None:
    before = changed_files(root)
    with start(root, scratch) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        for line in run.stdout:
            if line.startswith(at):
                break
        run.send_signal(signal.SIGINT)
        run.wait(30)
        stderr = run.stderr.read()

    assert run.returncode == 130, stderr
    assert "interrupted; what it had started is stopped" in stderr
    assert "Traceback" not in stderr
    assert list(scratch.iterdir()) == []
    assert emulators(scratch) == []
    assert changed_files(root) == before


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_the_emulator_ends_when_the_rehearsal_is_killed(sent: signal.Signals, root: Path, scratch: Path) -> None:
    with start(root, scratch) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith(" 3  check healthy"):
                break
        run.send_signal(sent)
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
def test_a_remote_endpoint_is_refused(name: str, url: str, sandbox: Sandbox, scratch: Path) -> None:
    result = sandbox("rehearse", TMPDIR=str(scratch), **{name: url})

    assert result.returncode == 2
    assert f"{name} is '{url}'" in result.stderr
    assert "never touches real AWS" in result.stderr
    assert result.stdout == ""


def test_credentials_of_the_shell_are_never_used(sandbox: Sandbox, tmp_path: Path) -> None:
    """The profile's credential process would create a file if it were run."""
    created = tmp_path / "created"
    config = tmp_path / "config"
    config.write_text(f"[profile real]\ncredential_process = touch {created}\nregion = us-east-1\n")

    result = sandbox(
        "rehearse", "--engine", "embedded", AWS_PROFILE="real", AWS_CONFIG_FILE=str(config), AWS_SESSION_TOKEN="stale"
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert not created.exists()


def test_a_port_in_use_is_an_error(sandbox: Sandbox, scratch: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        result = sandbox("rehearse", "--port", str(port), TMPDIR=str(scratch))

    assert result.returncode == 2
    assert f"port {port} is unavailable on this machine" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("port", ["-1", "70000"])
def test_a_port_out_of_range_is_an_error(port: str, sandbox: Sandbox) -> None:
    result = sandbox("rehearse", "--port", port)

    assert result.returncode == 2
    assert "a port is a number from 0 to 65535" in result.stderr


def test_a_failed_step_is_printed_with_expected_and_actual(project_copy: Path, scratch: Path, tmp_path: Path) -> None:
    """The handler never fails, so the injection has no effect."""
    handler = project_copy / "handler" / "scenario.py"
    handler.write_text(handler.read_text().replace("== surface.failing", "== 'never'"))
    file = tmp_path / "record.json"

    result = run_sandbox(project_copy, "rehearse", "--engine", "embedded", "--json", str(file), TMPDIR=str(scratch))

    assert result.returncode == 1, result.stderr
    assert " 6  check failing            deploy role    FAILED" in result.stdout
    assert "expected requests: 5 in a row: a 5xx status" in result.stdout
    assert "actual   wrong 200 healthy" in result.stdout
    record = json.loads(file.read_text())
    assert schemas.errors(record, "rehearsal") == []
    assert record["passed"] is False
    assert record["steps"][-1]["name"] == "check failing"
    assert record["steps"][-1]["actual"].startswith("wrong 200 healthy")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "infra/function.py",
            "description=args.description",
            'description=f"{args.variables}"',
            " 4  preview the injection    preview role   FAILED\n"
            "    expected one update, of the function, of its environment alone",
        ),
        (
            "infra/function.py",
            "child = options.child(self)",
            "child = pulumi.ResourceOptions(parent=self, retain_on_delete=True)",
            "11  destroy the app          deploy role    FAILED\n"
            "    expected AWS: nothing of its names or tags\n    actual   function:storefront-app-client, ",
        ),
    ],
    ids=["a flip that changes more", "a destroy that leaves something"],
)
def test_a_failed_proof_fails_its_step(
    file: str, old: str, new: str, message: str, project_copy: Path, scratch: Path
) -> None:
    path = project_copy / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    result = run_sandbox(project_copy, "rehearse", "--engine", "embedded", TMPDIR=str(scratch))

    assert result.returncode == 1
    assert message in result.stdout
    assert list(scratch.iterdir()) == []


def test_a_killed_emulator_fails_the_running_step(root: Path, scratch: Path) -> None:
    with start(root, scratch) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        stdout = ""
        for line in run.stdout:
            stdout += line
            if line.startswith(" 2  deploy"):
                for process in emulators(scratch):
                    if "local_aws.emulator.server" in process:
                        os.kill(int(process.split()[0]), signal.SIGKILL)
        run.wait(60)
        assert "Traceback" not in run.stderr.read()

    assert run.returncode == 1
    assert "FAILED" in stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("failMode: false", "failmode: false", "incident-sandbox:failmode is no setting of this project"),
        ("failMode: false", "failMode: maybe", "incident-sandbox:failMode is 'maybe'"),
        ("failMode: false", "failMode: true", "expected failMode false"),
        ("scope: app", "scope: apps", "incident-sandbox:scope is 'apps'"),
        ("aws:region: eu-west-1", "", "Pulumi.app.yaml has no aws:region"),
        ("config:", "config: [", "Pulumi.app.yaml is not YAML that Pulumi reads"),
    ],
)
def test_a_wrong_stack_file_is_an_error(old: str, new: str, message: str, project_copy: Path, scratch: Path) -> None:
    stack_file = project_copy / "Pulumi.app.yaml"
    stack_file.write_text(stack_file.read_text().replace(old, new))

    result = run_sandbox(project_copy, "rehearse", "--engine", "embedded", TMPDIR=str(scratch))

    assert result.returncode in (1, 2)
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("file", ["/nowhere/record.json", "/"])
def test_a_record_path_that_cannot_be_written_is_an_error_before_the_first_step(file: str, sandbox: Sandbox) -> None:
    result = sandbox("rehearse", "--json", file)

    assert result.returncode == 2
    assert f"{file} cannot be written" in result.stderr
    assert result.stdout == ""
