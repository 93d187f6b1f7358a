"""Pulumi's wire values as plain JSON, as they are in checkpoints."""

from typing import Any

from google.protobuf import json_format, struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key whose value marks an object as an archive, a secret etc. (`pulumi.runtime.rpc._special_sig_key`)."""
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    properties: dict[str, Any] = _with_integers(json_format.MessageToDict(struct))
    return properties


def to_struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(properties, struct_pb2.Struct())


def return_field(properties: dict[str, Any]) -> Any:
    """Return the arguments of a response whose field is called `return`, which is a keyword in Python."""
    return {"return": to_struct(properties)}


def has_secret(value: Any) -> bool:
    """Return whether any part of the value is a secret."""
    if isinstance(value, dict):
        return value.get(SIGNATURE) == SECRET or any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def _with_integers(value: Any) -> Any:
    """Turn whole numbers into integers: Protobuf has floats only."""
    if isinstance(value, dict):
        return {key: _with_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
