"""Runs that were killed, and how the next run continues."""

import contextlib
import json
import os
import shutil
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import local
from infra import names
from local_aws.emulator import process, registry
from local_aws.emulator.process import Emulator
from local_aws.engine.deployment import is_in_aws
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.stack import Stack, State
from local_aws.engine.store import Bucket, Folder
from local_aws.provider.resource import Aws
from ops import clients
from ops.errors import UsageError
from ops.stacks.pending_operations import FINDERS, resolve
from tests.local.conftest import reset
from tests.support.killing import Kill, killing

REGION = "eu-west-1"
APP = {"scope": "app"}
BOOTSTRAP = {"githubRepository": "octo-org/octo-repo"}
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
FUNCTION = "aws:lambda/function:Function app-function-lambda"
NAMES = names.AppNames("app")
REPEATED = "a setting that the next run makes again, nothing to do"
CALLS_OF_AN_APP = 22  # one create per resource, and the retention of the three log groups

Messages = list[str]
Next = Callable[..., tuple[EmbeddedEngine, Messages]]


@pytest.fixture(scope="module")
def kill(root: Path, started: Emulator) -> Iterator[Kill]:
    """One process for all killed runs, because it takes a second or two to start."""
    with killing(root, started.environment()) as kill:
        yield kill


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the stacks' states."""
    return tmp_path / "state"


@pytest.fixture
def next_run(root: Path, aws: Aws, folder: Path) -> Next:
    """Return a new engine for a stack, with the killed run's lock released, and the messages of the engine."""

    def engine(stack: str, config: dict[str, str]) -> tuple[EmbeddedEngine, Messages]:
        messages: Messages = []
        new_engine = EmbeddedEngine(
            root, stack, aws, Folder(folder), on_resolved=lambda resolved: messages.append(resolved.sentence)
        )
        for key, value in config.items():
            new_engine.set_config(key, value)
        assert new_engine.cancel() == 1
        return new_engine, messages

    return engine


@pytest.fixture
def boundary(aws: Aws) -> None:
    """The only resource of bootstrap that an app needs."""
    aws.client("iam").create_policy(PolicyName=names.BOUNDARY, Path=names.APP_ROLE_PATH, PolicyDocument=ALLOW_ALL)


@pytest.fixture
def app(root: Path, aws: Aws, folder: Path, boundary: None) -> EmbeddedEngine:
    """The app, deployed."""
    engine = EmbeddedEngine(root, "app", aws, Folder(folder))
    engine.up()
    return engine


def fail_mode(aws: Aws) -> str:
    configuration = aws.client("lambda").get_function_configuration(FunctionName=NAMES.function)
    return str(configuration["Environment"]["Variables"]["FAIL_MODE"])


def inventory(aws: Aws) -> list[str]:
    """Return the resources in AWS of the program's types, except settings of buckets, by type, parent and id."""
    apis, iam, kms = aws.client("apigatewayv2"), aws.client("iam"), aws.client("kms")
    functions, logs = aws.client("lambda"), aws.client("logs")
    groups = logs.get_paginator("describe_log_groups").paginate()
    resources = [f"LogGroup {group['logGroupName']}" for page in groups for group in page["logGroups"]]
    alarms = aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    resources += [f"MetricAlarm {alarm['AlarmName']}" for page in alarms for alarm in page["MetricAlarms"]]
    resources += [f"Bucket {bucket['Name']}" for bucket in aws.client("s3").list_buckets()["Buckets"]]
    resources += [f"Policy {policy['Arn']}" for policy in iam.list_policies(Scope="Local")["Policies"]]
    resources += [
        f"OpenIdConnectProvider {provider['Arn']}"
        for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    ]
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        resources.append(f"Role {name}")
        resources += [f"RolePolicy {name}:{policy}" for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        resources += [f"RolePolicyAttachment {name}/{policy['PolicyArn']}" for policy in attached]
    events = aws.client("events")
    for rule in events.list_rules()["Rules"]:
        resources.append(f"EventRule {rule['Name']}")
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        resources += [f"EventTarget {rule['Name']}-{target['Id']}" for target in targets]
    for function in functions.list_functions()["Functions"]:
        name = function["FunctionName"]
        resources.append(f"Function {name}")
        try:
            statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        except functions.exceptions.ResourceNotFoundException:
            continue
        resources += [f"Permission {name} {statement['Sid']}" for statement in statements]
    for api in apis.get_apis()["Items"]:
        id = api["ApiId"]
        resources.append(f"Api {id}")
        resources += [
            f"Integration {id} {integration['IntegrationId']}"
            for integration in apis.get_integrations(ApiId=id)["Items"]
        ]
        resources += [f"Route {id} {route['RouteId']}" for route in apis.get_routes(ApiId=id)["Items"]]
        resources += [f"Stage {id} {stage['StageName']}" for stage in apis.get_stages(ApiId=id)["Items"]]
    resources += [f"Key {key['KeyId']}" for key in kms.list_keys()["Keys"]]
    resources += [
        f"Alias {alias['AliasName']}"
        for alias in kms.list_aliases()["Aliases"]
        if not alias["AliasName"].startswith("alias/aws/")
    ]
    return sorted(resources)


def declared(engine: EmbeddedEngine) -> list[str]:
    """Return the resources of a state in the form of `inventory`."""
    resources = []
    for resource in engine.resources():
        kind = resource["type"].split(":")[-1]
        if is_in_aws(resource) and (kind == "Bucket" or not kind.startswith("Bucket")):
            parents = [resource["inputs"][key] for key in ("apiId", "function") if key in resource["inputs"]]
            resources.append(" ".join([kind, *parents, resource["id"]]))
    return sorted(resources)


def pending(folder: Path, stack: str) -> list[str]:
    state = Stack(Folder(folder), "incident-sandbox", stack).load()
    assert state is not None
    return [operation["type"] for operation in state.pending_operations]


def test_an_up_killed_at_any_point_continues_without_duplicates(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, boundary: None
) -> None:
    """Each point has its own stack, which goes before the next: the traffic of all would be the emulator's time."""
    foundation = inventory(aws)
    for when, calls, outcome in (
        ("after", range(1, CALLS_OF_AN_APP + 1), "AWS has it, taken into the state"),
        ("before", (1, 6, CALLS_OF_AN_APP), "AWS does not have it, nothing to do"),
    ):
        for call in calls:
            stack = f"{when}-{call}"
            assert kill(folder, stack, "up", when, call, APP)
            assert pending(folder, stack) == ["creating"]
            engine, messages = next_run(stack, APP)

            engine.up()

            (message,) = messages
            is_put = "EventTarget" in message  # which the next run makes again
            assert message.split(": ")[1] == (REPEATED if is_put else outcome), (stack, message)
            assert engine.refresh().changed == (), stack
            assert inventory(aws) == sorted(foundation + declared(engine)), stack
            engine.destroy()

    assert inventory(aws) == foundation
    assert not kill(folder, "whole", "up", "after", CALLS_OF_AN_APP + 1, APP), (
        "there are more points than the test uses"
    )


def test_a_bootstrap_killed_at_any_kind_of_create_continues_without_duplicates(
    aws: Aws, emulator: Emulator, kill: Kill, folder: Path, next_run: Next
) -> None:
    for when, call in (
        ("before", "CreateKey"),
        ("after", "CreateKey"),
        ("after", "CreateAlias"),
        ("after", "CreateBucket"),
        ("after", "PutBucketPolicy"),
        ("after", "CreatePolicy"),
        ("after", "CreateOpenIDConnectProvider"),
        ("after", "CreateRole"),
    ):
        assert kill(folder, "bootstrap", "up", when, call, BOOTSTRAP)
        engine, messages = next_run("bootstrap", BOOTSTRAP)

        engine.up()

        assert len(messages) == 1, messages
        assert inventory(aws) == declared(engine), call
        assert engine.refresh().changed == (), call
        reset(emulator)
        shutil.rmtree(folder)


def test_a_killed_update_is_refreshed_from_aws(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, app: EmbeddedEngine
) -> None:
    """Without a refresh, an `up` with the former settings would change nothing and the function would still fail."""
    assert kill(folder, "app", "up", "after", "UpdateFunctionConfiguration", APP | {"failMode": "true"})
    assert pending(folder, "app") == ["updating"]
    engine, messages = next_run("app", APP)

    update = engine.up()

    assert messages == [f"update of {FUNCTION}: a refresh makes the state right, nothing else to do"]
    assert [(step.operation, step.changed) for step in update.changed] == [("update", ("environment",))]
    assert fail_mode(aws) == "false"

    assert kill(folder, "app", "up", "before", "UpdateFunctionConfiguration", APP | {"failMode": "true"})
    engine, _ = next_run("app", APP | {"failMode": "true"})
    assert [step.operation for step in engine.up().changed] == ["update"]
    assert fail_mode(aws) == "true"
    assert engine.refresh().changed == ()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_destroy_can_be_followed_by_up_or_destroy(
    when: str, aws: Aws, kill: Kill, folder: Path, next_run: Next, app: EmbeddedEngine
) -> None:
    assert kill(folder, "app", "destroy", when, "DeleteFunction", APP)
    assert pending(folder, "app") == ["deleting"]
    engine, _ = next_run("app", APP)

    engine.up()

    assert engine.refresh().changed == ()
    assert f"Function {NAMES.function}" in inventory(aws)

    assert kill(folder, "app", "destroy", when, "DeleteRolePolicy", APP)
    engine, _ = next_run("app", APP)
    engine.destroy()
    assert [resource for resource in inventory(aws) if names.BOUNDARY not in resource] == []


def test_a_destroy_deletes_what_a_killed_up_created(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, boundary: None
) -> None:
    assert kill(folder, "app", "up", "after", "PutRolePolicy", APP)
    engine, _ = next_run("app", APP)

    engine.destroy()

    assert [resource for resource in inventory(aws) if names.BOUNDARY not in resource] == []


def test_a_preview_reports_pending_operations_and_changes_nothing(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, boundary: None
) -> None:
    assert kill(folder, "app", "up", "after", "CreateApi", APP)
    engine, messages = next_run("app", APP)
    store = Folder(folder)
    before = {key: store.get(key) for key in store.keys("")}

    preview = engine.preview()

    assert messages == ["create of aws:apigatewayv2/api:Api app-api-api: AWS has it, taken into the state"]
    assert "app-api-api" not in {step.name for step in preview.changed}
    assert {key: store.get(key) for key in store.keys("")} == before


def test_sandbox_local_prints_pending_operations(
    aws: Aws, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = names.state_bucket(process.ACCOUNT, REGION)
    aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    part = {"urn": "urn:pulumi:app::incident-sandbox::demo:index:Part::part", "type": "demo:index:Part"}
    pending_operations = [{"resource": part, "type": "creating"}]
    Stack(Bucket(aws, bucket), "incident-sandbox", "app").save(State(pending_operations=pending_operations))
    monkeypatch.setattr(registry, "get", lambda: registry.RunningEmulator(emulator, 0, None))

    with unittest.mock.patch.dict(os.environ):
        local.main(["preview"])

    assert "  pending  create of demo:index:Part part: nothing that AWS would have" in capsys.readouterr().out


def test_every_finder_returns_nothing_for_a_missing_resource(aws: Aws) -> None:
    """Each service of AWS reports a missing resource in its own way."""
    inputs = {
        "name": "none",
        "bucket": "nobody-has-it",
        "role": "none",
        "url": "https://none.example",
        "function": "none",
        "statementId": "none",
        "apiId": "none",
        "integrationUri": "none",
        "routeKey": "GET /",
        "tags": {"Stack": "none"},
    }
    with contextlib.closing(clients.Session(REGION)) as session:
        for type, find in FINDERS.items():
            name = {"name": "alias/none"} if type == "aws:kms/alias:Alias" else {}
            assert find is None or find(session, inputs | name) == [], type


def test_a_key_matches_by_all_of_its_tags_and_only_when_enabled(aws: Aws) -> None:
    kms = aws.client("kms")

    def create(tags: dict[str, str]) -> str:
        created = kms.create_key(Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()])
        return str(created["KeyMetadata"]["KeyId"])

    wanted = {"Project": "p", "Stack": "s"}
    create({"Project": "p", "Stack": "other"})
    create({"Project": "p"})
    kms.schedule_key_deletion(KeyId=create(wanted), PendingWindowInDays=7)
    kms.disable_key(KeyId=create(wanted))
    known, expected = create(wanted), create({**wanted, "more": "tags"})
    urn = "urn:pulumi:dev::demo::aws:kms/key:Key::"
    others = [{"urn": f"{urn}other", "type": "aws:kms/key:Key", "custom": True, "id": known, "inputs": {}}]
    resource = {"urn": f"{urn}expected", "type": "aws:kms/key:Key", "custom": True, "inputs": {"tags": wanted}}
    operations = [{"resource": resource, "type": "creating"}]
    deployment: dict[str, Any] = {"resources": others, "pending_operations": operations}

    resolve(deployment, REGION)

    assert [resource["id"] for resource in deployment["resources"]] == [known, expected]
    with pytest.raises(UsageError) as error:
        resolve({"resources": [], "pending_operations": operations}, REGION)
    assert known in str(error.value)
    assert expected in str(error.value)


def test_an_api_matches_by_its_name_and_all_of_its_tags(aws: Aws) -> None:
    apis = aws.client("apigatewayv2")
    apis.create_api(Name="a", ProtocolType="HTTP", Tags={"Stack": "other"})
    apis.create_api(Name="b", ProtocolType="HTTP", Tags={"Stack": "s"})
    expected = apis.create_api(Name="a", ProtocolType="HTTP", Tags={"Stack": "s", "more": "tags"})["ApiId"]
    inputs = {"name": "a", "tags": {"Stack": "s", "__defaults": []}}
    resource = {"urn": "urn:pulumi:dev::demo::aws:apigatewayv2/api:Api::a", "type": "aws:apigatewayv2/api:Api",
                  "custom": True, "inputs": inputs}  # fmt: skip
    deployment: dict[str, Any] = {"pending_operations": [{"resource": resource, "type": "creating"}]}

    resolve(deployment, REGION)

    assert [resource["id"] for resource in deployment["resources"]] == [expected]


def test_an_oidc_provider_of_others_is_not_adopted(aws: Aws) -> None:
    """An account has only one per issuer, with the same ARN whoever created it, so others may have created it."""
    url = "https://token.actions.githubusercontent.com"
    aws.client("iam").create_open_id_connect_provider(
        Url=url, ClientIDList=["others"], Tags=[{"Key": "Owner", "Value": "others"}]
    )
    resource = {
        "urn": "urn:pulumi:bootstrap::incident-sandbox::aws:iam/openIdConnectProvider:OpenIdConnectProvider::github",
        "type": "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "custom": True,
        "inputs": {"url": url, "tags": {"Project": "incident-sandbox"}},
    }
    deployment = {"resources": [], "pending_operations": [{"type": "creating", "resource": resource}]}

    (resolved,) = resolve(deployment, REGION)

    assert resolved.outcome == "absent"
    assert deployment["resources"] == []
