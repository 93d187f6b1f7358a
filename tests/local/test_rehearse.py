"""./sandbox rehearse."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


WRONG_SETTINGS = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "HTTP_PROXY": "nonsense",
    "all_proxy": "socks5://127.0.0.1:9",
    "REQUESTS_CA_BUNDLE": "/nowhere",
    "SSL_CERT_FILE": "/nowhere",
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_MAX_ATTEMPTS": "x",
    "AWS_PROFILE": "real",
    "AWS_RETRY_MODE": "x",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_SHARED_CREDENTIALS_FILE": "/bin/sh",
    "AWS_USE_FIPS_ENDPOINT": "true",
}


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


def start(root: Path, scratch: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
    """Start a rehearsal that the test can signal."""
    return subprocess.Popen(
        [sys.executable, str(root / "sandbox"), "rehearse", "--engine", "embedded", *more],
        env={**os.environ, "TMPDIR": str(scratch), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(run: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a rehearsal."""
    stdout, stderr = run.communicate(timeout=120)
    return subprocess.CompletedProcess(run.args, run.returncode, stdout, stderr)


def changed_files(root: Path) -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Rehearsals:
    """What two rehearsals at once have left: one that wrote a record, one in a shell whose settings are wrong."""

    recorded: subprocess.CompletedProcess[str]
    misled: subprocess.CompletedProcess[str]
    record: dict[str, Any]
    called: Path
    """What the credential process of the shell's profile makes, if it is run."""
    left: list[str]
    """Files and processes."""
    is_checkout_changed: bool


@pytest.fixture(scope="module")
def rehearsals(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Rehearsals:
    """Both at the same time."""
    folder = tmp_path_factory.mktemp("rehearsals")
    scratch, file, called, config = (folder / name for name in ("scratch", "record.json", "called", "config"))
    scratch.mkdir()
    config.write_text(f"[profile real]\ncredential_process = touch {called}\nregion = us-east-1\n")
    before = changed_files(root)
    runs = [
        start(root, scratch, "--json", str(file)),
        start(root, scratch, **WRONG_SETTINGS, AWS_CONFIG_FILE=str(config)),
    ]
    try:
        recorded, misled = [ended(run) for run in runs]
    finally:
        for run in runs:
            run.kill()
    record = json.loads(file.read_text()) if file.exists() else {}
    left = [*(path.name for path in scratch.iterdir()), *emulators(scratch)]
    return Rehearsals(recorded, misled, record, called, left, changed_files(root) != before)


def test_the_whole_lifecycle_passes_and_is_recorded(rehearsals: Rehearsals) -> None:
    assert rehearsals.recorded.returncode == 0, rehearsals.recorded.stdout + rehearsals.recorded.stderr
    record = rehearsals.record
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


def test_a_rehearsal_passes_with_proxies_and_settings_of_aws_that_are_wrong(rehearsals: Rehearsals) -> None:
    assert rehearsals.misled.returncode == 0, rehearsals.misled.stdout + rehearsals.misled.stderr


def test_credentials_of_the_shell_are_never_used(rehearsals: Rehearsals) -> None:
    assert not rehearsals.called.exists()


def test_two_concurrent_rehearsals_do_not_interfere_and_leave_nothing(rehearsals: Rehearsals) -> None:
    assert (rehearsals.recorded.returncode, rehearsals.misled.returncode) == (0, 0)
    assert rehearsals.left == []
    assert not rehearsals.is_checkout_changed


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
        ("failMode: false", "failMode: true", "expected failMode false"),
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
