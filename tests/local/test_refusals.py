"""Every attempt on the account is refused by the emulator's IAM, and changes nothing."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra import names
from infra.aws_context import AwsContext
from infra.policies import execution, trust
from infra.policies.document import document
from local_aws.emulator.process import Emulator
from local_aws.provider.resource import Aws
from local_aws.rehearsal import denied_calls, github
from local_aws.rehearsal.denied_calls import Account, DeniedCall
from tests.local.conftest import REGION, load, replace_policy, reset
from tests.support.deploying import app_over_bootstrap
from tests.support.permissions import without

APP = names.AppNames("app")
JOBS = github.Jobs("repo:octo-org/octo-repo", "sandbox")
WHERE = AwsContext("aws", "111122223333", REGION)
NOT_THERE = "ResourceNotFoundException"
SERVICES = ("apigatewayv2", "cloudwatch", "iam", "kms", "lambda", "logs", "s3", "sts")


def an_account(other_api: str = "", key_arn: str = "") -> Account:
    return Account(
        context=WHERE,
        bucket=names.state_bucket(WHERE.account, WHERE.region),
        key_arn=key_arn or WHERE.arn("kms", "key/unknown"),
        deploy_role_arn=WHERE.iam_arn(f"role{names.CI_ROLE_PATH}{names.DEPLOY_ROLE}"),
        preview_role_arn=WHERE.iam_arn(f"role{names.CI_ROLE_PATH}{names.PREVIEW_ROLE}"),
        jobs=JOBS,
        app=APP,
        other_api=other_api,
    )


class Sandboxed(NamedTuple):
    """An account with bootstrap, a healthy app, and another team's things; clients by who they are."""

    account: Account
    root: Aws
    sessions: dict[str, Aws]
    as_made: dict[str, Any]


@pytest.fixture(scope="module")
def sandboxed(started: Emulator, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandboxed]:
    """Made once: what these tests are about is that it stays as it is."""
    reset(started)
    opened: list[Aws] = []

    def session(credentials: Mapping[str, str]) -> Aws:
        with pytest.MonkeyPatch.context() as environment:
            load(environment, {**started.environment(), **credentials})
            opened.append(Aws())
            for service in SERVICES:
                opened[-1].client(service)
        return opened[-1]

    administrator = session({})
    with pytest.MonkeyPatch.context() as environment:
        load(environment, started.environment())
        app, _, _ = app_over_bootstrap(root, administrator, tmp_path_factory.mktemp("state"))
        app.up()
    key = administrator.client("kms").describe_key(KeyId=names.STATE_KEY_ALIAS)["KeyMetadata"]["Arn"]
    account = an_account(another_teams(administrator), key)
    in_function = credentials_in_function(administrator)
    sessions = {
        "deploy role": session(github.session(administrator, account.deploy_role_arn, github.token(JOBS.deployment))),
        "preview role": session(
            github.session(administrator, account.preview_role_arn, github.token(JOBS.pull_request))
        ),
        "function": session(in_function),
        "a token": administrator,
    }
    try:
        as_made = {service: picture(administrator, account) for service, picture in PICTURES.items()}
        yield Sandboxed(account, administrator, sessions, as_made)
    finally:
        for aws in opened:
            aws.close()


def another_teams(root: Aws) -> str:
    """What another team has in the account; returns its API's id."""
    root.client("iam").create_role(RoleName="billing", AssumeRolePolicyDocument=trust.by_lambda())
    root.client("lambda").create_function(
        FunctionName="billing",
        Runtime="python3.13",
        Handler="main.handler",
        Role=WHERE.iam_arn("role/billing"),
        Code={"ZipFile": package("def handler(event, context): ...")},
    )
    root.client("logs").create_log_group(logGroupName="/aws/lambda/billing")
    root.client("cloudwatch").put_metric_alarm(
        AlarmName="billing-errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    gateway = root.client("apigatewayv2")
    api = str(gateway.create_api(Name="billing", ProtocolType="HTTP", Tags={"Project": "billing"})["ApiId"])
    gateway.create_stage(ApiId=api, StageName="$default", Tags={"Project": "billing"})
    return api


def credentials_in_function(root: Aws) -> dict[str, str]:
    """What code in a function with the app's execution role finds in its environment."""
    code = f"import os\ndef handler(event, context): return {{name: os.environ[name] for name in {github.CREDENTIALS}}}"
    client, probe = root.client("lambda"), names.AppNames("probe").function
    client.create_function(
        FunctionName=probe,
        Runtime="python3.13",
        Handler="main.handler",
        Role=WHERE.iam_arn(f"role{names.APP_ROLE_PATH}{APP.execution_role}"),
        Code={"ZipFile": package(code)},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=probe, WaiterConfig={"Delay": 1})
    found: dict[str, str] = json.loads(client.invoke(FunctionName=probe)["Payload"].read())
    assert set(found) == set(github.CREDENTIALS), found
    return found


def package(code: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", code)
    return file.getvalue()


def _bucket(aws: Aws, account: Account) -> list[Any]:
    s3, bucket = aws.client("s3"), {"Bucket": account.bucket}
    objects = s3.list_object_versions(**bucket)
    return [
        s3.get_bucket_policy(**bucket)["Policy"],
        s3.get_bucket_versioning(**bucket)["Status"],
        s3.get_bucket_lifecycle_configuration(**bucket)["Rules"],
        s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"],
        s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"],
        s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"],
        s3.get_bucket_tagging(**bucket)["TagSet"],
        [(one["Key"], one["VersionId"], one["ETag"]) for one in objects["Versions"]],
        [(one["Key"], one["VersionId"]) for one in objects.get("DeleteMarkers", [])],
    ]


def _key(aws: Aws, account: Account) -> list[Any]:
    kms, key = aws.client("kms"), {"KeyId": account.key_arn}
    return [
        kms.describe_key(**key)["KeyMetadata"],
        kms.get_key_policy(**key)["Policy"],
        kms.get_key_rotation_status(**key)["KeyRotationEnabled"],
        kms.list_grants(**key)["Grants"],
        kms.list_aliases()["Aliases"],
        kms.list_keys()["Keys"],
    ]


def _identity(aws: Aws, account: Account) -> list[Any]:
    iam = aws.client("iam")
    found = [iam.list_users()["Users"]]
    for role in iam.list_roles()["Roles"]:
        name = {"RoleName": role["RoleName"]}
        found += [iam.get_role(**name)["Role"], iam.list_attached_role_policies(**name)["AttachedPolicies"]]
        for policy in iam.list_role_policies(**name)["PolicyNames"]:
            found.append(iam.get_role_policy(**name, PolicyName=policy)["PolicyDocument"])
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        found.append([policy, iam.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]])
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        trusted = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
        found.append([provider, trusted["ClientIDList"], trusted["ThumbprintList"]])
    return found


def _functions(aws: Aws, account: Account) -> list[Any]:
    functions = aws.client("lambda").list_functions()["Functions"]
    return [functions, json.loads(aws.client("lambda").get_policy(FunctionName=APP.function)["Policy"])]


def _apis(aws: Aws, account: Account) -> list[Any]:
    gateway = aws.client("apigatewayv2")
    apis = gateway.get_apis()["Items"]
    parts = [
        [
            read(ApiId=api["ApiId"])["Items"]
            for read in (gateway.get_stages, gateway.get_integrations, gateway.get_routes)
        ]
        for api in apis
    ]
    return [apis, parts]


def _logs(aws: Aws, account: Account) -> list[Any]:
    """Groups without their sizes: the functions write into them."""
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    return [(one["logGroupName"], one.get("retentionInDays")) for one in groups]


def _alarms(aws: Aws, account: Account) -> list[Any]:
    """Alarms as they were put, without the states that they are in."""
    return [
        {key: value for key, value in alarm.items() if not key.startswith("State")}
        for alarm in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    ]


PICTURES: dict[str, Callable[[Aws, Account], list[Any]]] = {
    "s3": _bucket,
    "kms": _key,
    "iam": _identity,
    "sts": _identity,
    "lambda": _functions,
    "apigatewayv2": _apis,
    "logs": _logs,
    "cloudwatch": _alarms,
}

# Their order and names are the same whatever the account's ids.
TRIED = [*denied_calls.of_ci(an_account()), *denied_calls.of_function(an_account())]


def tell(request: pytest.FixtureRequest, attempt: DeniedCall, answer: str) -> None:
    """For the table at the end of the run."""
    request.node.user_properties.append(("attempt", (attempt.caller, attempt.title, answer in denied_calls.REFUSALS)))


def refuse(request: pytest.FixtureRequest, sandboxed: Sandboxed, attempt: DeniedCall, aws: Aws | None = None) -> None:
    answer = attempt.result(aws or sandboxed.sessions[attempt.caller])

    tell(request, attempt, answer)
    assert answer in denied_calls.REFUSALS
    now = PICTURES[attempt.service](sandboxed.root, sandboxed.account)
    assert now == sandboxed.as_made[attempt.service]


@pytest.mark.parametrize("number", range(len(TRIED)), ids=[f"{one.caller}: {one.title}" for one in TRIED])
def test_an_attempt_is_refused_and_changes_nothing(
    number: int, sandboxed: Sandboxed, request: pytest.FixtureRequest
) -> None:
    all_of_them = [*denied_calls.of_ci(sandboxed.account), *denied_calls.of_function(sandboxed.account)]

    refuse(request, sandboxed, all_of_them[number])


def test_state_is_not_read_or_written_over_plain_http(sandboxed: Sandboxed, request: pytest.FixtureRequest) -> None:
    """The emulator is served over TLS alone, and takes a proxy's word for what came before."""

    def in_clear(request: Any, **_: Any) -> None:
        request.headers["X-Forwarded-Proto"] = "http"

    state = {"Bucket": sandboxed.account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{APP.stack}.json"}
    for by in ("deploy role", "preview role"):
        events = sandboxed.sessions[by].client("s3").meta.events
        read = DeniedCall(by, "read state over plain HTTP", "s3", "get_object", state)
        assert read.result(sandboxed.sessions[by]) == "allowed"
        events.register("before-sign.s3", in_clear)
        try:
            refuse(request, sandboxed, read)
            if by == "deploy role":
                write = DeniedCall(by, "write state over plain HTTP", "s3", "put_object", {**state, "Body": b"{}"})
                refuse(request, sandboxed, write)
        finally:
            events.unregister("before-sign.s3", in_clear)


@pytest.mark.parametrize("role", ["deploy", "preview"])
def test_state_is_not_read_without_the_key(role: str, sandboxed: Sandboxed, request: pytest.FixtureRequest) -> None:
    name = {"deploy": names.DEPLOY_ROLE, "preview": names.PREVIEW_ROLE}[role]
    by: denied_calls.Caller = "deploy role" if role == "deploy" else "preview role"
    state = {"Bucket": sandboxed.account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{APP.stack}.json"}

    policy = replace_policy(sandboxed.root, name, "state", lambda document: without(document, "DecryptState"))
    try:
        refuse(request, sandboxed, DeniedCall(by, "read state without the key", "s3", "get_object", state))
    finally:
        replace_policy(sandboxed.root, name, "state", lambda _: policy)


def test_where_github_s_new_form_of_subject_is_configured_the_old_one_is_refused(
    sandboxed: Sandboxed, request: pytest.FixtureRequest
) -> None:
    account, iam = sandboxed.account, sandboxed.root.client("iam")
    new = github.Jobs("repo:octo-org@123/octo-repo@456", "sandbox")
    provider = WHERE.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}")
    before = iam.get_role(RoleName=names.DEPLOY_ROLE)["Role"]["AssumeRolePolicyDocument"]

    iam.update_assume_role_policy(RoleName=names.DEPLOY_ROLE, PolicyDocument=trust.by_github(provider, new.deployment))
    try:
        assert github.session(sandboxed.root, account.deploy_role_arn, github.token(new.deployment))
        other_ids = github.Jobs("repo:octo-org@9/octo-repo@456", "sandbox")
        for jobs in (JOBS, other_ids):
            attempt = DeniedCall(
                "a token",
                f"of {jobs.prefix}, where {new.prefix} is trusted",
                "sts",
                "assume_role_with_web_identity",
                {
                    "RoleArn": account.deploy_role_arn,
                    "RoleSessionName": "attempt",
                    "WebIdentityToken": github.token(jobs.deployment),
                },
            )
            answer = attempt.result(sandboxed.root)
            tell(request, attempt, answer)
            assert answer in denied_calls.REFUSALS
    finally:
        iam.update_assume_role_policy(RoleName=names.DEPLOY_ROLE, PolicyDocument=json.dumps(before))


def test_ci_owns_every_app_stack(sandboxed: Sandboxed) -> None:
    """One stack's resources are not kept from another's updates: it is the same role."""
    blue, probe = names.AppNames("blue"), names.AppNames("probe")

    for attempt, answer in (
        (DeniedCall("deploy role", "", "lambda", "get_function", {"FunctionName": probe.function}), "allowed"),
        (DeniedCall("deploy role", "", "logs", "delete_log_group", {"logGroupName": blue.log_group}), NOT_THERE),
        (DeniedCall("deploy role", "", "lambda", "delete_function", {"FunctionName": blue.function}), NOT_THERE),
        (DeniedCall("deploy role", "", "cloudwatch", "delete_alarms", {"AlarmNames": [blue.errors_alarm]}), "allowed"),
    ):
        assert attempt.result(sandboxed.sessions["deploy role"]) == answer, attempt


def test_the_function_writes_its_own_log(sandboxed: Sandboxed) -> None:
    logs, stream = sandboxed.sessions["function"].client("logs"), {"logStreamName": "of-the-test"}
    own = {"logGroupName": APP.log_group, **stream}

    logs.create_log_stream(**own)
    logs.put_log_events(**own, logEvents=[{"timestamp": 1, "message": "m"}])

    root = sandboxed.root.client("logs")
    assert [one["message"] for one in root.get_log_events(**own, startFromHead=True)["events"]] == ["m"]


def test_a_role_that_trusts_others_than_lambda_can_be_made_and_can_do_nothing(
    sandboxed: Sandboxed, started: Emulator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IAM has no condition on the trust that a role is made with. What such a role is good for is the boundary's."""
    deploy, account = sandboxed.sessions["deploy role"], sandboxed.account
    role = {"RoleName": names.AppNames("evil").execution_role}
    others = {"Effect": "Allow", "Principal": {"AWS": WHERE.iam_arn("root")}, "Action": "sts:AssumeRole"}
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam = deploy.client("iam")
    iam.create_role(
        **role,
        Path=names.APP_ROLE_PATH,
        PermissionsBoundary=execution.boundary_arn(WHERE),
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": others}),
    )
    iam.put_role_policy(**role, PolicyName="all", PolicyDocument=everything)
    try:
        arn = iam.get_role(**role)["Role"]["Arn"]
        assumed = sandboxed.root.client("sts").assume_role(RoleArn=arn, RoleSessionName="attempt")
        load(monkeypatch, {**started.environment(), **github.environment(assumed)})
        evil = Aws()
        own_log = {"logGroupName": APP.log_group, "logStreamName": "evil"}
        tried = [
            *(dataclasses.replace(one, caller="role created by CI") for one in denied_calls.of_function(account)),
            DeniedCall("role created by CI", "write the function's log", "logs", "create_log_stream", own_log),
        ]
        answers = [attempt.result(evil) for attempt in tried]
        evil.close()
    finally:
        iam.delete_role_policy(**role, PolicyName="all")
        iam.delete_role(**role)
    for attempt, answer in zip(tried, answers, strict=True):
        tell(request, attempt, answer)
    assert set(answers) <= denied_calls.REFUSALS
