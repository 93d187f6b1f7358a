"""Pulumi's wire values as plain JSON, which is also what they are in checkpoints."""

from typing import Any

from google.protobuf import json_format, struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key under which an object says that it is more than an object (`pulumi.runtime.rpc._special_sig_key`)."""
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    properties: dict[str, Any] = _whole(json_format.MessageToDict(struct))
    return properties


def to_struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(properties, struct_pb2.Struct())


def returning(properties: dict[str, Any]) -> Any:
    """Arguments of the responses whose field is called `return`, which Python keeps for itself."""
    return {"return": to_struct(properties)}


def has_secret(value: Any) -> bool:
    """Whether a secret is anywhere in the value."""
    if isinstance(value, dict):
        return value.get(SIGNATURE) == SECRET or any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def _whole(value: Any) -> Any:
    """Protobuf knows only floats; whole numbers become whole again."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
