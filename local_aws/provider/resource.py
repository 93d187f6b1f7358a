"""What one resource type is to the provider, and what the types share."""

import functools
import threading
from typing import Any, ClassVar

import botocore.session
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws import loopback

Props = dict[str, Any]
"""Properties by Pulumi's names, as plain JSON values."""


class Aws:
    """Clients of one session, made when first asked for, all with the credentials that there were when it was made.
    Safe to share between threads.

    They are botocore's, which are boto3's: the plugin is there sooner without boto3 around them.

    Raises LocalAwsError when AWS_ENDPOINT_URL does not name this machine.
    """

    def __init__(self, region: str | None = None) -> None:
        self.endpoint = loopback.endpoint()
        self._session = botocore.session.get_session()
        self._session.register_component("data_loader", _models())
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
        """The account's number, asked for once."""
        return str(self.identity["Account"])

    @functools.cached_property
    def identity(self) -> Props:
        """Who is calling: Account, Arn, UserId."""
        identity: Props = self.client("sts").get_caller_identity()
        return identity

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


@functools.cache
def _models() -> Any:
    """Reads AWS's models of its services, once for all sessions: they are most of the time that a client takes."""
    return botocore.session.get_session().get_component("data_loader")


class Resource:
    """One resource type. A subclass says how AWS makes, reads, changes and deletes it.

    The state of a resource is its inputs and what AWS added to them.
    """

    token: ClassVar[str]
    inputs: ClassVar[frozenset[str]]
    replaces: ClassVar[frozenset[str]]
    """Inputs that AWS cannot change on a resource that exists."""
    documents: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are JSON text, equal when what they say is equal."""
    undiffed: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose changes another input tells."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def check(self, new: Props) -> Props:
        """Inputs as they will be stored."""
        return new

    def create(self, new: Props) -> tuple[str, Props]:
        """Make it, in one call; return its id and what AWS added to its inputs."""
        raise NotImplementedError

    def complete(self, id: str, new: Props) -> None:
        """Do what `create` could not in its one call; when this fails, the resource is deleted again."""

    def read(self, id: str, old: Props) -> Props | None:
        """Its state as AWS has it now; None, or an error that says so, when it is gone."""
        raise NotImplementedError

    def update(self, id: str, old: Props, new: Props, changed: set[str]) -> Props:
        """Bring the changed inputs about; return what AWS added."""
        raise NotImplementedError

    def delete(self, id: str, old: Props) -> None:
        """Delete it."""
        raise NotImplementedError


def absent(error: ClientError) -> bool:
    """Whether AWS says that the thing is not there."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code == "404" or "NotFound" in code or "NoSuch" in code


def key_values(tags: Props | None) -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def from_key_values(tags: list[dict[str, str]]) -> Props:
    return {tag["Key"]: tag["Value"] for tag in tags}


def removed(old: Props, new: Props) -> list[str]:
    """Keys of the tags to take away."""
    return sorted(set(old.get("tags") or {}) - set(new.get("tags") or {}))


def to_api(client: Any, operation: str, props: Props) -> Props:
    """Turn properties into an operation's parameters by botocore's model of it.

    Names match whatever their capitals (`sseAlgorithm` is `SSEAlgorithm`), numbers become whole where the model
    says so, and botocore validates the result when the operation is called. A property that the operation does
    not have is a KeyError: the caller passes those that it has.
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


def like(wanted: Any, actual: Any) -> Any:
    """`actual`, which AWS answered, by the names that `wanted` has; what `wanted` does not name is left out."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        found = {key.lower(): item for key, item in actual.items()}
        return {key: like(item, found[key.lower()]) for key, item in wanted.items() if key.lower() in found}
    if isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        return [like(one, other) for one, other in zip(wanted, actual, strict=True)]
    return actual
