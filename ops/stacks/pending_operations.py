"""Resolves the operations that a killed run left pending in a stack's state, by asking AWS how they ended.

Pulumi notes an operation in the state before it begins, and removes the note when it knows how it ended. After a create
that was killed nobody knows whether AWS made the resource. `pulumi up` makes it again: that fails where names are
unique, and silently makes a second one where they are not, as with KMS keys and HTTP APIs.
https://www.pulumi.com/docs/iac/operations/troubleshooting/interrupted-updates/
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops import clients
from ops.errors import UsageError
from ops.stacks import urn
from ops.stacks.checkpoint import OPERATIONS

Answer = TypeVar("Answer")

Outcome = Literal["adopted", "absent", "known", "repeatable", "stateless", "refresh"]

_OUTCOMES: dict[Outcome, str] = {
    "adopted": "AWS has it, taken into the state",
    "absent": "AWS does not have it, nothing to do",
    "known": "the state has it already, nothing to do",
    "repeatable": "a setting that the next run makes again, nothing to do",
    "stateless": "nothing that AWS would have, nothing to do",
    "refresh": "a refresh makes the state right, nothing else to do",
}


@dataclass(frozen=True)
class ResolvedOperation:
    """One operation that was pending (`create`, `import`, `update`, `delete`, `read`), and its outcome."""

    urn: str
    operation: str
    outcome: Outcome

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        return f"{_subject(self.operation, self.urn)}: {_OUTCOMES[self.outcome]}"


def resolve(deployment: dict[str, Any], region: str) -> list[ResolvedOperation]:
    """Resolve what is pending in a deployment: `deployment` of `pulumi stack export`, or a checkpoint's `latest`.

    A resource that was being made and that AWS has is added to `resources`, at the end, with its inputs as outputs:
    refresh before the outputs are used. `pending_operations` is empty afterwards. Nothing in AWS changes. Nobody else
    may update the stack meanwhile: what another run has under way is pending, too.

    Raises UsageError, and leaves the deployment as it was, when AWS cannot be asked, when AWS has more than one
    resource that fits, when the state lacks what a resource depends on, and when a resource type is not in FINDERS.
    """
    resources = list(deployment.get("resources") or [])
    resolved = []
    with contextlib.closing(clients.Session(region)) as session:
        for pending in deployment.get("pending_operations") or []:
            resource, operation = pending["resource"], OPERATIONS[pending["type"]]
            is_new = operation in ("create", "import")
            outcome = _resolve_new(operation, resource, resources, session) if is_new else "refresh"
            resolved.append(ResolvedOperation(resource["urn"], operation, outcome))
    deployment["resources"] = resources
    deployment["pending_operations"] = []
    return resolved


def _resolve_new(
    operation: str, resource: dict[str, Any], resources: list[dict[str, Any]], session: boto3.Session
) -> Outcome:
    """Put the resource among the others if AWS has it."""
    own_urn, type, inputs = resource["urn"], resource["type"], resource.get("inputs", {})
    interrupted = f"{_subject(operation, own_urn)} was interrupted, and"
    if not urn.is_in_aws(type):
        return "stateless"
    if type not in FINDERS:
        raise UsageError(
            f"{interrupted} how to find a {type} in AWS is not known here ({own_urn}): "
            f"resolve it with `pulumi refresh --stack {urn.Urn.parse(own_urn).stack}` in a terminal, then run again"
        )
    find = FINDERS[type]
    if find is None:
        return "repeatable"
    try:
        ids = find(session, inputs)
    except (ClientError, BotoCoreError) as error:
        raise UsageError(
            f"{interrupted} AWS cannot be asked whether it has it: {error}; check the credentials and run again"
        ) from None
    # A replacement that deletes first leaves the old one in its place, which things that depend on it come after.
    replaced = next((other for other in resources if other["urn"] == own_urn and other.get("pendingReplacement")), None)
    others = [other for other in resources if other is not replaced]
    new = [id for id in ids if not any(_is(other, type, inputs, id) for other in others)]
    if not new:
        return "known" if ids else "absent"
    rivals = [
        f"{other['id']} (in the state)" for other in others if other["urn"] == own_urn and not other.get("delete")
    ]
    if len(rivals + new) > 1:
        raise UsageError(
            f"{interrupted} AWS has more than one that fits: {', '.join(rivals + new)}; delete those that nothing "
            "uses, then run again"
        )
    if missing := _required_urns(resource) - {other["urn"] for other in resources}:
        raise UsageError(
            f"{interrupted} AWS has it, as {new[0]}, but the state has no {', '.join(sorted(missing))} any more, "
            "which it depends on; delete it in AWS, then run again"
        )
    adopted = {**resource, "id": new[0], "outputs": inputs}
    if replaced:
        resources[resources.index(replaced)] = adopted
    else:
        resources.append(adopted)
    return "adopted"


def _required_urns(resource: dict[str, Any]) -> set[str]:
    """The URNs without which Pulumi refuses a state that has the resource.

    A create stays pending through any `pulumi up` and `pulumi destroy`, which may have taken them away.
    https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/snapshot.go (VerifyIntegrity)
    https://github.com/pulumi/pulumi/blob/master/pkg/backend/journal.go (GenerateDeployment)
    """
    urns = {resource.get("parent", ""), resource.get("provider", "").rpartition("::")[0]}
    urns.update(resource.get("dependencies", []), *resource.get("propertyDependencies", {}).values())
    return urns - {""}


def _is(other: dict[str, Any], type: str, inputs: dict[str, Any], id: str) -> bool:
    """Whether a resource in the state is the one that AWS has by this id; some ids are unique only under a parent."""
    if other["type"] != type or other["id"] != id:
        return False
    return all(other.get("inputs", {}).get(parent) == inputs.get(parent) for parent in ("apiId", "function"))


def _subject(operation: str, resource_urn: str) -> str:
    return f"{operation} of {urn.subject(resource_urn)}"


Finder = Callable[[boto3.Session, dict[str, Any]], list[str]]
"""Returns the ids of the resources in AWS that match the inputs of a resource, as the provider has them in states."""


def _named(ask: Callable[[boto3.Session, str], object], name: str = "name") -> Finder:
    """Finds what AWS returns by its name, which is its id."""
    return lambda session, inputs: _ids(inputs[name], lambda: ask(session, inputs[name]))


def _ids(id: str, ask: Callable[[], object]) -> list[str]:
    """The id, if AWS has it."""
    return [] if _answer(ask) is None else [id]


def _answer(ask: Callable[[], Answer]) -> Answer | None:
    """AWS's answer, or None when it does not have the resource."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOUND:
            raise
    return None


_NOT_FOUND = {"404", "NoSuchEntity", "NotFoundException", "ResourceNotFoundException"}
"""What S3, IAM, API Gateway and KMS, and Lambda say."""


def _api(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    pages = session.client("apigatewayv2").get_paginator("get_apis").paginate()
    apis = [api for page in pages for api in page["Items"]]
    return [api["ApiId"] for api in apis if api["Name"] == inputs["name"] and _has_tags(api.get("Tags", {}), inputs)]


def _integration(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    pages = session.client("apigatewayv2").get_paginator("get_integrations").paginate(ApiId=inputs["apiId"])
    # None where there is no API.
    listed = _answer(lambda: [integration for page in pages for integration in page["Items"]]) or []
    return [
        integration["IntegrationId"]
        for integration in listed
        if integration.get("IntegrationUri") == inputs["integrationUri"]
    ]


def _route(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    pages = session.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=inputs["apiId"])
    routes = _answer(lambda: [route for page in pages for route in page["Items"]]) or []
    return [route["RouteId"] for route in routes if route["RouteKey"] == inputs["routeKey"]]


def _stage(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    api, name = inputs["apiId"], inputs["name"]
    return _ids(name, lambda: session.client("apigatewayv2").get_stage(ApiId=api, StageName=name))


def _log_group(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    pages = session.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=inputs["name"])
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if name == inputs["name"]]


def _alarm(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    alarms = session.client("cloudwatch").describe_alarms(AlarmNames=[inputs["name"]])["MetricAlarms"]
    return [alarm["AlarmName"] for alarm in alarms]


def _policy(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    arn = f"{_iam(session)}:policy{inputs.get('path', '/')}{inputs['name']}"
    return _ids(arn, lambda: session.client("iam").get_policy(PolicyArn=arn))


def _oidc_provider(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    arn = f"{_iam(session)}:oidc-provider/{inputs['url'].removeprefix('https://')}"
    # An account has one for an issuer, which may have been there before, and be others'.
    answer = _answer(lambda: session.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn))
    if answer is None:
        return []
    return [arn] if _has_tags({tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}, inputs) else []


def _iam(session: boto3.Session) -> str:
    """What the ARNs of this account's IAM begin with."""
    caller = session.client("sts").get_caller_identity()
    return f"arn:{caller['Arn'].split(':')[1]}:iam::{caller['Account']}"


def _role_policy(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    role, name = inputs["role"], inputs["name"]
    return _ids(f"{role}:{name}", lambda: session.client("iam").get_role_policy(RoleName=role, PolicyName=name))


def _key(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    if not _tags(inputs):
        raise UsageError(
            f"a KMS key without tags ({inputs.get('description', 'no description')}) was being made, and it cannot be "
            "told from others; resolve it with `pulumi refresh` in a terminal, then run again"
        )
    kms = session.client("kms")
    ids = []
    for id in [key["KeyId"] for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]]:
        try:
            if kms.describe_key(KeyId=id)["KeyMetadata"].get("KeyState") != "Enabled":
                continue
            pages = kms.get_paginator("list_resource_tags").paginate(KeyId=id)
            tags = [tag for page in pages for tag in page["Tags"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                continue  # its own policy excludes us: ours allows whoever may make it
            raise
        if _has_tags({tag["TagKey"]: tag["TagValue"] for tag in tags}, inputs):
            ids.append(id)
    return ids


def _permission(session: boto3.Session, inputs: dict[str, Any]) -> list[str]:
    answer = _answer(lambda: session.client("lambda").get_policy(FunctionName=inputs["function"]))
    statements = json.loads(answer["Policy"])["Statement"] if answer else []
    return [statement["Sid"] for statement in statements if statement["Sid"] == inputs["statementId"]]


def _has_tags(tags: dict[str, str], inputs: dict[str, Any]) -> bool:
    """Whether all the inputs' tags are among these."""
    return _tags(inputs).items() <= tags.items()


def _tags(inputs: dict[str, Any]) -> dict[str, str]:
    """The inputs' tags, without the key that Pulumi's bridge to Terraform may add to a map in a state.

    https://github.com/pulumi/pulumi-terraform-bridge
    """
    return {key: value for key, value in inputs.get("tags", {}).items() if key != "__defaults"}


FINDERS: dict[str, Finder | None] = {
    "aws:apigatewayv2/api:Api": _api,
    "aws:apigatewayv2/integration:Integration": _integration,
    "aws:apigatewayv2/route:Route": _route,
    "aws:apigatewayv2/stage:Stage": _stage,
    "aws:cloudwatch/eventRule:EventRule": _named(lambda aws, name: aws.client("events").describe_rule(Name=name)),
    "aws:cloudwatch/eventTarget:EventTarget": None,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc_provider,
    "aws:iam/policy:Policy": _policy,
    "aws:iam/role:Role": _named(lambda aws, name: aws.client("iam").get_role(RoleName=name)),
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": None,
    "aws:kms/alias:Alias": _named(lambda aws, name: aws.client("kms").describe_key(KeyId=name)),
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _named(lambda aws, name: aws.client("lambda").get_function(FunctionName=name)),
    "aws:lambda/permission:Permission": _permission,
    "aws:s3/bucket:Bucket": _named(lambda aws, name: aws.client("s3").head_bucket(Bucket=name), "bucket"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": None,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": None,
    "aws:s3/bucketPolicy:BucketPolicy": None,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": None,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": None,
    "aws:s3/bucketVersioning:BucketVersioning": None,
}
"""How a resource of a type is found. None: its creation is a put, of a setting
of something that the state has: it can be made again, and goes with what it is a setting of.

Ids are those of the provider's state, which are not always those that it imports by: a permission's, a route's and an
integration's have no function or API in them. https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service
"""
