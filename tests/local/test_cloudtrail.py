"""The CloudTrail patch: the event history that LookupEvents returns, as AWS's has it."""

import base64
import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel

from infra import names
from infra.policies import trust
from infra.policies.document import document
from local_aws.emulator.process import Emulator
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from tests.local.conftest import REGION, load, reset
from tests.local.test_denied_calls import credentials_in_function
from tests.support.deploying import app_over_bootstrap

ACCOUNT = "111122223333"
APP = names.AppNames("app")
JOBS = github.Jobs("repo:octo-org/octo-repo", "production")
DEPLOY_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role{names.CI_ROLE_PATH}{names.DEPLOY_ROLE}"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/{names.DEPLOY_ROLE}/deploy-7"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{trust.GITHUB_ISSUER}"
GLOBAL_REGION = "us-east-1"
UPDATE = "UpdateFunctionConfiguration20150331v2"


class History(NamedTuple):
    """An account with the app deployed, a session of the deploy role in it, and what must not be recorded."""

    emulator: Emulator
    outputs: dict[str, Any]
    root: Aws
    deploy: Aws
    session: dict[str, str]
    token: str

    def aws(self, environment: dict[str, str] | None = None, region: str = REGION) -> Aws:
        return open_aws({**self.emulator.environment(), **(environment or {})}, region)

    def lookup(self, region: str = REGION, **parameters: Any) -> list[dict[str, Any]]:
        """Look up all pages of events in a region."""
        aws = self.aws(region=region)
        try:
            pages = aws.client("cloudtrail").get_paginator("lookup_events").paginate(**parameters)
            return [event for page in pages for event in page["Events"]]
        finally:
            aws.close()

    def last(self, name: str, region: str = REGION) -> dict[str, Any]:
        """Return CloudTrail's record of the last event with this name."""
        record: dict[str, Any] = json.loads(self.lookup(region, **attribute("EventName", name))[0]["CloudTrailEvent"])
        return record


def open_aws(environment: dict[str, str], region: str = REGION) -> Aws:
    """Return a session with its clients, which read the environment when they are created."""
    with pytest.MonkeyPatch.context() as patch:
        load(patch, environment)
        aws = Aws(region)
        for service in ("cloudtrail", "cloudwatch", "iam", "kms", "lambda", "logs", "s3", "sts"):
            aws.client(service)
    return aws


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


@pytest.fixture(scope="module")
def history(started: Emulator, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    reset(started)
    administrator = open_aws(started.environment())
    with pytest.MonkeyPatch.context() as patch:
        load(patch, started.environment())
        app, _, _ = app_over_bootstrap(root, administrator, tmp_path_factory.mktemp("state"))
        outputs = app.up().outputs
    token = github.token(JOBS.deployment, started.token_secret)
    session = github.session(administrator, DEPLOY_ROLE_ARN, token, "deploy-7")
    deploy = open_aws({**started.environment(), **session})
    yield History(started, outputs, administrator, deploy, session, token)
    administrator.close()
    deploy.close()


def update(history: History, value: str = "GET,PUT") -> None:
    """Update the function's environment and its description as the deploy role."""
    client = history.deploy.client("lambda")
    client.update_function_configuration(
        FunctionName=APP.function, Description="Answers", Timeout=4, Environment={"Variables": {"METHODS": value}}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName=APP.function, WaiterConfig={"Delay": 1})


def test_an_update_of_the_function_is_recorded_with_its_session_and_without_its_environment(history: History) -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    update(history)

    (entry,) = history.lookup(**attribute("EventName", UPDATE), StartTime=before)
    event = json.loads(entry["CloudTrailEvent"])

    assert entry["Username"] == "deploy-7"
    assert entry["AccessKeyId"] == history.session["AWS_ACCESS_KEY_ID"]
    assert entry["EventSource"] == event["eventSource"] == "lambda.amazonaws.com"
    assert entry["Resources"] == [{"ResourceType": "AWS::Lambda::Function", "ResourceName": APP.function}]
    assert entry["ReadOnly"] == "false"
    assert entry["EventId"] == event["eventID"]
    assert before <= entry["EventTime"] == datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00"))
    assert event["requestParameters"] == {
        "functionName": APP.function, "description": "Answers", "timeout": 4, "environment": {},
    }  # fmt: skip
    assert event["responseElements"]["environment"] == {}
    assert event["responseElements"]["functionName"] == APP.function
    assert event["responseElements"]["lastUpdateStatus"] == "InProgress"
    identity = event["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == SESSION_ARN
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert issuer == {
        "type": "Role", "principalId": identity["principalId"].split(":")[0], "arn": DEPLOY_ROLE_ARN,
        "accountId": ACCOUNT, "userName": names.DEPLOY_ROLE,
    }  # fmt: skip
    assert issuer["principalId"].startswith("AROA")
    assert identity["principalId"].endswith(":deploy-7")
    assert identity["sessionContext"]["webIdFederationData"] == {"federatedProvider": PROVIDER_ARN, "attributes": {}}
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"
    expected = {
        "eventVersion": "1.11", "awsRegion": REGION, "sourceIPAddress": "127.0.0.1", "readOnly": False,
        "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }  # fmt: skip
    assert {key: event[key] for key in expected} == expected
    assert "Botocore" in event["userAgent"]
    assert event["requestID"]
    assert "errorCode" not in event


def test_data_events_are_not_recorded(history: History) -> None:
    count = len(history.lookup())
    s3 = history.root.client("s3")
    bucket: dict[str, Any] = {"Bucket": names.state_bucket(ACCOUNT, REGION)}
    s3.put_object(**bucket, Key="a/note.json", Body=b"{}")
    s3.get_object(**bucket, Key="a/note.json")
    s3.head_bucket(**bucket)
    s3.list_objects_v2(**bucket)
    s3.delete_object(**bucket, Key="a/note.json")
    history.root.client("lambda").invoke(FunctionName=APP.function)
    history.root.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
    history.root.client("cloudwatch").list_metrics()
    tls = ssl.create_default_context(cafile=str(history.emulator.directory / "ca.pem"))
    urllib.request.urlopen(history.outputs["apiUrl"], context=tls).close()

    new = [event["EventName"] for event in history.lookup()]

    assert set(new[: len(new) - count]) <= {"LookupEvents"}
    assert not {"PutObject", "GetObject", "ListObjects", "HeadBucket", "PutLogEvents"} & set(new)


def test_a_deployment_is_recorded_under_the_event_names_of_aws(history: History) -> None:
    recorded = {
        (event["EventSource"], event["EventName"])
        for region in (REGION, GLOBAL_REGION)
        for event in history.lookup(region)
    }

    assert recorded >= {
        ("apigateway.amazonaws.com", "CreateApi"),
        ("apigateway.amazonaws.com", "CreateStage"),
        ("iam.amazonaws.com", "CreateRole"),
        ("kms.amazonaws.com", "CreateKey"),
        ("lambda.amazonaws.com", "AddPermission20150331v2"),
        ("lambda.amazonaws.com", "CreateFunction20150331"),
        ("logs.amazonaws.com", "CreateLogGroup"),
        ("monitoring.amazonaws.com", "PutMetricAlarm"),
        ("s3.amazonaws.com", "CreateBucket"),
        ("s3.amazonaws.com", "PutBucketLifecycle"),
        ("s3.amazonaws.com", "PutBucketPublicAccessBlock"),
        ("sts.amazonaws.com", "AssumeRoleWithWebIdentity"),
    }
    assert "is not recorded" not in (history.emulator.directory / "emulator.log").read_text()


def test_events_of_iam_are_in_us_east_1(history: History) -> None:
    iam = attribute("EventSource", "iam.amazonaws.com")

    assert history.lookup(**iam) == []
    assert history.last("CreateRole", GLOBAL_REGION)["awsRegion"] == GLOBAL_REGION


def test_a_denied_call_has_its_error_and_no_parameters(history: History) -> None:
    with pytest.raises(ClientError):
        history.deploy.client("lambda").delete_function(FunctionName="billing")

    event = history.last("DeleteFunction20150331")

    assert event["errorCode"] == "AccessDenied"
    assert SESSION_ARN in event["errorMessage"]
    assert "lambda:DeleteFunction" in event["errorMessage"]
    assert event["requestParameters"] is event["responseElements"] is None


def test_another_error_has_its_parameters(history: History) -> None:
    with pytest.raises(ClientError):
        history.root.client("lambda").get_function(FunctionName="billing")

    event = history.last("GetFunction20150331v2")

    assert event["errorCode"] == "ResourceNotFoundException"
    assert event["requestParameters"] == {"functionName": "billing"}


def test_root_is_recorded_as_root(history: History) -> None:
    history.root.client("sts").get_caller_identity()

    (entry, *_) = history.lookup(**attribute("EventName", "GetCallerIdentity"))

    assert entry["Username"] == "root"
    assert json.loads(entry["CloudTrailEvent"])["userIdentity"] == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
        "accessKeyId": history.emulator.environment()["AWS_ACCESS_KEY_ID"],
    }


def test_a_job_of_github_is_recorded_as_a_web_identity(history: History) -> None:
    (entry, *_) = history.lookup(**attribute("Username", JOBS.deployment))
    event = json.loads(entry["CloudTrailEvent"])

    assert entry["EventName"] == "AssumeRoleWithWebIdentity"
    assert "AccessKeyId" not in entry
    assert event["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{PROVIDER_ARN}:sts.amazonaws.com:{JOBS.deployment}",
        "userName": JOBS.deployment,
        "identityProvider": PROVIDER_ARN,
    }
    assert event["requestParameters"] == {"roleArn": DEPLOY_ROLE_ARN, "roleSessionName": "deploy-7"}
    assert event["responseElements"]["credentials"]["accessKeyId"] == history.session["AWS_ACCESS_KEY_ID"]
    assert event["resources"] == [{"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": DEPLOY_ROLE_ARN}]
    assert event["readOnly"] is True


def test_a_job_that_the_role_does_not_trust_is_recorded(history: History) -> None:
    with pytest.raises(ClientError):
        github.session(history.root, DEPLOY_ROLE_ARN, github.token(JOBS.pull_request, history.emulator.token_secret))

    event = history.last("AssumeRoleWithWebIdentity")

    assert event["errorCode"] == "AccessDenied"
    assert event["userIdentity"]["userName"] == JOBS.pull_request
    assert event["requestParameters"]["roleArn"] == DEPLOY_ROLE_ARN


def test_a_function_is_recorded_by_its_role(history: History) -> None:
    function = history.aws(credentials_in_function(history.root, "probe", APP.execution_role))
    stream = {"logGroupName": names.AppNames("probe").log_group, "logStreamName": "test"}
    with pytest.raises(ClientError):
        function.client("logs").create_log_stream(**stream)
    function.close()

    identity = history.last("CreateLogStream")["userIdentity"]

    name = names.AppNames("probe").function
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{APP.execution_role}/{name}"
    assert identity["principalId"].startswith("AROA")
    assert names.APP_ROLE_PATH in identity["sessionContext"]["sessionIssuer"]["arn"]
    assert "webIdFederationData" not in identity["sessionContext"]


def test_a_user_is_recorded_and_a_request_without_valid_credentials_is_not(history: History) -> None:
    iam = history.root.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    valid = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    for credentials in (valid, {**valid, "AWS_SECRET_ACCESS_KEY": "wrong"}):
        aws = history.aws(credentials)
        with pytest.raises(ClientError):
            aws.client("kms").list_keys()
        aws.close()

    (entry,) = history.lookup(**attribute("Username", "alice"))
    identity = json.loads(entry["CloudTrailEvent"])["userIdentity"]

    assert (identity["type"], identity["userName"]) == ("IAMUser", "alice")
    assert identity["principalId"].startswith("AIDA")
    assert json.loads(entry["CloudTrailEvent"])["errorCode"] == "AccessDenied"
    created = history.last("CreateAccessKey", GLOBAL_REGION)["responseElements"]["accessKey"]
    assert created["accessKeyId"] == key["AccessKeyId"]
    assert "secretAccessKey" not in created


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("EventName", UPDATE),
        ("Username", "deploy-7"),
        ("ResourceName", APP.function),
        ("ResourceType", "AWS::Lambda::Function"),
        ("EventSource", "lambda.amazonaws.com"),
        ("ReadOnly", "false"),
        ("EventId", ""),
        ("AccessKeyId", ""),
    ],
)
def test_an_attribute_selects_events(key: str, value: str, history: History) -> None:
    update(history)
    everything = history.lookup()
    latest = next(event for event in everything if event["EventName"] == UPDATE)
    value = value or latest[key]

    found = history.lookup(**attribute(key, value))

    def has(event: dict[str, Any]) -> bool:
        values = [resource[key] for resource in event["Resources"]] if key.startswith("Resource") else [event.get(key)]
        return value in values

    assert latest["EventId"] in [event["EventId"] for event in found]
    assert all(map(has, found))
    assert len(found) == sum(map(has, everything)) < len(everything)


def test_a_time_window_selects_events(history: History) -> None:
    def lookup(**window: Any) -> list[str]:
        return [event["EventId"] for event in history.lookup(**attribute("EventName", UPDATE), **window)]

    time.sleep(1.1)  # times are to the second, and the test before this one may have made an update, too
    update(history)
    first = history.lookup(**attribute("EventName", UPDATE))[0]
    time.sleep(1.1)
    update(history, "GET")
    second = history.lookup(**attribute("EventName", UPDATE))[0]
    between = first["EventTime"] + timedelta(seconds=1)

    assert lookup(StartTime=between) == [second["EventId"]]
    assert lookup(EndTime=first["EventTime"])[0] == first["EventId"]
    assert lookup(StartTime=first["EventTime"], EndTime=first["EventTime"]) == [first["EventId"]]
    assert lookup(StartTime=second["EventTime"] + timedelta(seconds=1)) == []


def test_pages_have_each_event_once_and_newest_first_while_events_are_added(history: History) -> None:
    client, source = history.root.client("cloudtrail"), attribute("EventSource", "lambda.amazonaws.com")
    expected = [event["EventId"] for event in history.lookup(**source)]

    events: list[dict[str, Any]] = []
    page = client.lookup_events(**source, MaxResults=7)
    while True:
        events += page["Events"]
        assert len(page["Events"]) <= 7
        if "NextToken" not in page:
            break
        history.root.client("lambda").list_functions()
        page = client.lookup_events(**source, MaxResults=7, NextToken=page["NextToken"])

    assert [event["EventId"] for event in events] == expected
    assert len(expected) > 7
    assert [event["EventTime"] for event in events] == sorted((event["EventTime"] for event in events), reverse=True)


NOW = datetime.now(timezone.utc)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"LookupAttributes": 2 * attribute("ReadOnly", "true")["LookupAttributes"]},
         "InvalidLookupAttributesException"),
        (attribute("Region", REGION), "InvalidLookupAttributesException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
        ({"StartTime": NOW, "EndTime": NOW - timedelta(hours=1)}, "InvalidTimeRangeException"),
        ({"NextToken": "bm9uZQ=="}, "InvalidNextTokenException"),
    ],
)  # fmt: skip
def test_an_invalid_lookup_is_refused(parameters: dict[str, Any], error: str, history: History) -> None:
    with pytest.raises(ClientError) as refused:
        history.root.client("cloudtrail").lookup_events(**parameters)

    assert refused.value.response["Error"]["Code"] == error


def test_a_token_is_refused_with_other_parameters(history: History) -> None:
    client = history.root.client("cloudtrail")
    token = client.lookup_events(MaxResults=1)["NextToken"]

    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        client.lookup_events(**attribute("ReadOnly", "true"), MaxResults=1, NextToken=token)


def test_a_lookup_is_recorded_and_is_read_only(history: History) -> None:
    start = datetime(2026, 2, 3, 14, 5, tzinfo=timezone.utc)
    history.root.client("cloudtrail").lookup_events(**attribute("ReadOnly", "true"), StartTime=start)

    event = history.last("LookupEvents")

    assert event["readOnly"] is True
    assert event["requestParameters"] == {
        "lookupAttributes": [{"attributeKey": "ReadOnly", "attributeValue": "true"}],
        "startTime": "Feb 3, 2026, 2:05:00 PM",
    }


@pytest.mark.parametrize("resource", ["*", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"])
def test_a_lookup_needs_permission_for_every_resource(resource: str, history: History) -> None:
    role: dict[str, Any] = {"RoleName": "reader"}
    iam = history.root.client("iam")
    allowed = document({"Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": resource})
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trusted = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust_policy = json.dumps({"Version": "2012-10-17", "Statement": trusted})
    arn = iam.create_role(**role, AssumeRolePolicyDocument=trust_policy)["Role"]["Arn"]
    iam.put_role_policy(**role, PolicyName="read", PolicyDocument=allowed)
    reader = history.aws(
        github.environment(history.root.client("sts").assume_role(RoleArn=arn, RoleSessionName="reader"))
    )
    try:
        if resource == "*":
            assert reader.client("cloudtrail").lookup_events(MaxResults=1)["Events"]
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                reader.client("cloudtrail").lookup_events(MaxResults=1)
    finally:
        reader.close()
        iam.delete_role_policy(**role, PolicyName="read")
        iam.delete_role(**role)


def test_a_call_is_recorded_alike_in_each_protocol(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    alarm: dict[str, Any] = {
        "AlarmName": "cpu", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.5, "ComparisonOperator": "GreaterThanThreshold",
        "ActionsEnabled": False, "Dimensions": [{"Name": "ApiId", "Value": "x"}],
    }  # fmt: skip
    recorded = []
    for protocol in ("json", "query", "smithy-rpc-v2-cbor"):
        with monkeypatch.context() as patch:
            load(patch, history.emulator.environment())
            patch.setattr(ServiceModel, "resolved_protocol", protocol)
            aws = Aws()
            aws.client("cloudwatch").put_metric_alarm(**alarm)
            aws.close()
        recorded.append(history.last("PutMetricAlarm")["requestParameters"])

    assert recorded == 3 * [
        {
            "alarmName": "cpu", "namespace": "n", "metricName": "m", "statistic": "Sum", "period": 60,
            "evaluationPeriods": 1, "threshold": 1.5, "comparisonOperator": "GreaterThanThreshold",
            "actionsEnabled": False, "dimensions": [{"name": "ApiId", "value": "x"}],
        }
    ]  # fmt: skip


def test_nothing_secret_is_recorded(history: History) -> None:
    kms = history.root.client("kms")
    key: dict[str, Any] = {"KeyId": names.STATE_KEY_ALIAS}
    ciphertext = kms.encrypt(**key, Plaintext=b"a plaintext")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=ciphertext)
    plaintext = kms.generate_data_key(**key, KeySpec="AES_256")["Plaintext"]
    update(history, "hunter2")
    function = history.root.client("lambda").get_function_configuration(FunctionName=APP.function)
    assert function["Environment"]["Variables"]["METHODS"] == "hunter2"

    text = "".join(
        json.dumps(event, default=str) for region in (REGION, GLOBAL_REGION) for event in history.lookup(region)
    )

    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert history.session[name] not in text
    assert history.token not in text
    assert not [part for part in history.token.split(".") if part in text]
    for word in ("hunter2", "METHODS", "FAIL_MODE", "secretAccessKey", "sessionToken", "webIdentityToken", "laintext"):
        assert word not in text, word
    for secret in (ciphertext, plaintext, b"a plaintext"):
        assert str(secret) not in text
        assert base64.b64encode(secret).decode() not in text
