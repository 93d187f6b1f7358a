"""Runs that were killed in the middle, and what the next run makes of them."""

import itertools
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
CALLS_OF_AN_APP = 14  # a create each, and the retention of the two log groups

Told = list[str]
Next = Callable[..., tuple[EmbeddedEngine, Told]]


@pytest.fixture(scope="module")
def kill(root: Path, started: Emulator) -> Iterator[Kill]:
    """One process for all the runs that are killed, because it takes a second or two to start."""
    with killing(root, started.environment()) as kill:
        yield kill


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the stacks' states are."""
    return tmp_path / "state"


@pytest.fixture
def next_run(root: Path, aws: Aws, folder: Path) -> Next:
    """Gives a fresh engine for a stack, the killed run's lock let go, and the sentences that the engine will tell."""

    def engine(stack: str, config: dict[str, str]) -> tuple[EmbeddedEngine, Told]:
        told: Told = []
        fresh = EmbeddedEngine(
            root, stack, aws, Folder(folder), on_resolved=lambda resolved: told.append(resolved.sentence)
        )
        for key, value in config.items():
            fresh.set_config(key, value)
        assert fresh.cancel() == 1
        return fresh, told

    return engine


@pytest.fixture
def boundary(aws: Aws) -> None:
    """All of the foundation that an app needs."""
    aws.client("iam").create_policy(PolicyName=names.BOUNDARY, Path=names.APP_ROLE_PATH, PolicyDocument=ALLOW_ALL)


@pytest.fixture
def app(root: Path, aws: Aws, folder: Path, boundary: None) -> EmbeddedEngine:
    """The app, deployed."""
    engine = EmbeddedEngine(root, "app", aws, Folder(folder))
    engine.up()
    return engine


def fail_mode(aws: Aws) -> str:
    found = aws.client("lambda").get_function_configuration(FunctionName=NAMES.function)
    return str(found["Environment"]["Variables"]["FAIL_MODE"])


def inventory(aws: Aws) -> list[str]:
    """All that AWS has of the program's kinds, but for buckets' settings, each by its type, parent and id."""
    apis, iam, kms = aws.client("apigatewayv2"), aws.client("iam"), aws.client("kms")
    functions, logs = aws.client("lambda"), aws.client("logs")
    found = [f"LogGroup {group['logGroupName']}" for group in logs.describe_log_groups()["logGroups"]]
    found += [f"MetricAlarm {one['AlarmName']}" for one in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    found += [f"Bucket {bucket['Name']}" for bucket in aws.client("s3").list_buckets()["Buckets"]]
    found += [f"Policy {policy['Arn']}" for policy in iam.list_policies(Scope="Local")["Policies"]]
    found += [
        f"OpenIdConnectProvider {one['Arn']}"
        for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    ]
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        found.append(f"Role {name}")
        found += [f"RolePolicy {name}:{policy}" for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        found += [f"RolePolicyAttachment {name}/{policy['PolicyArn']}" for policy in attached]
    for function in functions.list_functions()["Functions"]:
        name = function["FunctionName"]
        found.append(f"Function {name}")
        try:
            statements = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
        except functions.exceptions.ResourceNotFoundException:
            continue
        found += [f"Permission {name} {statement['Sid']}" for statement in statements]
    for api in apis.get_apis()["Items"]:
        id = api["ApiId"]
        found.append(f"Api {id}")
        found += [f"Integration {id} {one['IntegrationId']}" for one in apis.get_integrations(ApiId=id)["Items"]]
        found += [f"Route {id} {one['RouteId']}" for one in apis.get_routes(ApiId=id)["Items"]]
        found += [f"Stage {id} {one['StageName']}" for one in apis.get_stages(ApiId=id)["Items"]]
    found += [f"Key {key['KeyId']}" for key in kms.list_keys()["Keys"]]
    found += [
        f"Alias {alias['AliasName']}"
        for alias in kms.list_aliases()["Aliases"]
        if not alias["AliasName"].startswith("alias/aws/")
    ]
    return sorted(found)


def declared(*engines: EmbeddedEngine) -> list[str]:
    """What states have, as `inventory` tells it."""
    found = []
    for resource in itertools.chain(*(engine.resources() for engine in engines)):
        kind = resource["type"].split(":")[-1]
        if is_in_aws(resource) and (kind == "Bucket" or not kind.startswith("Bucket")):
            parents = [resource["inputs"][key] for key in ("apiId", "function") if key in resource["inputs"]]
            found.append(" ".join([kind, *parents, resource["id"]]))
    return sorted(found)


def pending(folder: Path, stack: str) -> list[str]:
    state = Stack(Folder(folder), "incident-sandbox", stack).load()
    assert state is not None
    return [operation["type"] for operation in state.pending_operations]


def test_an_up_killed_at_any_point_is_carried_on_with_one_of_each(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, boundary: None
) -> None:
    """Each point is a stack of its own; in the end AWS must have what their states have, and nothing beside it."""
    foundation = inventory(aws)
    engines = []
    for when, calls, seen in (
        ("after", range(1, CALLS_OF_AN_APP + 1), "AWS has it, taken into the state"),
        ("before", (1, 6, CALLS_OF_AN_APP), "AWS does not have it, nothing to do"),
    ):
        for call in calls:
            stack = f"{when}-{call}"
            assert kill(folder, stack, "up", when, call, APP)
            assert pending(folder, stack) == ["creating"]
            engine, told = next_run(stack, APP)

            engine.up()

            assert [sentence.split(": ")[1] for sentence in told] == [seen], (stack, told)
            assert engine.refresh().changed == (), stack
            engines.append(engine)

    assert inventory(aws) == sorted(foundation + declared(*engines))
    assert not kill(folder, "whole", "up", "after", CALLS_OF_AN_APP + 1, APP), "there are more points than were tried"


def test_a_bootstrap_killed_at_any_kind_of_create_is_carried_on_with_one_of_each(
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
        engine, told = next_run("bootstrap", BOOTSTRAP)

        engine.up()

        assert len(told) == 1, told
        assert inventory(aws) == declared(engine), call
        assert engine.refresh().changed == (), call
        reset(emulator)
        shutil.rmtree(folder)


def test_an_update_that_was_killed_is_seen_as_aws_has_it(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, app: EmbeddedEngine
) -> None:
    """Without asking AWS, an `up` with the former settings would find nothing to do, and the function would fail on."""
    assert kill(folder, "app", "up", "after", "UpdateFunctionConfiguration", APP | {"failMode": "true"})
    assert pending(folder, "app") == ["updating"]
    engine, told = next_run("app", APP)

    update = engine.up()

    assert told == [f"update of {FUNCTION}: a refresh makes the state right, nothing else to do"]
    assert [(step.operation, step.changed) for step in update.changed] == [("update", ("environment",))]
    assert fail_mode(aws) == "false"

    assert kill(folder, "app", "up", "before", "UpdateFunctionConfiguration", APP | {"failMode": "true"})
    engine, _ = next_run("app", APP | {"failMode": "true"})
    assert [step.operation for step in engine.up().changed] == ["update"]
    assert fail_mode(aws) == "true"
    assert engine.refresh().changed == ()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_destroy_that_was_killed_can_be_followed_by_an_up_and_by_a_destroy(
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
    assert [found for found in inventory(aws) if names.BOUNDARY not in found] == []


def test_a_destroy_after_an_up_that_was_killed_deletes_what_that_made(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, boundary: None
) -> None:
    assert kill(folder, "app", "up", "after", "PutRolePolicy", APP)
    engine, _ = next_run("app", APP)

    engine.destroy()

    assert [found for found in inventory(aws) if names.BOUNDARY not in found] == []


def test_a_preview_tells_what_is_pending_and_changes_nothing(
    aws: Aws, kill: Kill, folder: Path, next_run: Next, boundary: None
) -> None:
    assert kill(folder, "app", "up", "after", "CreateApi", APP)
    engine, told = next_run("app", APP)
    store = Folder(folder)
    before = {key: store.get(key) for key in store.keys("")}

    preview = engine.preview()

    assert told == ["create of aws:apigatewayv2/api:Api app-api-api: AWS has it, taken into the state"]
    assert "app-api-api" not in {step.name for step in preview.changed}
    assert {key: store.get(key) for key in store.keys("")} == before


def test_sandbox_local_tells_what_was_pending(
    aws: Aws, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = names.state_bucket(process.ACCOUNT, REGION)
    aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    part = {"urn": "urn:pulumi:app::incident-sandbox::demo:index:Part::part", "type": "demo:index:Part"}
    pending_operations = [{"resource": part, "type": "creating"}]
    Stack(Bucket(aws, bucket), "incident-sandbox", "app").save(State(pending_operations=pending_operations))
    monkeypatch.setattr(registry, "get", lambda: registry.RunningEmulator(emulator, 0, None))

    with unittest.mock.patch.dict(os.environ):
        local.main(["preview"])

    assert "  pending  create of demo:index:Part part: nothing that AWS would have" in capsys.readouterr().out


def test_what_is_not_there_is_found_to_be_not_there(aws: Aws) -> None:
    """AWS says so in as many ways as it has services."""
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
    for type, find in FINDERS.items():
        more = {"name": "alias/none"} if type == "aws:kms/alias:Alias" else {}
        assert find is None or find(aws.client, inputs | more) == [], type


def test_a_key_is_found_by_all_of_its_tags_and_only_if_it_is_in_use(aws: Aws) -> None:
    kms = aws.client("kms")

    def make(tags: dict[str, str]) -> str:
        made = kms.create_key(Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()])
        return str(made["KeyMetadata"]["KeyId"])

    wanted = {"Project": "p", "Stack": "s"}
    make({"Project": "p", "Stack": "other"})
    make({"Project": "p"})
    kms.schedule_key_deletion(KeyId=make(wanted), PendingWindowInDays=7)
    kms.disable_key(KeyId=make(wanted))
    known, ours = make(wanted), make({**wanted, "more": "tags"})
    urn = "urn:pulumi:dev::demo::aws:kms/key:Key::"
    others = [{"urn": f"{urn}other", "type": "aws:kms/key:Key", "custom": True, "id": known, "inputs": {}}]
    being_made = {"urn": f"{urn}ours", "type": "aws:kms/key:Key", "custom": True, "inputs": {"tags": wanted}}
    operations = [{"resource": being_made, "type": "creating"}]
    deployment: dict[str, Any] = {"resources": others, "pending_operations": operations}

    resolve(deployment, REGION)

    assert [resource["id"] for resource in deployment["resources"]] == [known, ours]
    with pytest.raises(UsageError) as error:
        resolve({"resources": [], "pending_operations": operations}, REGION)
    assert known in str(error.value)
    assert ours in str(error.value)


def test_an_api_is_found_by_its_name_and_all_of_its_tags(aws: Aws) -> None:
    apis = aws.client("apigatewayv2")
    apis.create_api(Name="a", ProtocolType="HTTP", Tags={"Stack": "other"})
    apis.create_api(Name="b", ProtocolType="HTTP", Tags={"Stack": "s"})
    ours = apis.create_api(Name="a", ProtocolType="HTTP", Tags={"Stack": "s", "more": "tags"})["ApiId"]
    inputs = {"name": "a", "tags": {"Stack": "s", "__defaults": []}}
    being_made = {"urn": "urn:pulumi:dev::demo::aws:apigatewayv2/api:Api::a", "type": "aws:apigatewayv2/api:Api",
                  "custom": True, "inputs": inputs}  # fmt: skip
    deployment: dict[str, Any] = {"pending_operations": [{"resource": being_made, "type": "creating"}]}

    resolve(deployment, REGION)

    assert [resource["id"] for resource in deployment["resources"]] == [ours]


def test_an_oidc_provider_of_others_is_not_taken_into_the_state(aws: Aws) -> None:
    """An account has one for an issuer, so it may have been there before; its ARN is the same whoever made it."""
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
