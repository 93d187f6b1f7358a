"""The base class of resource types, their AWS clients, and the functions that they share."""

import functools
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws import loopback
from ops import service_models

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import TagTypeDef  # most services have the same
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

Props = dict[str, Any]
"""Properties by Pulumi's names, as plain JSON values."""


class Aws:
    """The clients of one session, with the credentials at its creation. Each client is created on first use.

    Threads may share it. The clients are botocore's, as boto3's are: without boto3 the plugin starts sooner.

    Raises LocalAwsError when AWS_ENDPOINT_URL does not name this machine.
    """

    def __init__(self, region: str | None = None) -> None:
        self.endpoint = loopback.endpoint()
        self._session = service_models.session()
        self._region = region or self._session.get_config_variable("region")
        self._session.get_credentials()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        return str(self._region)

    @property
    def partition(self) -> str:
        return str(self._session.get_partition_for_region(self.region))

    @property
    def account(self) -> str:
        """Return the account's number, from one call to AWS."""
        return str(self.identity["Account"])

    @functools.cached_property
    def identity(self) -> Props:
        """Return the caller's Account, Arn and UserId."""
        return {**self.client("sts").get_caller_identity()}

    @overload
    def client(self, service: Literal["apigatewayv2"]) -> "ApiGatewayV2Client": ...
    @overload
    def client(self, service: Literal["cloudwatch"]) -> "CloudWatchClient": ...
    @overload
    def client(self, service: Literal["events"]) -> "EventBridgeClient": ...
    @overload
    def client(self, service: Literal["iam"]) -> "IAMClient": ...
    @overload
    def client(self, service: Literal["kms"]) -> "KMSClient": ...
    @overload
    def client(self, service: Literal["lambda"]) -> "LambdaClient": ...
    @overload
    def client(self, service: Literal["logs"]) -> "CloudWatchLogsClient": ...
    @overload
    def client(self, service: Literal["s3"]) -> "S3Client": ...
    @overload
    def client(self, service: Literal["sts"]) -> "STSClient": ...
    @overload
    def client(self, service: str) -> Any: ...  # a name that is data, as in a denied call

    def client(self, service: str) -> Any:
        with self._lock:  # sessions are not thread-safe, clients are
            if service not in self._clients:
                self._clients[service] = self._session.create_client(service, self._region, endpoint_url=self.endpoint)
            return self._clients[service]

    def close(self) -> None:
        """Close the clients' connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


class Resource:
    """One resource type. A subclass creates, reads, updates and deletes it in AWS.

    A resource's state is its inputs and its computed values, such as its ARN.
    """

    token: ClassVar[str]
    inputs: ClassVar[frozenset[str]]
    replaces: ClassVar[frozenset[str]]
    """Inputs that AWS cannot change on an existing resource."""
    documents: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are JSON text, compared by their values."""
    undiffed: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are not compared, because another input changes with them."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def check(self, new: Props) -> Props:
        """Return the inputs as they will be stored."""
        return new

    def create(self, new: Props) -> tuple[str, Props]:
        """Create it, in one call; return its id and its computed values."""
        raise NotImplementedError

    def complete(self, id: str, new: Props) -> None:
        """Do what `create` cannot do in its one call. When this fails, the resource is deleted again."""

    def read(self, id: str, old: Props) -> Props | None:
        """Return its actual state. When it does not exist any more, return None or raise AWS's error that says so."""
        raise NotImplementedError

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        """Apply the changed inputs; return the computed values that changed."""
        raise NotImplementedError

    def delete(self, id: str, old: Props) -> None:
        """Delete it."""
        raise NotImplementedError


def is_not_found(error: ClientError) -> bool:
    """Return whether AWS's error says that the resource does not exist."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code == "404" or "NotFound" in code or "NoSuch" in code


def key_values(tags: Props | None) -> "list[TagTypeDef]":
    """Return tags in the format of most services."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def from_key_values(tags: "list[TagTypeDef]") -> Props:
    return {tag["Key"]: tag["Value"] for tag in tags}


def removed_tag_keys(old: Props, new: Props) -> list[str]:
    """Return the keys of the tags to remove."""
    return sorted(set(old.get("tags") or {}) - set(new.get("tags") or {}))


def to_api(client: Any, operation: str, props: Props) -> Props:
    """Turn properties into an operation's parameters by botocore's model of it.

    Names match in any case (`sseAlgorithm` is `SSEAlgorithm`), numbers become integers where the model says so, and
    botocore validates the result when the operation is called.

    Raises KeyError for a property that the operation does not have.
    """
    shape = client.meta.service_model.operation_model(operation).input_shape
    result = _to_shape(shape, props)
    assert isinstance(result, dict)
    return result


def _to_shape(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        names = {name.lower(): name for name in shape.members}
        return {
            names[key.lower()]: _to_shape(shape.members[names[key.lower()]], item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(shape, ListShape):
        return [_to_shape(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_shape(shape.value, item) for key, item in value.items()}
    return int(value) if shape.type_name in ("integer", "long") else value


def restricted_to(wanted: Any, actual: Any) -> Any:
    """Return `actual`, a response of AWS, with the names of `wanted` and without what `wanted` does not name."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        values = {key.lower(): value for key, value in actual.items()}
        return {key: restricted_to(item, values[key.lower()]) for key, item in wanted.items() if key.lower() in values}
    if isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        return [restricted_to(*pair) for pair in zip(wanted, actual, strict=True)]
    return actual
