"""Local AWS: the emulator is reset for every test, so that tests share no state."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from infra import names
from local_aws.emulator import process
from local_aws.emulator.process import Emulator
from local_aws.provider.core import Provider
from local_aws.provider.resource import Aws

REGION = "eu-west-1"


def load(patch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    """Set these variables in this process's environment."""
    for name, value in environment.items():
        patch.setenv(name, value)


Sandbox = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def started() -> Iterator[Emulator]:
    """One emulator for the tests of a file, because a start takes most of a second."""
    with process.running(REGION) as running:
        yield running


@pytest.fixture
def emulator(started: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator that this process's AWS clients call, as if just started."""
    load(monkeypatch, started.environment())
    reset(started)
    return started


def reset(emulator: Emulator) -> None:
    """Delete everything in an emulator, as its root."""
    root = Credentials(*emulator.root_credentials.values())
    request = AWSRequest("POST", f"{emulator.url}/_ministack/reset", data=b"")
    SigV4Auth(root, "ministack", emulator.region).add_auth(request)
    with contextlib.closing(URLLib3Session(verify=str(emulator.directory / "ca.pem"))) as session:
        assert session.send(request.prepare()).status_code == 200


def replace_policy(aws: Aws, role: str, concern: str, change: Callable[[str], str]) -> str:
    """Replace a managed policy of one of CI's roles; return the former document."""
    iam = aws.client("iam")
    arn = f"arn:aws:iam::{aws.account}:policy{names.CI_ROLE_PATH}{names.ci_policy(role, concern)}"
    current = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    before = json.dumps(iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=change(before), SetAsDefault=True)
    return before


@pytest.fixture
def aws(emulator: Emulator) -> Iterator[Aws]:
    clients = Aws()
    yield clients
    clients.close()


@pytest.fixture
def provider(aws: Aws) -> Provider:
    return Provider(aws)


@pytest.fixture
def sandbox(root: Path) -> Sandbox:
    """Runs ./sandbox with arguments and returns the completed process."""
    return functools.partial(run_sandbox, root)


def run_sandbox(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ./sandbox of a checkout with this virtual environment."""
    return subprocess.run(
        [sys.executable, str(root / "sandbox"), *arguments],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
