"""./sandbox check and ./sandbox local, as a person runs them beside a kept emulator."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.local.conftest import run_sandbox
from tests.support.checkouts import copy_project, shell_with_env


@dataclass
class Kept:
    """A checkout with an emulator that `rehearse --keep` left up, and what `local env` puts into a shell."""

    checkout: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ./sandbox there, in that shell."""
        return run_sandbox(self.checkout, *arguments, **{**self.environment, **environment})

    def client(self, service: str) -> Any:
        return boto3.Session(
            self.environment["AWS_ACCESS_KEY_ID"],
            self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_REGION"],
        ).client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"], verify=self.environment["AWS_CA_BUNDLE"])

    def state(self) -> dict[str, str]:
        """Every stack's state, by its ETag."""
        s3 = self.client("s3")
        try:
            bucket = s3.list_buckets()["Buckets"][0]["Name"]
            found = s3.list_objects_v2(Bucket=bucket, Prefix=".pulumi/stacks/")["Contents"]
        finally:
            s3.close()
        return {one["Key"]: one["ETag"] for one in found}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One for this module: each test leaves the app healthy, as it found it."""
    checkout = copy_project(tmp_path_factory.mktemp("kept") / "checkout")
    try:
        assert run_sandbox(checkout, "rehearse", "--engine", "embedded", "--keep").returncode == 0
        yield Kept(checkout, shell_with_env(checkout))
    finally:
        run_sandbox(checkout, "local", "stop")


def test_the_lifecycle_by_hand(kept: Kept, tmp_path: Path) -> None:
    healthy = kept("check", "--stack", "app", "--expect", "healthy")
    assert healthy.returncode == 0, healthy.stderr
    assert "stack app is healthy" in healthy.stdout

    injected = kept("local", "up", "--config", "failMode=true")
    assert "update   aws:lambda/function:Function app-function-lambda [environment]" in injected.stdout

    record = tmp_path / "check.json"
    failing = kept("check", "--stack", "app", "--expect", "failing", "--requests", "3", "--json", str(record))
    assert failing.returncode == 0, failing.stdout + failing.stderr
    found = json.loads(record.read_text())
    assert (found["kind"], found["expect"], found["passed"], len(found["requests"])) == ("check", "failing", True, 3)
    assert {answer["status"] for answer in found["requests"]} == {500}
    assert [one["name"] for one in found["observations"]] == [
        "requests",
        "code",
        "function policy",
        "alarm incident-sandbox-app-function-errors",
        "alarm incident-sandbox-app-api-5xx",
        "errors in /aws/lambda/incident-sandbox-app",
        "metric Errors",
        "metric 5xx",
    ]

    wrong = kept("check", "--stack", "app", "--expect", "healthy", "--timeout", "0.3")
    assert wrong.returncode == 1
    assert "expected 5 in a row: 200 and status healthy, saw wrong 500" in wrong.stdout

    rolled_back = kept("local", "up")
    assert rolled_back.returncode == 0
    assert kept("check", "--stack", "app", "--expect", "healthy").returncode == 0


def test_healthy_is_not_taken_for_failing(kept: Kept) -> None:
    found = kept("check", "--stack", "app", "--expect", "failing", "--timeout", "0.3")

    assert found.returncode == 1
    assert "FAIL  requests: expected 5 in a row: a 5xx status, saw wrong 200 healthy" in found.stdout


def test_telemetry_that_does_not_follow_is_a_failure_by_the_deadline(kept: Kept) -> None:
    cloudwatch = kept.client("cloudwatch")
    cloudwatch.delete_alarms(AlarmNames=["incident-sandbox-app-api-5xx"])
    try:
        found = kept("check", "--stack", "app", "--expect", "healthy", "--timeout", "0.3")
    finally:
        cloudwatch.close()
        assert "delete" in kept("local", "refresh").stdout
        assert "create" in kept("local", "up").stdout

    assert found.returncode == 1
    assert "FAIL  alarm incident-sandbox-app-api-5xx: expected OK, saw missing" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--stack", "nope"], {}, "--stack nope: there is no such stack in s3://"),
        (["--stack", "nope"], {}, "it has: app, bootstrap"),
        (["--stack", "bootstrap"], {}, "the stack's state has no 'apiUrl'"),
        (["--stack", "app"], {"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, "InvalidAccessKeyId"),
        (["--stack", "app"], {"PULUMI_BACKEND_URL": "file:///tmp"}, "this reads S3 backends"),
        (["--stack", "app"], {"PULUMI_BACKEND_URL": "", "PULUMI_HOME": "/nowhere"}, "backend is not known"),
        (["--stack", "app", "--requests", "0"], {}, "--requests 0: must be a number from 1 to 1000"),
        (["--stack", "app", "--timeout", "-1"], {}, "--timeout -1: must be a number of seconds"),
        (
            ["--stack", "app", "--json", "/nowhere/x.json"],
            {},
            "--json /nowhere/x.json: cannot be written (No such file",
        ),
    ],
)
def test_what_cannot_be_checked_is_told_in_one_line(
    arguments: list[str], environment: dict[str, str], told: str, kept: Kept
) -> None:
    found = kept("check", "--expect", "healthy", *arguments, **environment)

    assert found.returncode == 2
    assert told in found.stderr
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["up", "--config", "failMode=maybe"], "incident-sandbox:failMode is 'maybe'"),
        (["up", "--config", "logRetentionDays=15"], "incident-sandbox:logRetentionDays is '15'"),
        (["up", "--config", "scope=other"], "incident-sandbox:scope is 'other'"),
        (["up", "--config", "failMode"], "--config failMode: must be KEY=VALUE"),
        (["up", "--config", "aws:region=us-east-1"], "aws:region is 'us-east-1', and the emulator is in eu-west-1"),
        (["up", "--stack", "bootstrap"], "incident-sandbox:githubRepository is missing"),
        (["up", "--stack", "bootstrap", "--config", "githubRepository=foo"], "githubRepository is 'foo'"),
        (["destroy", "--stack", "bootstrap"], "protected, and `destroy` would delete it; nothing was deleted"),
        (["outputs", "--stack", "nope"], "there is no stack 'nope'"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_half_done(arguments: list[str], told: str, kept: Kept) -> None:
    before = kept.state()

    found = kept("local", *arguments)

    assert found.returncode == 2
    assert told in found.stderr
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert kept.state() == before


def test_a_second_stack_lives_beside_the_first(kept: Kept) -> None:
    made = kept("local", "up", "--stack", "blue", "--config", "failMode=true")
    assert "create 17" in made.stdout, made.stderr
    try:
        assert kept("check", "--stack", "blue", "--expect", "failing").returncode == 0
        assert kept("check", "--stack", "app", "--expect", "healthy").returncode == 0
        on, off = kept("status", "--stack", "blue"), kept("status", "--stack", "app")
        assert (on.returncode, off.returncode) == (1, 0)
        assert on.stdout.startswith("stack blue: an incident is active, since 20")
        there = kept("check", "--stack", "blue", "--expect", "gone")
        assert (there.returncode, "expected no resources, saw incident-sandbox-blue" in there.stdout) == (1, True)
    finally:
        gone = kept("local", "destroy", "--stack", "blue")
    assert "delete 17" in gone.stdout
    assert kept("check", "--stack", "blue", "--expect", "gone").returncode == 0
    assert kept("status", "--stack", "blue").returncode == 0
