"""Which API call a request is, and its parameters and its result, by AWS's own models, which botocore has.

Values are written as CloudTrail does: `FunctionName` is `functionName`, `KMSKeyArn` is `kMSKeyArn`, and what the model
declares sensitive or binary is left out. So are a function's variables, `"environment": {}`, as in AWS's events
(https://stratus-red-team.cloud/attack-techniques/AWS/aws.persistence.lambda-layer-extension/), its code
(https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html), and KMS's ciphertext and plaintext
(https://docs.aws.amazon.com/kms/latest/developerguide/ct-decrypt.html).
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple

from botocore import parsers
from botocore.compat import HTTPHeaders
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from local_aws.emulator import request_parameters

_MODELS = {
    "apigateway": "apigatewayv2",
    "cloudtrail": "cloudtrail",
    "events": "events",
    "iam": "iam",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "s3": "s3",
    "scheduler": "scheduler",
    "sts": "sts",
    "tagging": "resourcegroupstaggingapi",
}
"""The models of the services that the project calls, by the emulator's names of the services."""

_SECRETS = {"SecretAccessKey", "SessionToken", "WebIdentityToken"}
"""AWS does record a session's token, in the events of STS, where it is useless without the secret key."""

_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


class Error(NamedTuple):
    code: str
    message: str


@dataclass(frozen=True)
class ApiCall:
    """An API call: its operation, and the request's parameters as CloudTrail writes them."""

    operation: OperationModel
    parameters: dict[str, Any]
    query: Mapping[str, Any]

    @property
    def service(self) -> str:
        """Return botocore's name of the service."""
        return str(self.operation.service_model.service_name)

    @property
    def name(self) -> str:
        return str(self.operation.name)

    @property
    def endpoint(self) -> str:
        """Return the service's name in its hostname, which is its name in CloudTrail, too: `monitoring`."""
        return str(self.operation.service_model.endpoint_prefix)

    @property
    def uri_query(self) -> str:
        """Return the query by which a REST service tells operations apart: `tagging`."""
        return str(self.operation.http["requestUri"]).partition("?")[2]

    def result(self, status: int, headers: Mapping[str, str], body: Any) -> tuple[dict[str, Any], Error | None]:
        """Return the response's elements as CloudTrail writes them, and the error if it is one."""
        if not isinstance(body, bytes):
            return {}, None
        response_headers = HTTPHeaders()
        for name, value in headers.items():
            response_headers[name] = value
        response = {"status_code": status, "headers": response_headers, "body": body}
        try:
            parsed = _parser(self._protocol(response_headers)).parse(response, self.operation.output_shape)
        except parsers.ResponseParserError:
            parsed = {}
        if status >= 300:
            error = parsed.get("Error", {})
            return {}, Error(str(error.get("Code") or status), str(error.get("Message") or ""))
        return _written(self.operation.output_shape, parsed, is_parsed=True) or {}, None

    def _protocol(self, headers: Any) -> str:
        """Return the protocol of a response. A CloudWatch client may use any of three."""
        declared, content_type = str(self.operation.service_model.protocol), str(headers.get("content-type", ""))
        if "cbor" in content_type:
            return "smithy-rpc-v2-cbor"
        if "xml" in content_type:
            return "rest-xml" if declared == "rest-xml" else "query"
        return "rest-json" if declared == "rest-json" else "json"


class _Route(NamedTuple):
    """A pattern of paths and the query parameters of one operation's requests."""

    operation: str
    pattern: re.Pattern[str]
    labels: list[str]
    query: list[tuple[str, str]]


def find(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> ApiCall | None:
    """Return the API call that a request is; None when its service or operation is not known here."""
    if service not in _MODELS or (service == "apigateway" and not path.startswith("/v2/")):
        return None
    model = _model(_MODELS[service])
    labels: dict[str, str] = {}
    if model.protocol.startswith("rest-"):
        name, labels = _match(model.service_name, method, path, query)
    else:
        name = path.partition("/operation/")[2] or headers.get("x-amz-target", "").rpartition(".")[2]
    values = {} if model.service_name == "s3" else request_parameters.read(headers, body, query)
    name = name or str(values.get("Action", ""))
    if name not in model.operation_names:
        return None
    operation = model.operation_model(name)
    located = {"uri": labels, "querystring": {key: value[0] for key, value in query.items()}}
    parameters = {}
    for member, shape in (operation.input_shape.members if operation.input_shape else {}).items():
        wire_name = shape.serialization.get("name", member)
        value = located.get(str(shape.serialization.get("location")), values).get(wire_name)
        if value is not None and not _is_omitted(member, shape):
            parameters[_cased(member)] = _written(shape, value)
    return ApiCall(operation, parameters, query)


def _match(service: str, method: str, path: str, query: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    for route in _routes(service).get(method, []):
        has_query = all(key in query and value in ("", query[key][0]) for key, value in route.query)
        if has_query and (match := route.pattern.fullmatch(path.rstrip("/") or "/")):
            return route.operation, dict(zip(route.labels, match.groups(), strict=True))
    return "", {}


@functools.cache
def _routes(service: str) -> dict[str, list[_Route]]:
    """Return a REST service's routes by method, the more specific ones first."""
    model, routes = _model(service), dict[str, list[_Route]]()
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.deprecated:
            continue  # GetBucketLifecycle has the same route as GetBucketLifecycleConfiguration
        path, _, query = operation.http["requestUri"].partition("?")
        labels = re.findall(r"{([^}+]+)\+?}", path)
        # Labels that stand for several segments: S3's keys, and ARNs.
        pattern = re.sub(
            r"{([^}]+)}",
            lambda label: "(.+)" if label[1].endswith("+") or "arn" in label[1].lower() else "([^/]+)",
            path.rstrip("/") or "/",
        )
        pairs = [(key, value) for key, _, value in (part.partition("=") for part in query.split("&") if part)]
        routes.setdefault(operation.http["method"], []).append(_Route(name, re.compile(pattern), labels, pairs))
    for of_method in routes.values():
        of_method.sort(key=lambda route: (-len(route.query), len(route.labels)))
    return routes


@functools.cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@functools.cache
def _parser(protocol: str) -> Any:
    return parsers.create_parser(protocol)


def _written(shape: Any, value: Any, *, is_parsed: bool = False) -> Any:
    """Return a value as CloudTrail writes it. Parsed values have the model's names, others those of the protocol."""
    if shape is None:
        return None
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {
            _cased(name): _written(member, value[key], is_parsed=is_parsed)
            for name, member in shape.members.items()
            if (key := name if is_parsed else member.serialization.get("name", name)) in value
            and not _is_omitted(name, member)
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_written(shape.member, item, is_parsed=is_parsed) for item in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: _written(shape.value, item, is_parsed=is_parsed) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return _timestamp(value, shape.serialization.get("timestampFormat"))
    if shape.type_name == "boolean":
        return value in (True, "true")
    try:
        return _NUMBERS.get(shape.type_name, lambda scalar: scalar)(value)
    except (TypeError, ValueError):
        return value  # which the service refuses, too


def _is_omitted(name: str, shape: Any) -> bool:
    return shape.type_name == "blob" or bool(shape.metadata.get("sensitive")) or name in _SECRETS


def _cased(name: str) -> str:
    return name[:1].lower() + name[1:]


def _timestamp(value: Any, form: str | None) -> Any:
    """Return a time in the form of AWS's events: `Apr 19, 2024, 4:00:00 AM`, or ISO 8601 where the model asks for it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html
    """
    if isinstance(value, (int, float)):
        value = datetime.fromtimestamp(value, timezone.utc)
    if not isinstance(value, datetime):
        return value
    if form == "iso8601":
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return f"{value:%b} {value.day}, {value.year}, {value.hour % 12 or 12}:{value:%M:%S %p}"
