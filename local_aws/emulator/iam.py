"""The access checks that AWS makes for a request, where the emulator makes fewer or names another resource.

The emulator derives one action, one resource and a few condition keys from each request, and its evaluator decides.
The functions here derive what AWS does, and add the checks that AWS makes besides: permission to pass a role, to tag a
new resource, to use the key of an encrypted bucket, to deliver an access log. They cover what the program, `check` and
Pulumi's backend call, and nothing else. Sources, unless another is named:
https://docs.aws.amazon.com/service-authorization/latest/reference/, and for the delivery of access logs
`tests/support/aws-provider-actions.json`.

Every decision is a line of `decisions.jsonl` in the emulator's directory: principal, action, resource, allowed.
"""

import contextvars
import functools
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import apigateway, cloudwatch, cloudwatch_logs, iam, kms, lambda_svc, s3, sts, tagging

from local_aws.emulator import patches, request_parameters
from local_aws.emulator.patches import Patch

DECISIONS = "decisions.jsonl"

_FIND_DELIVERY = ("logs:GetLogDelivery", "logs:ListLogDeliveries")
_ALLOW_DELIVERY = ("logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy")
_DELIVER_ACCESS_LOG = {
    "POST": ("logs:CreateLogDelivery", *_FIND_DELIVERY, *_ALLOW_DELIVERY),
    "PATCH": ("logs:CreateLogDelivery", "logs:UpdateLogDelivery", *_FIND_DELIVERY, *_ALLOW_DELIVERY),
    "DELETE": ("logs:DeleteLogDelivery", *_FIND_DELIVERY),
}


@dataclass(frozen=True)
class Request:
    """A request to one of the emulator's services; the emulator calls CloudWatch `monitoring`."""

    service: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    parameters: Mapping[str, Any]
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class AccessCheck:
    """One decision for IAM: may the caller do this action on this resource, with these condition keys?"""

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict)


_request: contextvars.ContextVar[Request | None] = contextvars.ContextVar("request", default=None)
"""The request that is being authorized; None for requests to a deployed API."""

_denied: contextvars.ContextVar[AccessCheck] = contextvars.ContextVar("denied")

_function_arns: dict[str, str] = {}
"""The functions' ARNs by the access keys that they run with."""

_function_credentials: dict[tuple[str, str], dict[str, str]] = {}
"""What functions run with, by their ARN and their role's."""


def install(directory: Path) -> None:
    """Patch the emulator. Call once per process, before it serves.

    Raises LocalAwsError when a function of ministack has another signature than its patch expects.
    """
    decisions = (directory / DECISIONS).open("a", buffering=1)
    patches.install(
        Patch(iam_actions, "extract_iam_action", "service method path headers body query_params", _naming_operations),
        Patch(
            iam_actions,
            "extract_resource_arn",
            "service method path headers body query_params region account_id",
            _recording_request,
        ),
        Patch(
            iam_actions,
            "access_denied_response",
            "service action principal_arn request_id error_code message headers resource_arn explicit_deny "
            "resource_policy_arn",
            _naming_denied_action,
        ),
        Patch(
            iam_evaluator,
            "enforce",
            "access_key_id iam_action service region resource_arn service_context",
            functools.partial(_enforcing_all, decisions),
        ),
        Patch(iam_evaluator, "resolve_principal", "access_key_id account_id credential", _adding_source_function),
        # lambda_svc has imported the function by its name.
        Patch(lambda_runtime, "execution_credentials", "config", lambda original: _execution_credentials),
        Patch(lambda_svc, "execution_credentials", "config", lambda original: _execution_credentials),
    )
    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]
    tagging._RESOURCE_TAG_COLLECTORS["apigateway"] = _api_tags
    # GetResources of AWS knows them all: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    tagging._COLLECTORS |= {"apigateway": _api_tags, "logs": _log_tags, "cloudwatch": _alarm_tags}


def _naming_operations(extract: Callable[..., Any]) -> Callable[..., Any]:
    """Name the operation that a request is for as the service that serves it does, and refuse one without a name.

    The emulator names many of Lambda's wrongly, and takes a name from a header or a parameter `Action` that Lambda and
    S3 ignore: a role that may only read could name its change so. Calls in CBOR have the name in their path:
    https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
    """

    def extract_action(service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any) -> str:
        if service == "lambda":
            operation = iam_actions._match_rest_action(service, method, path, query_params) or ""
            return f"lambda:{_LAMBDA_ACTIONS.get(operation, operation)}"
        if service == "s3":
            headers, body = {}, b""
            query_params = {name: value for name, value in query_params.items() if name != "Action"}
        if action := extract(service, method, path, headers, body, query_params):
            return str(action)
        # The emulator checks nothing for an operation without a name. This one only a policy for all of them allows.
        return f"{iam_actions.SERVICE_TO_IAM_NAMESPACE.get(service, service)}:{path.partition('/operation/')[2]}"

    return extract_action


_LAMBDA_ACTIONS = {
    "GetLayerVersionByArn": "GetLayerVersion",
    "Invoke": "InvokeFunction",
    "InvokeAsync": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
}
"""The operations whose action has another name: https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html"""


def _recording_request(extract_resource_arn: Callable[..., Any]) -> Callable[..., Any]:
    def record_request(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str,
                       account: str) -> str:  # fmt: skip
        parameters = request_parameters.read(headers, body, query)
        _request.set(Request(service, path, headers, query, parameters, region, account))
        if request_parameters.is_cbor(headers):  # which the emulator does not read here
            body = json.dumps(parameters, default=str).encode()
        return str(extract_resource_arn(service, method, path, headers, body, query, region, account))

    return record_request


def _enforcing_all(decisions: TextIO, enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Deny a request when any of its access checks is denied."""

    def enforce_all(access_key: str, action: str, service: str, region: str, resource_arn: str = "*",
                    service_context: dict[str, Any] | None = None) -> Any:  # fmt: skip
        if action == "sts:AssumeRoleWithWebIdentity":  # unsigned: the token and the role's trust policy decide
            return None
        for check in _access_checks(service, AccessCheck(action, resource_arn, service_context or {})):
            denied = enforce(access_key, check.action, service, region, check.resource, check.context)
            decision = {"principal": iam_evaluator.caller_arn(), "action": check.action, "resource": check.resource,
                        "allowed": denied is None}  # fmt: skip
            decisions.write(json.dumps(decision) + "\n")
            if denied is not None:
                _denied.set(check)
                return denied
        return None

    return enforce_all


def _naming_denied_action(access_denied_response: Callable[..., Any]) -> Callable[..., Any]:
    def respond(service: str, action: str, principal_arn: str, request_id: str, **details: Any) -> Any:
        check = _denied.get(AccessCheck(action, details.get("resource_arn", "*")))
        details["resource_arn"] = check.resource
        return access_denied_response(service, check.action, principal_arn, request_id, **details)

    return respond


def _adding_source_function(resolve_principal: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(access_key: str, *rest: Any) -> Any:
        principal = resolve_principal(access_key, *rest)
        if access_key in _function_arns:
            principal.keys["lambda:sourcefunctionarn"] = _function_arns[access_key]
        return principal

    return resolve


def _execution_credentials(config: dict[str, Any]) -> dict[str, str]:
    """Return the credentials of a session of the function's role, and record the function as theirs.

    The emulator derives them, the secret too, from the ARNs of function and role, which everybody can guess.
    """
    arn, role, name = config["FunctionArn"], config["Role"], config["FunctionName"]
    credentials = _function_credentials.setdefault(
        (arn, role),
        {
            "AWS_ACCESS_KEY_ID": f"ASIA{secrets.token_hex(8).upper()}",
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
            "AWS_SESSION_TOKEN": secrets.token_urlsafe(64),
        },
    )
    role_name = role.rsplit("/", 1)[-1]
    sts.register_session(
        credentials["AWS_ACCESS_KEY_ID"],
        {
            "Arn": f"arn:aws:sts::{arn.split(':')[4]}:assumed-role/{role_name}/{name}",
            "UserId": f"{role_name}:{name}",
            "SecretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": credentials["AWS_SESSION_TOKEN"],
        },
    )
    _function_arns[credentials["AWS_ACCESS_KEY_ID"]] = arn
    return dict(credentials)


def _api_tags() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for arn, tags in apigateway._api_tags.items():
        yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]


def _request_tags(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the condition keys of the tags that a request sets. The emulator finds none where an action is named by
    its method, or the request is in CBOR."""
    tags = parameters.get("tags") or parameters.get("Tags") or {}
    pairs = tags if isinstance(tags, dict) else {str(tag["Key"]): tag.get("Value", "") for tag in tags}
    values = {f"aws:RequestTag/{key}": value for key, value in pairs.items()}
    return {**values, "aws:TagKeys": list(pairs)} if pairs else {}


def _alarm_tags() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for arn, tags in cloudwatch._resource_tags.items():
        yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]


def _log_tags() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for group in cloudwatch_logs._log_groups.values():
        arn = str(group["arn"]).removesuffix(":*")
        yield arn, [{"Key": key, "Value": value} for key, value in group.get("tags", {}).items()]


def _access_checks(service: str, check: AccessCheck) -> Iterator[AccessCheck]:
    request = _request.get()
    if request and service in _ACCESS_CHECKS:
        yield from _ACCESS_CHECKS[service](request, check)
    else:
        yield check


def _iam_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """Name roles with their path, and add the condition key of the boundary for the actions that have it: the boundary
    in the request, or else the role's own."""
    parameters = request.parameters
    if check.action == "iam:ListRoles":  # SAR has no resource for it, AWS's denials have: docs/iam.md, FindRoles
        yield AccessCheck(check.action, f"arn:aws:iam::{request.account}:role{parameters.get('PathPrefix', '/')}")
        return
    if "RoleName" not in parameters:
        yield check
        return
    role = iam._roles.get(parameters["RoleName"]) or {}
    is_creating = check.action == "iam:CreateRole"
    path = parameters.get("Path", "/") if is_creating else role.get("Path", "/")
    arn = f"arn:aws:iam::{request.account}:role{path}{parameters['RoleName']}"
    boundary = parameters.get("PermissionsBoundary") or (None if is_creating else role.get("PermissionsBoundary"))
    boundary_key = {"iam:PermissionsBoundary": boundary} if check.action in _WITH_BOUNDARY else {}
    yield AccessCheck(check.action, arn, {**check.context, **boundary_key})
    if is_creating and parameters.get("Tags"):
        yield AccessCheck("iam:TagRole", arn, check.context)


_WITH_BOUNDARY = {
    f"iam:{operation}"
    for operation in (
        "AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy",
        "DetachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy",
    )
}  # fmt: skip
"""The actions on roles that have the condition key: SAR, list_awsidentityandaccessmanagementiam. SAR names UpdateRole,
UpdateRoleDescription and UpdateAssumeRolePolicy, too; users found that it does not work there (alphagov/gsp#990)."""


def _lambda_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    is_creating = check.action == "lambda:CreateFunction"
    parameters = request.parameters
    if check.action == "lambda:AddPermission":
        principal = {"lambda:Principal": parameters.get("Principal")}
        qualifier = "".join(f":{value}" for value in request.query.get("Qualifier", []))
        arn = check.resource.removesuffix(qualifier) + qualifier
        yield AccessCheck(check.action, arn, {**check.context, **principal})
        return
    arn = request.arn("lambda", f"function:{parameters.get('FunctionName')}") if is_creating else check.resource
    yield AccessCheck(check.action, arn, check.context)
    if check.action in ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration") and parameters.get("Role"):
        yield AccessCheck("iam:PassRole", parameters["Role"], {"iam:PassedToService": "lambda.amazonaws.com"})
    if check.action in ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"):
        yield from _lambda_configuration_checks(parameters)
    if is_creating and parameters.get("Tags"):
        yield AccessCheck("lambda:TagResource", arn, check.context)


def _lambda_configuration_checks(parameters: Mapping[str, Any]) -> Iterator[AccessCheck]:
    """Yield the checks for what a function's configuration names: AWS makes them with the caller's credentials.

    Layers, by a version's ARN: users' denials, e.g. axiomhq/axiom-lambda-extension#35. VPC:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html, and "your request credentials" in the denials
    of users, e.g. aws/aws-sdk-ruby#1191. Key:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
    """
    for layer in parameters.get("Layers") or []:
        yield AccessCheck("lambda:GetLayerVersion", layer)
    if any((parameters.get("VpcConfig") or {}).values()):
        for operation in ("DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"):
            yield AccessCheck(f"ec2:{operation}", "*")
    if key := parameters.get("KMSKeyArn"):
        for operation in ("CreateGrant", "Encrypt"):
            yield AccessCheck(f"kms:{operation}", _key_arn(key))


def _apigateway_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """Add the condition keys for an API's name, and for the log group of a stage's access log.

    The further checks for a resource that is created with tags are known from users' denials: see TagApis and TagStages
    in infra/policies/ci.py. AWS checks CreateLogDelivery at every update of a stage with an access log: docs/iam.md.
    """
    verb, parameters = check.action.split(":")[1], request.parameters
    service, _, path = check.resource.partition("::")
    parent, is_of_stages, stage_name = path.partition("/stages")
    _, is_of_one_api, api = parent.partition("/apis/")
    stage = apigateway._stages.get(api, {}).get(stage_name.strip("/"), {})
    tags = _request_tags(parameters)
    context = {**check.context, **tags}
    if is_of_stages:
        context["apigateway:Request/AccessLoggingDestination"] = _destination(parameters)
        context["apigateway:Resource/AccessLoggingDestination"] = _destination(stage)
    elif "/" not in api:
        context["apigateway:Request/ApiName"] = parameters.get("name")
        context["apigateway:Resource/ApiName"] = apigateway._apis.get(api, {}).get("name") if is_of_one_api else None
    yield AccessCheck(check.action, check.resource, context)
    if role_arn := parameters.get("credentialsArn"):
        yield AccessCheck("iam:PassRole", role_arn, {"iam:PassedToService": "apigateway.amazonaws.com"})
    if verb == "POST" and parameters.get("tags"):
        if path == "/apis":
            yield AccessCheck("apigateway:POST", f"{service}::/tags/{quote(f'{service}::/v2/apis/', safe='')}*", tags)
        elif is_of_stages:
            yield AccessCheck("apigateway:TagResource", f"{service}::{parent}/stages", tags)
            tagged = f"{service}::{parent}/stages/{parameters.get('stageName')}"
            yield AccessCheck("apigateway:PUT", f"{service}::/tags/{quote(tagged, safe='')}", tags)
    if is_of_stages and (_destination(parameters) or _destination(stage)):
        for action in _DELIVER_ACCESS_LOG.get(verb, ()):
            yield AccessCheck(action, "*")


def _destination(stage: Mapping[str, Any]) -> str | None:
    return (stage.get("accessLogSettings") or {}).get("destinationArn")


def _logs_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """Name groups and streams in the forms that users' denials show: see LogGroups, DescribeLogs and DescribeLogTags in
    infra/policies/ci.py."""
    parameters, operation = request.parameters, check.action.split(":")[1]
    # AWS takes one of these members; the emulator takes more, and may then serve another than it checks.
    more = [parameters.get("logGroupIdentifier"), *parameters.get("logGroupIdentifiers", []),
            *parameters.get("logGroupNames", [])]  # fmt: skip
    for name in filter(None, more):
        named = name.removesuffix(":*") if name.startswith("arn:") else request.arn("logs", f"log-group:{name}")
        yield AccessCheck(check.action, named, check.context)
    if any(more) and "logGroupName" not in parameters:
        return
    group = request.arn("logs", f"log-group:{parameters.get('logGroupName', '')}")
    if operation in ("CreateLogStream", "PutLogEvents"):
        resource = f"{group}:log-stream:{parameters.get('logStreamName', '')}"
    elif operation in ("CreateLogGroup", "DescribeLogGroups", "FilterLogEvents", "PutRetentionPolicy"):
        resource = f"{request.arn('logs', 'log-group:') if operation == 'DescribeLogGroups' else group}:log-stream:"
    else:
        resource = check.resource.removesuffix(":*")
    yield AccessCheck(check.action, resource, check.context)
    if operation == "CreateLogGroup" and parameters.get("tags"):
        yield AccessCheck("logs:TagResource", group, check.context)


def _events_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """A rule by its name, its tags besides: SAR, list_amazoneventbridge."""
    parameters = request.parameters
    name = parameters.get("Rule") or parameters.get("Name")
    resource = parameters.get("ResourceARN") or (request.arn("events", f"rule/{name}") if name else check.resource)
    yield AccessCheck(check.action, resource, check.context)
    if check.action == "events:PutRule" and parameters.get("Tags"):
        yield AccessCheck("events:TagResource", resource, check.context)
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html ("Passing roles")
    # The rule's own: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    for taker in (parameters, *parameters.get("Targets", [])):
        if role_arn := taker.get("RoleArn"):
            yield AccessCheck("iam:PassRole", role_arn, {"iam:PassedToService": "events.amazonaws.com"})


def _cloudwatch_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """Name alarms, one check for each; `*` stands for all when the request names none."""
    parameters = request.parameters
    tags = _request_tags(parameters)
    if "ResourceARN" in parameters:
        yield AccessCheck(check.action, parameters["ResourceARN"], {**check.context, **tags})
        return
    if "Alarm" not in check.action:
        yield check
        return
    # DeleteAlarms without a name is checked on `alarm:`: aws-samples/amazon-cloudwatch-auto-alarms#18.
    every = "" if check.action == "cloudwatch:DeleteAlarms" else "*"
    names = parameters.get("AlarmNames") or [parameters.get("AlarmName", every)]
    actions = [
        *parameters.get("AlarmActions", []),
        *parameters.get("OKActions", []),
        *parameters.get("InsufficientDataActions", []),
    ]
    context = {**check.context, "cloudwatch:AlarmActions": actions or None}
    for arn in [request.arn("cloudwatch", f"alarm:{name}") for name in names]:
        yield AccessCheck(check.action, arn, context)
        if check.action == "cloudwatch:PutMetricAlarm" and parameters.get("Tags"):
            yield AccessCheck("cloudwatch:TagResource", arn, tags)


def _kms_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """Name a key by its own ARN, also when the request names its alias:
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html"""
    yield AccessCheck(check.action, _key_arn(check.resource), check.context)
    # The emulator decrypts with the key of the ciphertext, whichever key the request names; AWS refuses another.
    if key := iam_actions._kms_key_id_from_ciphertext(request.parameters.get("CiphertextBlob")):
        yield AccessCheck(check.action, _key_arn(key), check.context)


def _s3_checks(request: Request, check: AccessCheck) -> Iterator[AccessCheck]:
    """Add the check of the key that encrypts the object: the one that a request names, or the object has, or else the
    bucket's. https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms"""
    context = {f"s3:{name}": request.headers[name] for name in (_CALLERS_KEY,) if name in request.headers}
    yield AccessCheck(check.action, check.resource, {**check.context, **context})
    key_action = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}.get(check.action)
    bucket, _, name = check.resource.removeprefix("arn:aws:s3:::").partition("/")
    if check.action == "s3:PutObject":
        own = request.headers
    else:
        own = s3._stored_sse_headers((s3._buckets.get(bucket) or {}).get("objects", {}).get(name, {}))
    key = own.get(_SSE_KEY) or s3._bucket_default_sse_headers(bucket).get(_SSE_KEY)
    if key_action and key:
        yield AccessCheck(key_action, _key_arn(key))


_CALLERS_KEY = "x-amz-server-side-encryption-customer-algorithm"
_SSE_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def _key_arn(name: str) -> str:
    """Return the ARN of the key with this id, ARN or alias, or the name itself when there is no such key."""
    record = kms._resolve_key(name)
    return str(record["Arn"]) if record else name


_ACCESS_CHECKS = {
    "iam": _iam_checks,
    "lambda": _lambda_checks,
    "apigateway": _apigateway_checks,
    "events": _events_checks,
    "logs": _logs_checks,
    "monitoring": _cloudwatch_checks,
    "kms": _kms_checks,
    "s3": _s3_checks,
}
