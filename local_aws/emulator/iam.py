"""What AWS asks of IAM for a request, where the emulator asks less or names another resource.

The emulator makes one action, one resource and a few condition keys of each request, and its evaluator decides. Here
the question is put as AWS puts it, and so are those that AWS asks besides: leave to pass a role, to tag what is made,
to use the key of an encrypted bucket, to deliver an access log. Only what the program, `check` and Pulumi's backend
call is here. Sources, unless another is named: https://docs.aws.amazon.com/service-authorization/latest/reference/,
and for the delivery of access logs `tests/support/aws-provider-actions.json`.

Every decision is a line of `decisions.jsonl` in the emulator's directory: principal, action, resource, allowed.
"""

import contextvars
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import cbor2
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import apigateway, iam, kms, lambda_svc, s3, tagging

from local_aws.emulator import query_protocol

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
    """A request to one of the emulator's services, which is `monitoring` for CloudWatch."""

    service: str
    path: str
    parameters: Mapping[str, Any]
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Question:
    """May the caller do this?"""

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict)


_request: contextvars.ContextVar[Request | None] = contextvars.ContextVar("request", default=None)
"""What is asked about, but for requests to a deployed API."""

_denied: contextvars.ContextVar[Question] = contextvars.ContextVar("denied")

_functions: dict[str, str] = {}
"""The functions' ARNs by the access keys that they run with."""


def install(directory: Path) -> None:
    """Hook into the emulator. Once per process, before it serves."""
    find_resource = iam_actions.extract_resource_arn
    enforce = iam_evaluator.enforce
    refuse = iam_actions.access_denied_response
    resolve = iam_evaluator.resolve_principal
    credentials = lambda_runtime.execution_credentials
    decisions = (directory / DECISIONS).open("a", buffering=1)

    def note_request(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str,
                     account: str) -> str:  # fmt: skip
        _request.set(Request(service, path, _parameters(headers, body, query), region, account))
        return str(find_resource(service, method, path, headers, body, query, region, account))

    def enforce_all(access_key: str, action: str, service: str, region: str, resource_arn: str = "*",
                    service_context: dict[str, Any] | None = None) -> Any:  # fmt: skip
        for question in _questions(service, Question(action, resource_arn, service_context or {})):
            denied = enforce(access_key, question.action, service, region, question.resource, question.context)
            decision = {"principal": iam_evaluator.caller_arn(), "action": question.action,
                        "resource": question.resource, "allowed": denied is None}  # fmt: skip
            decisions.write(json.dumps(decision) + "\n")
            if denied is not None:
                _denied.set(question)
                return denied
        return None

    def refuse_what_was_denied(service: str, action: str, principal_arn: str, request_id: str, **details: Any) -> Any:
        question = _denied.get(Question(action, details.get("resource_arn", "*")))
        return refuse(
            service, question.action, principal_arn, request_id, **{**details, "resource_arn": question.resource}
        )

    def resolve_with_function(access_key: str, *rest: Any) -> Any:
        principal = resolve(access_key, *rest)
        if access_key in _functions:
            principal.keys["lambda:sourcefunctionarn"] = _functions[access_key]
        return principal

    def note_function(config: dict[str, Any]) -> dict[str, str]:
        given: dict[str, str] = credentials(config)
        _functions[given["AWS_ACCESS_KEY_ID"]] = config["FunctionArn"]
        return given

    iam_actions.extract_resource_arn = note_request
    iam_evaluator.enforce = enforce_all
    iam_actions.access_denied_response = refuse_what_was_denied
    iam_evaluator.resolve_principal = resolve_with_function
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = note_function
    tagging._RESOURCE_TAG_COLLECTORS["apigateway"] = _api_tags


def _parameters(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> dict[str, Any]:
    """A request's parameters in whichever of AWS's protocols it comes: CBOR, JSON, or form fields.

    None of a body that cannot be read: what it names is then not allowed by name.
    """
    try:
        if "cbor" in headers.get("content-type", ""):
            return dict(cbor2.loads(body))
        if body[:1] == b"{":
            return dict(json.loads(body))
        form = parse_qs(body.decode()) if "form-urlencoded" in headers.get("content-type", "") else {}
        return query_protocol.nested({**query, **form})
    except (ValueError, TypeError, cbor2.CBORDecodeError):
        return {}


def _api_tags() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for arn, tags in apigateway._api_tags.items():
        yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]


def _questions(service: str, asked: Question) -> Iterator[Question]:
    request = _request.get()
    if request and service in _QUESTIONS:
        yield from _QUESTIONS[service](request, asked)
    else:
        yield asked


def _of_iam(request: Request, asked: Question) -> Iterator[Question]:
    """Roles by their path, and where AWS has the key with their boundary: the one asked for, or the role's own."""
    wanted = request.parameters
    if "RoleName" not in wanted:
        yield asked
        return
    role = iam._roles.get(wanted["RoleName"]) or {}
    making = asked.action == "iam:CreateRole"
    path = wanted.get("Path", "/") if making else role.get("Path", "/")
    arn = f"arn:aws:iam::{request.account}:role{path}{wanted['RoleName']}"
    boundary = wanted.get("PermissionsBoundary") or (None if making else role.get("PermissionsBoundary"))
    bounded = {"iam:PermissionsBoundary": boundary} if asked.action in _WITH_BOUNDARY else {}
    yield Question(asked.action, arn, {**asked.context, **bounded})
    if making and wanted.get("Tags"):
        yield Question("iam:TagRole", arn, asked.context)


_WITH_BOUNDARY = {
    f"iam:{operation}"
    for operation in (
        "AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy",
        "DetachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy",
    )
}  # fmt: skip
"""The actions on roles that have the condition key: SAR, list_awsidentityandaccessmanagementiam. It names UpdateRole,
UpdateRoleDescription and UpdateAssumeRolePolicy, too; people found that it does not work there (alphagov/gsp#990)."""


def _of_lambda(request: Request, asked: Question) -> Iterator[Question]:
    making = asked.action == "lambda:CreateFunction"
    wanted = request.parameters
    if asked.action == "lambda:AddPermission":
        yield Question(asked.action, asked.resource, {**asked.context, "lambda:Principal": wanted.get("Principal")})
        return
    arn = request.arn("lambda", f"function:{wanted.get('FunctionName')}") if making else asked.resource
    yield Question(asked.action, arn, asked.context)
    if asked.action in ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration") and wanted.get("Role"):
        yield Question("iam:PassRole", wanted["Role"], {"iam:PassedToService": "lambda.amazonaws.com"})
    if making and wanted.get("Tags"):
        yield Question("lambda:TagResource", arn, asked.context)


def _of_apigateway(request: Request, asked: Question) -> Iterator[Question]:
    """APIs with their names, stages with where they log to.

    What is asked besides when something is made with tags is by people's denials: see TagApis and TagStages in
    infra/policies/ci.py. That a stage with an access log asks for CreateLogDelivery at any update, too: docs/iam.md.
    """
    verb, wanted = asked.action.split(":")[1], request.parameters
    service, _, path = asked.resource.partition("::")
    parent, stages, stage = path.partition("/stages")
    _, of_api, api = parent.partition("/apis/")
    made = apigateway._stages.get(api, {}).get(stage.strip("/"), {})
    context = dict(asked.context)
    if stages:
        context["apigateway:Request/AccessLoggingDestination"] = _destination(wanted)
        context["apigateway:Resource/AccessLoggingDestination"] = _destination(made)
    elif "/" not in api:
        context["apigateway:Request/ApiName"] = wanted.get("name")
        context["apigateway:Resource/ApiName"] = apigateway._apis.get(api, {}).get("name") if of_api else None
    yield Question(asked.action, asked.resource, context)
    if wanted.get("credentialsArn"):
        yield Question("iam:PassRole", wanted["credentialsArn"], {"iam:PassedToService": "apigateway.amazonaws.com"})
    if verb == "POST" and wanted.get("tags"):
        if path == "/apis":
            yield Question("apigateway:POST", f"{service}::/tags/{quote(f'{service}::/v2/apis/', safe='')}*")
        elif stages:
            yield Question("apigateway:TagResource", f"{service}::{parent}/stages")
            tagged = f"{service}::{parent}/stages/{wanted.get('stageName')}"
            yield Question("apigateway:PUT", f"{service}::/tags/{quote(tagged, safe='')}")
    if stages and (_destination(wanted) or _destination(made)):
        for action in _DELIVER_ACCESS_LOG.get(verb, ()):
            yield Question(action, "*")


def _destination(stage: Mapping[str, Any]) -> str | None:
    return (stage.get("accessLogSettings") or {}).get("destinationArn")


def _of_logs(request: Request, asked: Question) -> Iterator[Question]:
    """Groups and streams in the forms that people's denials show: see LogGroups, DescribeLogs and DescribeLogTags in
    infra/policies/ci.py."""
    wanted, operation = request.parameters, asked.action.split(":")[1]
    group = request.arn("logs", f"log-group:{wanted.get('logGroupName', '')}")
    if operation in ("CreateLogStream", "PutLogEvents"):
        resource = f"{group}:log-stream:{wanted.get('logStreamName', '')}"
    elif operation in ("CreateLogGroup", "DescribeLogGroups", "FilterLogEvents", "PutRetentionPolicy"):
        resource = f"{request.arn('logs', 'log-group:') if operation == 'DescribeLogGroups' else group}:log-stream:"
    else:
        resource = asked.resource.removesuffix(":*")
    yield Question(asked.action, resource, asked.context)
    if operation == "CreateLogGroup" and wanted.get("tags"):
        yield Question("logs:TagResource", group, asked.context)


def _of_cloudwatch(request: Request, asked: Question) -> Iterator[Question]:
    """Alarms by their names, one or several; all when none is named."""
    wanted = request.parameters
    if "ResourceARN" in wanted:
        yield Question(asked.action, wanted["ResourceARN"], asked.context)
        return
    if "Alarm" not in asked.action:
        yield asked
        return
    # DeleteAlarms of none is asked on `alarm:`: aws-samples/amazon-cloudwatch-auto-alarms#18.
    every = "" if asked.action == "cloudwatch:DeleteAlarms" else "*"
    names = wanted.get("AlarmNames") or [wanted.get("AlarmName", every)]
    actions = [
        *wanted.get("AlarmActions", []),
        *wanted.get("OKActions", []),
        *wanted.get("InsufficientDataActions", []),
    ]
    context = {**asked.context, "cloudwatch:AlarmActions": actions or None}
    for arn in [request.arn("cloudwatch", f"alarm:{name}") for name in names]:
        yield Question(asked.action, arn, context)
        if asked.action == "cloudwatch:PutMetricAlarm" and wanted.get("Tags"):
            yield Question("cloudwatch:TagResource", arn, asked.context)


def _of_kms(request: Request, asked: Question) -> Iterator[Question]:
    """A key is asked about by its own ARN, also when its alias is named:
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html"""
    yield Question(asked.action, _key_arn(asked.resource), asked.context)


def _of_s3(request: Request, asked: Question) -> Iterator[Question]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms"""
    yield asked
    key_action = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}.get(asked.action)
    bucket = asked.resource.removeprefix("arn:aws:s3:::").split("/")[0]
    key = s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
    if key_action and key:
        yield Question(key_action, _key_arn(key))


def _key_arn(name: str) -> str:
    """The ARN of the key with this id, ARN or alias; the name itself when there is none."""
    record = kms._resolve_key(name)
    return str(record["Arn"]) if record else name


_QUESTIONS = {
    "iam": _of_iam,
    "lambda": _of_lambda,
    "apigateway": _of_apigateway,
    "logs": _of_logs,
    "monitoring": _of_cloudwatch,
    "kms": _of_kms,
    "s3": _of_s3,
}
