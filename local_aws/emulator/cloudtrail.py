"""CloudTrail's event history: every management event, by its real caller, and LookupEvents.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html

An event can be looked up as soon as its call ends. In AWS that takes about 5 minutes on average
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html), and an event stays for 90 days.
Here MAX_EVENTS are kept for each account and region, in memory: none outlives the emulator. AWS also records what its
own services call, and services that api_calls.py does not know, and adds `tlsDetails`, `additionalEventData` and more
resources.
"""

import calendar
import itertools
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import cloudtrail, kms

from local_aws.emulator import (
    api_calls,
    caller_identities,
    event_lookup,
    management_events,
    patches,
    request_parameters,
)
from local_aws.emulator.api_calls import ApiCall, Error
from local_aws.emulator.caller_identities import Caller
from local_aws.emulator.patches import Patch

MAX_EVENTS = 20_000

_log = logging.getLogger(__name__)
_sequence = itertools.count()

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_WEB_IDENTITY = "AssumeRoleWithWebIdentity"

_RESOURCES = {
    "apigatewayv2": {"apiId": "AWS::ApiGatewayV2::Api"},
    "cloudwatch": {"alarmName": "AWS::CloudWatch::Alarm", "alarmNames": "AWS::CloudWatch::Alarm"},
    "events": {"name": "AWS::Events::Rule", "rule": "AWS::Events::Rule"},
    "iam": {"policyArn": "AWS::IAM::Policy", "roleName": "AWS::IAM::Role", "userName": "AWS::IAM::User"},
    "kms": {"aliasName": "AWS::KMS::Alias", "keyId": "AWS::KMS::Key"},
    "lambda": {"functionName": "AWS::Lambda::Function"},
    "s3": {"bucketName": "AWS::S3::Bucket"},
    "sts": {"roleArn": "AWS::IAM::Role"},
}
"""The types of the resources that parameters name, as CloudFormation names them. AWS's own lists are documented for no
service: seen were functions by name, roles and keys by ARN, and no resource in the events of CloudWatch Logs."""

_DENIED = {"AccessDenied", "AccessDeniedException"}

_NOT_AUTHENTICATED = {
    "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException",
    "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestTimeTooSkewed",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
"""Errors of requests without valid credentials, which CloudTrail does not log:
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html"""


def install() -> None:
    """Patch the emulator. Call once per process, before it serves.

    Raises LocalAwsError when a function of ministack has another signature than its patch expects.
    """
    patches.install(
        Patch(app, "_dispatch_service_request", "method path headers body query_params request_id", _recording_calls),
        Patch(cloudtrail, "_lookup_events", "body", lambda original: event_lookup.lookup_events),
    )
    cloudtrail._DISPATCH["LookupEvents"] = cloudtrail._lookup_events


def _recording_calls(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    async def dispatch_and_record(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
    ) -> Any:
        try:
            call, caller = _management_call(method, path, headers, body, query)
        except Exception:  # an emulator's own fault must not fail the caller's request
            _log.exception("%s %s is not recorded", method, path)
            call = caller = None
        response = await dispatch(method, path, headers, body, query, request_id)
        if call and caller:
            try:
                _record(call, caller, headers, response, request_id)
            except Exception:
                _log.exception("%s is not recorded", call.name)
        return response

    return dispatch_and_record


def _management_call(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> tuple[ApiCall | None, Caller | None]:
    """Return the call and who makes it; None where the event history has none, or the caller is unknown."""
    service = app.detect_service(method, path, headers, app._routing_params(method, path, headers, body, query))
    call = api_calls.find(service, method, path, headers, body, query)
    if call is None or not management_events.is_in_history(call):
        return None, None
    if call.name == _WEB_IDENTITY:
        token = request_parameters.read(headers, body, query).get("WebIdentityToken", "")
        return call, caller_identities.of_web_identity(str(token), str(call.parameters.get("roleArn", "")))
    access_key = app.extract_access_key_id(headers, query)
    return call, caller_identities.of_access_key(access_key) if access_key else None


def _record(call: ApiCall, caller: Caller, headers: Mapping[str, str], response: Any, request_id: str) -> None:
    status, response_headers, response_body = response
    elements: dict[str, Any] = {}
    error = None
    if status >= 300 or not management_events.is_read(call) or call.service in ("kms", "sts"):
        elements, error = call.result(status, response_headers, response_body)
    if error and error.code in _NOT_AUTHENTICATED:
        return
    if call.name == _WEB_IDENTITY and not error:
        access_key = str(elements.get("credentials", {}).get("accessKeyId"))
        caller_identities.set_provider(access_key, caller.identity["identityProvider"])
    event = _event(call, caller, headers, elements, error)
    resources = _resources(call, event["requestParameters"] or {}, elements)
    event.update(requestID=request_id, **_with_arns(resources, caller.account))
    access_key_id = caller.identity.get("accessKeyId")
    entry = {
        "EventId": event["eventID"],
        "EventName": event["eventName"],
        "ReadOnly": str(event["readOnly"]).lower(),
        **({"AccessKeyId": access_key_id} if access_key_id else {}),
        "EventTime": calendar.timegm(time.strptime(event["eventTime"], _TIME)),
        "EventSource": event["eventSource"],
        "Username": caller.username,
        "Resources": resources,
        "CloudTrailEvent": json.dumps(event, separators=(",", ":"), default=str),
    }
    events = cloudtrail._events.get_scoped(caller.account, event["awsRegion"], "events")
    if events is None:
        events = deque(maxlen=MAX_EVENTS)
        cloudtrail._events.set_scoped(caller.account, event["awsRegion"], "events", events)
    events.append(event_lookup.Event(next(_sequence), entry))


def _event(
    call: ApiCall, caller: Caller, headers: Mapping[str, str], elements: dict[str, Any], error: Error | None
) -> dict[str, Any]:
    is_read = management_events.is_read(call)
    has_elements = not is_read or call.name in management_events.SESSIONS
    # AWS's guide of Lambda has AccessDenied where the API returns AccessDeniedException.
    code = "AccessDenied" if error and error.code in _DENIED else error and error.code
    return {
        "eventVersion": "1.11",
        "userIdentity": caller.identity,
        "eventTime": time.strftime(_TIME, time.gmtime()),
        "eventSource": f"{call.endpoint}.amazonaws.com",
        "eventName": management_events.event_name(call),
        # IAM's events are in us-east-1, and looked up there: #cloudtrail-concepts-global-service-events in
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
        "awsRegion": "us-east-1" if call.service == "iam" else app.extract_region(headers),
        "sourceIPAddress": iam_evaluator._request_origin.get()[0],
        "userAgent": headers.get("user-agent", ""),
        **({"errorCode": code, "errorMessage": error.message} if error else {}),
        "requestParameters": _parameters(call, headers, error) or None,
        "responseElements": (elements or None) if has_elements else None,
        "eventID": str(uuid.uuid4()),
        "readOnly": is_read,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": caller.account,
        "eventCategory": "Management",
    }


def _parameters(call: ApiCall, headers: Mapping[str, str], error: Error | None) -> dict[str, Any]:
    """Return the event's request parameters.

    A denied request has none, because AWS denies it before it reads them: the example in Lambda's guide, and
    docs/detonation-logs/aws.discovery.ec2-download-user-data.json in stratus-red-team. S3's requests have the bucket,
    the host and the subresource, and here nothing of the body.
    """
    if call.service == "s3":
        bucket = call.parameters.get("bucket")
        subresources = {key: call.query[key][0] for key in parse_qs(call.uri_query, keep_blank_values=True)}
        return {**({"bucketName": bucket} if bucket else {}), "Host": headers.get("host", ""), **subresources}
    if error and error.code in _DENIED and call.name != _WEB_IDENTITY:
        return {}
    return call.parameters


def _resources(call: ApiCall, parameters: dict[str, Any], elements: dict[str, Any]) -> list[dict[str, str]]:
    """Return the resources that the call names, each by the name that the request has; keys by their ARNs."""
    if call.service == "kms" and (key := kms._resolve_key(str(parameters.get("keyId") or elements.get("keyId")))):
        parameters = {**parameters, "keyId": key["Arn"]}
    resources = []
    for parameter, resource_type in _RESOURCES.get(call.service, {}).items():
        names = parameters.get(parameter) or []
        for name in names if isinstance(names, list) else [names]:
            resources.append({"ResourceType": resource_type, "ResourceName": str(name)})
    return resources


def _with_arns(resources: list[dict[str, str]], account: str) -> dict[str, Any]:
    """Return the event's own list, which only KMS's and STS's events have here."""
    arns = [
        {"accountId": account, "type": resource["ResourceType"], "ARN": resource["ResourceName"]}
        for resource in resources
        if resource["ResourceType"] in ("AWS::KMS::Key", "AWS::IAM::Role")
        and resource["ResourceName"].startswith("arn:")
    ]
    return {"resources": arns} if arns else {}
