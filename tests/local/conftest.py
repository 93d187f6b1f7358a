"""Local AWS: the emulator is reset for every test, so that tests share no state."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
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
from ops import service_models
from tests.support.checkouts import copy_project, shell_with_env

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
    verify: Any = str(emulator.directory / "ca.pem")  # botocore-stubs know no file of certificates
    with contextlib.closing(URLLib3Session(verify=verify)) as session:
        assert session.send(request.prepare()).status_code == 200


def replace_policy(aws: Aws, role: str, concern: str, change: Callable[[str], str]) -> str:
    """Replace a managed policy of one of CI's roles; return the former document."""
    iam = aws.client("iam")
    arn = f"arn:aws:iam::{aws.account}:policy{names.CI_ROLE_PATH}{names.ci_policy(role, concern)}"
    current = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    before = json.dumps(iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=change(before), SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=arn, VersionId=current)  # a policy has five at most
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


@dataclass
class Deployed:
    """A checkout whose emulator has the app deployed, and the environment of a shell that has loaded `local env`."""

    checkout: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ./sandbox of that checkout in that shell."""
        return run_sandbox(self.checkout, *arguments, **{**self.environment, **environment})

    def client(self, service: Any) -> Any:
        return boto3.Session(
            self.environment["AWS_ACCESS_KEY_ID"],
            self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_REGION"],
            botocore_session=service_models.session(),
        ).client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"], verify=self.environment["AWS_CA_BUNDLE"])

    def state(self) -> dict[str, str]:
        """Return the ETag of every stack's state."""
        s3 = self.client("s3")
        try:
            bucket = s3.list_buckets()["Buckets"][0]["Name"]
            objects = s3.list_objects_v2(Bucket=bucket, Prefix=".pulumi/stacks/")["Contents"]
        finally:
            s3.close()
        return {state["Key"]: state["ETag"] for state in objects}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """One for this module: each test leaves the app healthy."""
    checkout = copy_project(tmp_path_factory.mktemp("deployed") / "checkout")
    try:
        subprocess.run([sys.executable, "-m", "tests.support.keeping"], cwd=checkout, check=True, timeout=120)
        yield Deployed(checkout, shell_with_env(checkout))
    finally:
        run_sandbox(checkout, "local", "stop")
