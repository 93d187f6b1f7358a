"""A CloudWatch call is the same call in each protocol that an AWS SDK speaks: what it names is what IAM decides on."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel

from infra import names
from local_aws.emulator.process import Emulator
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from tests.local.conftest import load, reset
from tests.support.deploying import app_over_bootstrap

PROTOCOLS = ["json", "query", "smithy-rpc-v2-cbor"]
"""What boto3 and the AWS CLI, the Go SDK of Terraform's provider, and the newest SDKs speak to CloudWatch."""

ALARM = names.AppNames("app").server_errors_alarm
PREVIEW = "role" + names.CI_ROLE_PATH + names.PREVIEW_ROLE
JOBS = github.Jobs("repo:octo-org/octo-repo", "production")


@pytest.fixture(scope="module")
def preview(started: Emulator, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the preview role, in an account with the app deployed."""
    reset(started)
    with pytest.MonkeyPatch.context() as patch:
        load(patch, started.environment())
        aws = Aws()
        app_over_bootstrap(root, aws, tmp_path_factory.mktemp("state"))[0].up()
        arn = f"arn:aws:iam::{aws.account}:{PREVIEW}"
        token = github.token(JOBS.pull_request, started.token_secret)
        yield {**started.environment(), **github.session(aws, arn, token)}
        aws.close()


def describe(protocol: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, **names: Any) -> Any:
    """Describe alarms by botocore's own encoder of a protocol."""
    load(monkeypatch, environment)
    resolved: Any = ServiceModel.resolved_protocol
    forced = property(lambda self: protocol if self.service_name == "cloudwatch" else resolved.fget(self))
    monkeypatch.setattr(ServiceModel, "resolved_protocol", forced)
    aws = Aws()
    try:
        return aws.client("cloudwatch").describe_alarms(**names)["MetricAlarms"]
    finally:
        aws.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_alarm_is_described_by_its_name_and_in_full(
    protocol: str, preview: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (alarm,) = describe(protocol, preview, monkeypatch, AlarmNames=[ALARM])

    assert alarm["AlarmName"] == ALARM
    assert alarm["Period"] == 60
    assert alarm["Statistic"] == "Sum"
    assert alarm["TreatMissingData"] == "notBreaching"
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == ["ApiId"]
    assert alarm["AlarmDescription"].startswith("The HTTP API")
    assert alarm["StateUpdatedTimestamp"].year >= 2026


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("wanted", [{"AlarmNames": [ALARM, "billing-errors"]}, {}], ids=["another team's", "all"])
def test_what_the_role_may_not_describe_is_denied(
    wanted: dict[str, Any], protocol: str, preview: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClientError) as error:
        describe(protocol, preview, monkeypatch, **wanted)

    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


def test_the_aws_cli_describes_what_it_names_and_is_denied_the_rest(preview: dict[str, str]) -> None:
    def aws(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.prefix) / "bin" / "aws"), "cloudwatch", "describe-alarms", "--output", "json", *arguments],
            env={**os.environ, **preview}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    own, other = aws("--alarm-names", ALARM), aws("--alarm-names", "billing-errors")

    assert [alarm["AlarmName"] for alarm in json.loads(own.stdout)["MetricAlarms"]] == [ALARM]
    assert other.returncode != 0
    assert "AccessDenied" in other.stderr
