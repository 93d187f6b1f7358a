"""The provider, by resource type: what each operation leaves in AWS, as read from AWS."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from local_aws.errors import LocalAwsError
from local_aws.provider.core import RESOURCE_TYPES, Provider, ProviderError
from local_aws.provider.resource import Aws, Props
from local_aws.provider.wire import ARCHIVE, SIGNATURE

TAGS = {"Project": "incident-sandbox", "Stack": "test"}
OTHER_TAGS = {"Project": "incident-sandbox", "Owner": "sre"}


def policy(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def key_policy(sid: str) -> str:
    root = {"AWS": "arn:aws:iam::111122223333:root"}
    statement = {"Sid": sid, "Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bucket_policy(bucket: str, action: str) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def archive(text: str) -> Props:
    asset = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": text}
    return {SIGNATURE: ARCHIVE, "assets": {"main.py": asset}}


class Prerequisites:
    """Creates the resources that a resource under test depends on."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def create(self, token: str, inputs: Props) -> tuple[str, Props]:
        return self._provider.create(token, self._provider.check(token, inputs))

    def bucket(self) -> str:
        return self.create("aws:s3/bucket:Bucket", {"bucket": "under-test"})[0]

    def key(self, description: str = "under test") -> str:
        return self.create("aws:kms/key:Key", {"description": description, "policy": key_policy("a")})[0]

    def role(self, name: str = "prerequisite") -> Props:
        return self.create("aws:iam/role:Role", {"name": name, "assumeRolePolicy": trust("lambda.amazonaws.com")})[1]

    def rule(self) -> str:
        rule = {"name": "rule", "scheduleExpression": "rate(1 hour)"}
        return self.create("aws:cloudwatch/eventRule:EventRule", rule)[0]

    def policy(self, name: str) -> str:
        return self.create("aws:iam/policy:Policy", {"name": name, "policy": policy("s3:GetObject")})[0]

    def function(self) -> Props:
        return self.create("aws:lambda/function:Function", function_inputs(self))[1]

    def api(self) -> str:
        return self.create("aws:apigatewayv2/api:Api", {"name": "prerequisite", "protocolType": "HTTP"})[0]

    def integration(self, api: str) -> str:
        uri = self.function()["invokeArn"]
        return self.create(
            "aws:apigatewayv2/integration:Integration",
            {"apiId": api, "integrationType": "AWS_PROXY", "integrationUri": uri, "payloadFormatVersion": "2.0"},
        )[0]

    def log_group(self, name: str) -> str:
        return str(self.create("aws:cloudwatch/logGroup:LogGroup", {"name": name})[1]["arn"])


def function_inputs(prerequisites: Prerequisites) -> Props:
    return {
        "name": "under-test",
        "description": "first",
        "role": prerequisites.role()["arn"],
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": "main.handle",
        "code": archive("def handle(event, context): return 1"),
        "memorySize": 128,
        "timeout": 5,
        "environment": {"variables": {"FAIL_MODE": "false"}},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/under-test"},
        "tracingConfig": {"mode": "Active"},
        "tags": TAGS,
    }


def route_inputs(prerequisites: Prerequisites) -> Props:
    api = prerequisites.api()
    return {"apiId": api, "routeKey": "GET /", "target": f"integrations/{prerequisites.integration(api)}"}


def integration_inputs(prerequisites: Prerequisites) -> Props:
    return {
        "apiId": prerequisites.api(),
        "integrationType": "AWS_PROXY",
        "integrationUri": prerequisites.function()["invokeArn"],
        "payloadFormatVersion": "2.0",
    }


def stage_inputs(prerequisites: Prerequisites) -> Props:
    return {
        "apiId": prerequisites.api(),
        "name": "$default",
        "autoDeploy": True,
        "accessLogSettings": {
            "destinationArn": prerequisites.log_group("/access"),
            "format": '{"a": "$context.status"}',
        },
        "tags": TAGS,
    }


def encryption(prerequisites: Prerequisites) -> Props:
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": prerequisites.key()}
    rule = {
        "applyServerSideEncryptionByDefault": default,
        "bucketKeyEnabled": True,
        "blockedEncryptionTypes": ["SSE-C"],
    }
    return {"bucket": prerequisites.bucket(), "rules": [rule]}


def lifecycle(days: int) -> list[Props]:
    expiry = {"noncurrentDays": days}
    return [{"id": "old", "status": "Enabled", "filter": {"prefix": ""}, "noncurrentVersionExpiration": expiry}]


ALARM: Props = {
    "name": "under-test",
    "alarmDescription": "first",
    "namespace": "AWS/Lambda",
    "metricName": "Errors",
    "dimensions": {"FunctionName": "under-test"},
    "statistic": "Sum",
    "period": 60,
    "evaluationPeriods": 1,
    "comparisonOperator": "GreaterThanOrEqualToThreshold",
    "threshold": 1,
    "treatMissingData": "notBreaching",
    "tags": TAGS,
}


@dataclass
class Case:
    """The inputs of a type, the changes that AWS makes in place, and the changes that need a replacement."""

    inputs: Callable[[Prerequisites], Props]
    changes: list[Props] = field(default_factory=list)
    replacing: list[Props] = field(default_factory=list)


CASES: dict[str, Case] = {
    "aws:apigatewayv2/api:Api": Case(
        lambda _: {"name": "under-test", "description": "first", "protocolType": "HTTP", "tags": TAGS},
        [{"description": "second"}, {"name": "renamed"}, {"tags": OTHER_TAGS}],
        [{"protocolType": "WEBSOCKET"}],
    ),
    "aws:apigatewayv2/integration:Integration": Case(
        integration_inputs,
        [{"payloadFormatVersion": "1.0"}],
        [{"apiId": "other"}, {"integrationType": "HTTP_PROXY"}],
    ),
    "aws:apigatewayv2/route:Route": Case(route_inputs, [{"routeKey": "GET /other"}], [{"apiId": "other"}]),
    "aws:apigatewayv2/stage:Stage": Case(
        stage_inputs, [{"autoDeploy": False}, {"tags": OTHER_TAGS}], [{"apiId": "other"}, {"name": "blue"}]
    ),
    "aws:cloudwatch/eventRule:EventRule": Case(
        lambda _: {
            "name": "under-test",
            "description": "first",
            "scheduleExpression": "rate(1 hour)",
            "state": "ENABLED",
            "tags": TAGS,
        },
        [{"description": "second", "scheduleExpression": "rate(2 hours)"}, {"state": "DISABLED"}, {"tags": OTHER_TAGS}],
        [{"name": "other"}],
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Case(
        lambda prerequisites: {
            "rule": prerequisites.rule(),
            "targetId": "client",
            "arn": prerequisites.function()["arn"],
        },
        [{"arn": "arn:aws:lambda:eu-west-1:111122223333:function:other"}],
        [{"targetId": "other"}],
    ),
    "aws:cloudwatch/logGroup:LogGroup": Case(
        lambda _: {"name": "/under/test", "retentionInDays": 14, "tags": TAGS},
        [{"retentionInDays": 3}, {"tags": OTHER_TAGS}],
        [{"name": "/other"}],
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Case(
        lambda _: ALARM,
        [{"threshold": 2}, {"alarmDescription": "second"}, {"tags": OTHER_TAGS}],
        [{"name": "other"}],
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Case(
        lambda _: {"url": "https://token.example.com", "clientIdLists": ["sts.amazonaws.com"], "tags": TAGS},
        [],
        [{"url": "https://other.example.com"}, {"clientIdLists": ["other"]}, {"tags": OTHER_TAGS}],
    ),
    "aws:iam/policy:Policy": Case(
        lambda _: {
            "name": "under-test",
            "path": "/p/",
            "description": "d",
            "policy": policy("logs:PutLogEvents"),
            "tags": TAGS,
        },
        [{"policy": policy(f"xray:Put{number}")} for number in range(6)] + [{"tags": OTHER_TAGS}],
        [{"name": "other"}, {"path": "/q/"}, {"description": "e"}],
    ),
    "aws:iam/role:Role": Case(
        lambda _: {
            "name": "under-test",
            "path": "/p/",
            "description": "first",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "maxSessionDuration": 3600,
            "tags": TAGS,
        },
        [
            {"description": "second"},
            {"maxSessionDuration": 7200},
            {"assumeRolePolicy": trust("ec2.amazonaws.com")},
            {"tags": OTHER_TAGS},
        ],
        [{"name": "other"}, {"path": "/q/"}],
    ),
    "aws:iam/rolePolicy:RolePolicy": Case(
        lambda prerequisites: {
            "name": "inline",
            "role": prerequisites.role() and "prerequisite",
            "policy": policy("logs:PutLogEvents"),
        },
        [{"policy": policy("xray:PutTraceSegments")}],
        [{"name": "other"}, {"role": "other"}],
    ),
    "aws:kms/alias:Alias": Case(
        lambda prerequisites: {"name": "alias/under-test", "targetKeyId": prerequisites.key()},
        [],
        [{"name": "alias/other"}],
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Case(
        lambda prerequisites: {"role": prerequisites.role()["name"], "policyArn": prerequisites.policy("under-test")},
        [],
        [{"role": "other"}, {"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
    ),
    "aws:kms/key:Key": Case(
        lambda _: {
            "description": "first",
            "enableKeyRotation": True,
            "deletionWindowInDays": 30,
            "policy": key_policy("a"),
            "tags": TAGS,
        },
        [{"description": "second"}, {"enableKeyRotation": False}, {"policy": key_policy("b")}, {"tags": OTHER_TAGS}],
    ),
    "aws:lambda/function:Function": Case(
        function_inputs,
        [
            {"environment": {"variables": {"FAIL_MODE": "true"}}},
            {"code": archive("def handle(event, context): return 2")},
            {"memorySize": 256, "timeout": 7, "description": "second"},
            {"tracingConfig": {"mode": "PassThrough"}},
            {"tags": OTHER_TAGS},
        ],
        [{"name": "other"}],
    ),
    "aws:lambda/permission:Permission": Case(
        lambda prerequisites: {
            "statementId": "InvokeByHttpApi",
            "action": "lambda:InvokeFunction",
            "function": prerequisites.function()["name"],
            "principal": "apigateway.amazonaws.com",
            "sourceArn": "arn:aws:execute-api:eu-west-1:111122223333:abc/*/*",
        },
        [],
        [{"principal": "events.amazonaws.com"}, {"sourceArn": "arn:aws:execute-api:eu-west-1:111122223333:d/*/*"}],
    ),
    "aws:s3/bucket:Bucket": Case(
        lambda _: {"bucket": "under-test", "tags": TAGS}, [{"tags": OTHER_TAGS}, {"tags": {}}], [{"bucket": "other"}]
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Case(
        lambda prerequisites: {"bucket": prerequisites.bucket(), "rules": lifecycle(90)},
        [{"rules": lifecycle(30)}],
        [{"bucket": "other"}],
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Case(
        lambda prerequisites: {"bucket": prerequisites.bucket(), "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        [{"rule": {"objectOwnership": "BucketOwnerPreferred"}}],
        [{"bucket": "other"}],
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Case(
        lambda prerequisites: {"bucket": prerequisites.bucket(), "policy": bucket_policy("under-test", "s3:GetObject")},
        [{"policy": bucket_policy("under-test", "s3:PutObject")}],
        [{"bucket": "other"}],
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Case(
        lambda prerequisites: {
            "bucket": prerequisites.bucket(),
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
        [{"ignorePublicAcls": False}],
        [{"bucket": "other"}],
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Case(
        encryption,
        [{"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}, "bucketKeyEnabled": False}]}],
        [{"bucket": "other"}],
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Case(
        lambda prerequisites: {"bucket": prerequisites.bucket(), "versioningConfiguration": {"status": "Enabled"}},
        [{"versioningConfiguration": {"status": "Suspended"}}],
        [{"bucket": "other"}],
    ),
}


# Versioning can only be suspended, and S3 always encrypts, with its own key by default.
ALWAYS_PRESENT = {
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
}


def test_every_resource_type_has_a_case() -> None:
    assert CASES.keys() == RESOURCE_TYPES.keys()


@pytest.mark.parametrize("token", CASES)
def test_create_read_update_replace_delete(token: str, provider: Provider) -> None:
    case = CASES[token]
    inputs = provider.check(token, case.inputs(Prerequisites(provider)))

    id, state = provider.create(token, inputs)
    assert provider.diff(token, state, inputs).changed == frozenset()
    assert_aws_has(provider, token, id, state, inputs)

    for change in case.changes:
        inputs = provider.check(token, {**inputs, **change})
        diff = provider.diff(token, state, inputs)
        assert diff.changed, change
        assert not diff.replaces, change
        state = provider.update(token, id, state, inputs)
        assert provider.diff(token, state, inputs).changed == frozenset(), change
        assert_aws_has(provider, token, id, state, inputs)

    for change in case.replacing:
        assert provider.diff(token, state, {**inputs, **change}).replaces == frozenset(change), change

    provider.delete(token, id, state)
    if token not in ALWAYS_PRESENT:
        assert provider.read(token, id, state) is None
    provider.delete(token, id, state)  # a second delete is no error


def assert_aws_has(provider: Provider, token: str, id: str, state: Props, inputs: Props) -> None:
    """Assert that the resource in AWS matches its inputs and its state."""
    actual = provider.read(token, id, state)
    assert actual is not None
    assert provider.diff(token, actual, inputs).changed == frozenset()
    assert actual == {**state, **{key: actual[key] for key in RESOURCE_TYPES[token].documents if key in actual}}


def test_a_read_detects_drift(provider: Provider) -> None:
    token = "aws:cloudwatch/logGroup:LogGroup"
    inputs = {"name": "/under/test", "retentionInDays": 14}
    id, state = provider.create(token, inputs)

    provider.update(token, id, state, {"name": "/under/test", "retentionInDays": 3})
    actual = provider.read(token, id, state)

    assert actual is not None
    assert provider.diff(token, actual, inputs).changed == {"retentionInDays"}


def test_a_create_that_fails_halfway_is_undone(provider: Provider) -> None:
    """CreateLogGroup succeeds and PutRetentionPolicy fails: no log group may remain outside every state."""
    token = "aws:cloudwatch/logGroup:LogGroup"

    with pytest.raises(ProviderError, match="PutRetentionPolicy"):
        provider.create(token, {"name": "/under/test", "retentionInDays": 15})

    assert provider.read(token, "/under/test", {}) is None


def test_a_variable_added_by_hand_is_drift(provider: Provider, aws: Aws) -> None:
    token = "aws:lambda/function:Function"
    inputs = provider.check(token, function_inputs(Prerequisites(provider)))
    id, state = provider.create(token, inputs)
    variables = {"FAIL_MODE": "false", "EXTRA": "1"}
    aws.client("lambda").update_function_configuration(FunctionName=id, Environment={"Variables": variables})

    actual = provider.read(token, id, state)

    assert actual is not None
    assert provider.diff(token, actual, inputs).changed == {"environment"}


def test_a_key_scheduled_for_deletion_is_absent(provider: Provider) -> None:
    token = "aws:kms/key:Key"
    id, state = provider.create(token, {"description": "d", "policy": key_policy("a"), "deletionWindowInDays": 7})

    provider.delete(token, id, state)

    assert provider.read(token, id, state) is None


def test_an_unknown_type_property_or_function_is_named(provider: Provider) -> None:
    with pytest.raises(ProviderError, match="aws:sns/topic:Topic: the local provider has no such resource type"):
        provider.check("aws:sns/topic:Topic", {})
    with pytest.raises(ProviderError, match="does not know the property 'kmsKeyId'"):
        provider.check("aws:cloudwatch/logGroup:LogGroup", {"name": "/x", "kmsKeyId": "k"})
    with pytest.raises(ProviderError, match="getAvailabilityZones: the local provider has no such function"):
        provider.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {})


def test_an_error_of_aws_is_one_line(provider: Provider) -> None:
    with pytest.raises(ProviderError) as error:
        provider.create("aws:iam/rolePolicy:RolePolicy", {"name": "p", "role": "none", "policy": policy("s3:Get")})

    assert "create aws:iam/rolePolicy:RolePolicy" in str(error.value)
    assert "NoSuchEntity" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["https://lambda.eu-west-1.amazonaws.com", "http://10.0.0.1:4566", "http://localhost.x", ""]
)
def test_only_endpoints_on_this_machine_are_accepted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)

    with pytest.raises(LocalAwsError, match="AWS_ENDPOINT_URL"):
        Aws("eu-west-1")
