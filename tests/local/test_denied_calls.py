"""Calls that CI's roles, the observer and the function must be denied: IAM denies each, and nothing changes."""

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
from ops.stacks.backend import Backend
from tests.local.conftest import REGION, load, replace_policy, reset
from tests.support import attack_chains, attacks
from tests.support.deploying import app_over_bootstrap
from tests.support.permissions import without

APP = names.AppNames("app")
JOBS = github.Jobs("repo:octo-org/octo-repo", "production")
CONTEXT = AwsContext("aws", "111122223333", REGION)
NOT_FOUND = "ResourceNotFoundException"
PERSON = "casey"
SERVICES = (
    "apigateway", "apigatewayv2", "cloudformation", "cloudtrail", "cloudwatch", "devops-agent", "dynamodb", "events",
    "iam", "kms", "lambda", "logs", "resourcegroupstaggingapi", "s3", "secretsmanager", "ssm", "sts",
)  # fmt: skip


def make_account(other_api: str = "", key_arn: str = "", token_secret: str = "") -> Account:
    return Account(
        context=CONTEXT,
        bucket=names.state_bucket(CONTEXT.account, CONTEXT.region),
        key_arn=key_arn or CONTEXT.arn("kms", "key/unknown"),
        deploy_role_arn=CONTEXT.iam_arn(f"role{names.CI_ROLE_PATH}{names.DEPLOY_ROLE}"),
        preview_role_arn=CONTEXT.iam_arn(f"role{names.CI_ROLE_PATH}{names.PREVIEW_ROLE}"),
        jobs=JOBS,
        app=APP,
        other_api=other_api,
        token_secret=token_secret,
    )


class Target(NamedTuple):
    """An account with bootstrap, a healthy app and another team's resources; clients by caller; initial snapshots; the
    environment of a shell with the operator's credentials; the backend's URL; a text under another team's key."""

    account: Account
    administrator: Aws
    sessions: dict[str, Aws]
    initial: dict[str, Any]
    operator: dict[str, str]
    backend: str
    foreign: bytes


@pytest.fixture(scope="module")
def target(started: Emulator, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One account for all these tests, which must leave it unchanged."""
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
        folder, person = tmp_path_factory.mktemp("state"), create_person(administrator)
        people = {"operatorPrincipals": CONTEXT.iam_arn(f"user/{PERSON}")}
        app, _, backend_url = app_over_bootstrap(root, administrator, folder, **people)
        app.up()
    key = administrator.client("kms").describe_key(KeyId=names.STATE_KEY_ALIAS)["KeyMetadata"]["Arn"]
    account = make_account(create_other_team(administrator), key, started.token_secret)
    theirs = administrator.client("kms").create_key()["KeyMetadata"]["KeyId"]
    foreign = administrator.client("kms").encrypt(KeyId=theirs, Plaintext=b"x")["CiphertextBlob"]
    in_function = credentials_in_function(administrator, "probe", APP.execution_role)
    in_client = credentials_in_function(administrator, "probe-client", APP.client_role)
    deployment, pull_request = (
        github.token(subject, started.token_secret) for subject in (JOBS.deployment, JOBS.pull_request)
    )
    operator = person_session(session(person), names.OPERATOR_ROLE)
    sessions = {
        "deploy role": session(github.session(administrator, account.deploy_role_arn, deployment)),
        "preview role": session(github.session(administrator, account.preview_role_arn, pull_request)),
        "operator": session(operator),
        "observer": session(person_session(session(person), names.OBSERVER_ROLE)),
        "function": session(in_function),
        "client": session(in_client),
        "a token": administrator,
    }
    try:
        initial = {service: snapshot(administrator, account) for service, snapshot in SNAPSHOTS.items()}
        yield Target(
            account, administrator, sessions, initial, {**started.environment(), **operator}, backend_url, foreign
        )
    finally:
        for aws in opened:
            aws.close()


def create_person(aws: Aws) -> dict[str, str]:
    """Create a person who may assume roles; return the environment of their key."""
    iam = aws.client("iam")
    iam.create_user(UserName=PERSON)
    # AWS asks for no such right where a role of the same account trusts the person by name; the emulator does.
    may = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    iam.put_user_policy(UserName=PERSON, PolicyName="roles", PolicyDocument=may)
    key = iam.create_access_key(UserName=PERSON)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def person_session(person: Aws, role: str) -> dict[str, str]:
    arn = CONTEXT.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{role}")
    return github.environment(person.client("sts").assume_role(RoleArn=arn, RoleSessionName="test"))


def create_other_team(aws: Aws) -> str:
    """Create resources of another team in the account; return the id of its API."""
    aws.client("iam").create_role(RoleName="billing", AssumeRolePolicyDocument=trust.by_lambda())
    aws.client("lambda").create_function(
        FunctionName="billing",
        Runtime="python3.13",
        Handler="main.handler",
        Role=CONTEXT.iam_arn("role/billing"),
        Code={"ZipFile": package("def handler(event, context): ...")},
    )
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/billing")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="billing-errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    gateway = aws.client("apigatewayv2")
    api = str(gateway.create_api(Name="billing", ProtocolType="HTTP", Tags={"Project": "billing"})["ApiId"])
    gateway.create_stage(ApiId=api, StageName="$default", Tags={"Project": "billing"})
    return api


def credentials_in_function(aws: Aws, stack: str, role: str) -> dict[str, str]:
    """Return the credentials in the environment of a new function with one of the app's roles."""
    code = f"import os\ndef handler(event, context): return {{name: os.environ[name] for name in {github.CREDENTIALS}}}"
    client, probe = aws.client("lambda"), names.AppNames(stack).function
    client.create_function(
        FunctionName=probe,
        Runtime="python3.13",
        Handler="main.handler",
        Role=CONTEXT.iam_arn(f"role{names.APP_ROLE_PATH}{role}"),
        Code={"ZipFile": package(code)},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=probe, WaiterConfig={"Delay": 1})
    credentials: dict[str, str] = json.loads(client.invoke(FunctionName=probe)["Payload"].read())
    assert set(credentials) == set(github.CREDENTIALS), credentials
    return credentials


def package(code: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", code)
    return file.getvalue()


def _bucket(aws: Aws, account: Account) -> list[Any]:
    s3 = aws.client("s3")
    bucket: dict[str, Any] = {"Bucket": account.bucket}
    objects = s3.list_object_versions(**bucket)
    return [
        s3.get_bucket_policy(**bucket)["Policy"],
        s3.get_bucket_versioning(**bucket)["Status"],
        s3.get_bucket_lifecycle_configuration(**bucket)["Rules"],
        s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"],
        s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"],
        s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"],
        s3.get_bucket_tagging(**bucket)["TagSet"],
        [(version["Key"], version["VersionId"], version["ETag"]) for version in objects["Versions"]],
        [(marker["Key"], marker["VersionId"]) for marker in objects.get("DeleteMarkers", [])],
    ]


def _key(aws: Aws, account: Account) -> list[Any]:
    kms = aws.client("kms")
    key: dict[str, Any] = {"KeyId": account.key_arn}
    return [
        kms.describe_key(**key)["KeyMetadata"],
        kms.get_key_policy(**key)["Policy"],
        kms.get_key_rotation_status(**key)["KeyRotationEnabled"],
        kms.list_grants(**key)["Grants"],
        kms.list_aliases()["Aliases"],
        kms.list_keys()["Keys"],
    ]


def _identity(aws: Aws, account: Account) -> list[Any]:
    """Return users, roles and policies with all their documents, which are in one answer, and what that leaves out: the
    roles' descriptions, durations and boundaries, and the providers."""
    iam = aws.client("iam")
    details = iam.get_account_authorization_details(Filter=["User", "Role", "LocalManagedPolicy"])
    resources = [details["UserDetailList"], details["RoleDetailList"], details["Policies"]]
    resources += [iam.get_role(RoleName=role["RoleName"])["Role"] for role in details["RoleDetailList"]]
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        trusted = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
        resources.append([provider, trusted["ClientIDList"], trusted["ThumbprintList"]])
    return resources


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
    """Return the log groups without their sizes, which change because the functions write logs."""
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    return [(group["logGroupName"], group.get("retentionInDays")) for group in groups]


def _alarms(aws: Aws, account: Account) -> list[Any]:
    """Return the alarms without their current states."""
    return [
        {key: value for key, value in alarm.items() if not key.startswith("State")}
        for alarm in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    ]


def _schedules(aws: Aws, account: Account) -> list[Any]:
    events = aws.client("events")
    return [events.list_rules()["Rules"], events.list_targets_by_rule(Rule=APP.schedule)["Targets"]]


def _tasks(aws: Aws, account: Account) -> list[Any]:
    return list(aws.client("devops-agent").list_backlog_tasks(agentSpaceId="space-1")["tasks"])


SNAPSHOTS: dict[str, Callable[[Aws, Account], list[Any]]] = {
    "s3": _bucket,
    "kms": _key,
    "iam": _identity,
    "sts": _identity,
    "lambda": _functions,
    "apigatewayv2": _apis,
    "logs": _logs,
    "cloudwatch": _alarms,
    "events": _schedules,
    "devops-agent": _tasks,
}

# The order and the names do not depend on the account's ids.


def every_call(account: Account) -> list[DeniedCall]:
    return [
        *denied_calls.of_ci(account),
        *denied_calls.of_observer(account),
        *denied_calls.of_function(account),
        *attacks.calls(account),
    ]


DENIED_CALLS = every_call(make_account())


def record(request: pytest.FixtureRequest, call: DeniedCall, response: str) -> None:
    """Record a call for the table at the end of the run."""
    request.node.user_properties.append(("denied call", (call.caller, call.title, response in denied_calls.REFUSALS)))


def assert_denied(request: pytest.FixtureRequest, target: Target, call: DeniedCall) -> None:
    """Make a call; it must be denied and change nothing."""
    response = call.result(target.sessions[call.caller])

    record(request, call, response)
    assert response in denied_calls.REFUSALS
    if call.service in SNAPSHOTS:  # the app uses no others, and has nothing there
        after = SNAPSHOTS[call.service](target.administrator, target.account)
        assert after == target.initial[call.service]


@pytest.mark.parametrize(
    "number", range(len(DENIED_CALLS)), ids=[f"{call.caller}: {call.title}" for call in DENIED_CALLS]
)
def test_the_call_is_denied_and_changes_nothing(number: int, target: Target, request: pytest.FixtureRequest) -> None:
    assert_denied(request, target, every_call(target.account)[number])


CHAINS = attack_chains.chains(make_account())


@pytest.mark.parametrize(
    "number", range(len(CHAINS)), ids=[f"{chain.caller}: {chain.title}".replace("::", ":") for chain in CHAINS]
)
def test_the_chain_ends_refused_or_is_found(
    number: int, target: Target, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = attack_chains.chains(target.account)[number]
    expected = [call.response for call in chain.calls]

    responses = []
    try:
        for _, service, operation, parameters in chain.calls:
            call = DeniedCall(chain.caller, chain.title, service, operation, parameters)
            response = call.result(target.sessions[chain.caller])
            responses.append("denied" if response in denied_calls.REFUSALS else response)
        assert responses == expected
        end = "refused"
        if chain.finds:
            load(monkeypatch, target.operator)
            end = f"found by {chain.finds(Backend(target.backend))}"
    finally:
        chain.undo(target.administrator)

    assert_unchanged(target)
    outcome = (chain.caller, chain.title, expected.count("allowed"), expected.count("denied"), end)
    request.node.user_properties.append(("chain", outcome))


def assert_unchanged(target: Target) -> None:
    after = {service: snapshot(target.administrator, target.account) for service, snapshot in SNAPSHOTS.items()}
    assert after == target.initial


def test_at_least_300_calls_and_10_chains_are_tried(record_property: Callable[[str, Any], None]) -> None:
    calls = {attacks.identity(call) for call in DENIED_CALLS}
    callers = {call.caller for call in DENIED_CALLS}

    in_rehearsal, in_chains = len(denied_calls.of_ci(make_account())), sum(len(chain.calls) for chain in CHAINS)
    found = sum(chain.finds is not None for chain in CHAINS)
    lines = [
        f"calls: {len(calls)} different ones, all to be refused; a rehearsal makes {in_rehearsal} of them",
        f"chains: {len(CHAINS)}, of {in_chains} calls; {found} end found, {len(CHAINS) - found} refused",
    ]
    record_property("section", ("what attackers try", lines))
    assert len(calls) == len(DENIED_CALLS) >= 300
    assert len({chain.title for chain in CHAINS}) == len(CHAINS) >= 10
    assert min(len(chain.calls) for chain in CHAINS) >= 2
    assert all(chain.finds or chain.calls[-1].response == "denied" for chain in CHAINS)
    assert callers == {"a token", "deploy role", "preview role", "operator", "observer", "function", "client"}
    assert {chain.caller for chain in CHAINS} == callers - {"a token"}


def test_the_operator_is_denied_what_the_deploy_role_is(target: Target, request: pytest.FixtureRequest) -> None:
    """The two roles have the same policies."""
    calls = [
        dataclasses.replace(call, caller="operator")
        for call in every_call(target.account)
        if call.caller == "deploy role"
    ]

    responses = [call.result(target.sessions["operator"]) for call in calls]

    for call, response in zip(calls, responses, strict=True):
        record(request, call, response)
    assert set(responses) <= denied_calls.REFUSALS
    assert_unchanged(target)


def test_state_cannot_be_read_or_written_over_plain_http(target: Target, request: pytest.FixtureRequest) -> None:
    """The emulator accepts only TLS, so a proxy's header says that the client used HTTP."""

    def over_http(request: Any, **_: Any) -> None:
        request.headers["X-Forwarded-Proto"] = "http"

    state = {"Bucket": target.account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{APP.stack}.json"}
    for by in ("deploy role", "preview role"):
        events = target.sessions[by].client("s3").meta.events
        read = DeniedCall(by, "read state over plain HTTP", "s3", "get_object", state)
        assert read.result(target.sessions[by]) == "allowed"
        events.register("before-sign.s3", over_http)
        try:
            assert_denied(request, target, read)
            if by == "deploy role":
                write = DeniedCall(by, "write state over plain HTTP", "s3", "put_object", {**state, "Body": b"{}"})
                assert_denied(request, target, write)
        finally:
            events.unregister("before-sign.s3", over_http)


@pytest.mark.parametrize("role", ["deploy", "preview"])
def test_state_cannot_be_read_without_the_key(role: str, target: Target, request: pytest.FixtureRequest) -> None:
    name = {"deploy": names.DEPLOY_ROLE, "preview": names.PREVIEW_ROLE}[role]
    by: denied_calls.Caller = "deploy role" if role == "deploy" else "preview role"
    state = {"Bucket": target.account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{APP.stack}.json"}

    policy = replace_policy(target.administrator, name, "state", lambda document: without(document, "DecryptState"))
    try:
        assert_denied(request, target, DeniedCall(by, "read state without the key", "s3", "get_object", state))
    finally:
        replace_policy(target.administrator, name, "state", lambda _: policy)


@pytest.mark.parametrize("caller", ["deploy role", "preview role"])
def test_another_teams_text_cannot_be_decrypted_by_naming_the_states_key(
    caller: denied_calls.Caller, target: Target, request: pytest.FixtureRequest
) -> None:
    parameters = {"KeyId": target.account.key_arn, "CiphertextBlob": target.foreign}

    assert_denied(request, target, DeniedCall(caller, "decrypt another team's text", "kms", "decrypt", parameters))


def test_a_role_that_trusts_githubs_new_form_of_subject_denies_the_old_form(
    target: Target, request: pytest.FixtureRequest
) -> None:
    account, iam = target.account, target.administrator.client("iam")
    new = github.Jobs("repo:octo-org@123/octo-repo@456", "production")
    provider = CONTEXT.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}")
    before = iam.get_role(RoleName=names.DEPLOY_ROLE)["Role"]["AssumeRolePolicyDocument"]

    iam.update_assume_role_policy(RoleName=names.DEPLOY_ROLE, PolicyDocument=trust.by_github(provider, new.deployment))
    try:
        trusted = github.token(new.deployment, account.token_secret)
        assert github.session(target.administrator, account.deploy_role_arn, trusted)
        other_ids = github.Jobs("repo:octo-org@9/octo-repo@456", "production")
        for jobs in (JOBS, other_ids):
            call = DeniedCall(
                "a token",
                f"of {jobs.prefix}, where {new.prefix} is trusted",
                "sts",
                "assume_role_with_web_identity",
                {
                    "RoleArn": account.deploy_role_arn,
                    "RoleSessionName": "test",
                    "WebIdentityToken": github.token(jobs.deployment, account.token_secret),
                },
            )
            response = call.result(target.administrator)
            record(request, call, response)
            assert response in denied_calls.REFUSALS
    finally:
        iam.update_assume_role_policy(RoleName=names.DEPLOY_ROLE, PolicyDocument=json.dumps(before))


def test_the_deploy_role_can_change_every_app_stack(target: Target) -> None:
    """It is one role for all app stacks, so an update of one stack may change the resources of another."""
    blue, probe = names.AppNames("blue"), names.AppNames("probe")

    for call, response in (
        (DeniedCall("deploy role", "", "lambda", "get_function", {"FunctionName": probe.function}), "allowed"),
        (DeniedCall("deploy role", "", "logs", "delete_log_group", {"logGroupName": blue.log_group}), NOT_FOUND),
        (DeniedCall("deploy role", "", "lambda", "delete_function", {"FunctionName": blue.function}), NOT_FOUND),
        (DeniedCall("deploy role", "", "cloudwatch", "delete_alarms", {"AlarmNames": [blue.errors_alarm]}), "allowed"),
    ):
        assert call.result(target.sessions["deploy role"]) == response, call


def test_the_function_writes_its_own_log(target: Target) -> None:
    logs, stream = target.sessions["function"].client("logs"), {"logStreamName": "test"}
    own: dict[str, Any] = {"logGroupName": APP.log_group, **stream}

    logs.create_log_stream(**own)
    logs.put_log_events(**own, logEvents=[{"timestamp": 1, "message": "m"}])

    events = target.administrator.client("logs").get_log_events(**own, startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["m"]


def test_a_role_that_trusts_another_principal_can_be_created_and_can_do_nothing(
    target: Target, started: Emulator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IAM has no condition on the trust policy of CreateRole. The boundary limits what such a role can do."""
    deploy, account = target.sessions["deploy role"], target.account
    role: dict[str, Any] = {"RoleName": names.AppNames("evil").execution_role}
    others = {"Effect": "Allow", "Principal": {"AWS": CONTEXT.iam_arn("root")}, "Action": "sts:AssumeRole"}
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam = deploy.client("iam")
    iam.create_role(
        **role,
        Path=names.APP_ROLE_PATH,
        PermissionsBoundary=execution.boundary_arn(CONTEXT),
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": others}),
    )
    iam.put_role_policy(**role, PolicyName="all", PolicyDocument=everything)
    try:
        arn = iam.get_role(**role)["Role"]["Arn"]
        assumed = target.administrator.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")
        load(monkeypatch, {**started.environment(), **github.environment(assumed)})
        evil = Aws()
        own_log = {"logGroupName": APP.log_group, "logStreamName": "evil"}
        calls = [
            *(dataclasses.replace(call, caller="role created by CI") for call in denied_calls.of_function(account)),
            DeniedCall("role created by CI", "write the function's log", "logs", "create_log_stream", own_log),
        ]
        responses = [call.result(evil) for call in calls]
        evil.close()
    finally:
        iam.delete_role_policy(**role, PolicyName="all")
        iam.delete_role(**role)
    for call, response in zip(calls, responses, strict=True):
        record(request, call, response)
    assert set(responses) <= denied_calls.REFUSALS


def test_the_observer_reads_what_an_investigation_needs(target: Target) -> None:
    """Each service that the role names, by one call: the denials above are of a role that can see."""
    observer, since = target.sessions["observer"], {"StartDate": 0}
    api = target.administrator.client("apigatewayv2").get_apis()["Items"][0]["ApiId"]
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "StartTime": 0, "EndTime": 1, "Period": 60,
              "Statistics": ["Sum"]}  # fmt: skip

    for service, operation, parameters in (
        ("cloudwatch", "describe_alarms", {}),
        ("cloudwatch", "describe_alarm_history", {"AlarmName": APP.errors_alarm, **since}),
        ("cloudwatch", "get_metric_statistics", metric),
        ("logs", "filter_log_events", {"logGroupName": APP.log_group}),
        ("logs", "filter_log_events", {"logGroupName": APP.access_log_group}),
        ("logs", "describe_log_groups", {}),
        ("lambda", "get_function_configuration", {"FunctionName": APP.function}),
        ("lambda", "get_policy", {"FunctionName": APP.function}),
        ("lambda", "list_tags", {"Resource": CONTEXT.arn("lambda", f"function:{APP.function}")}),
        ("apigatewayv2", "get_apis", {}),
        ("apigatewayv2", "get_routes", {"ApiId": api}),
        ("events", "describe_rule", {"Name": APP.schedule}),
        ("cloudtrail", "lookup_events", {}),
        ("resourcegroupstaggingapi", "get_resources", {}),
    ):
        getattr(observer.client(service), operation)(**parameters)
