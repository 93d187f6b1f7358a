"""LookupEvents: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html

AWS allows two lookups a second in an account and region; here there is no limit.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ministack.services import cloudtrail

PAGE = 50
_OF_RESOURCES = ("ResourceName", "ResourceType")
_ATTRIBUTES = ("AccessKeyId", "EventId", "EventName", "EventSource", "ReadOnly", "Username", *_OF_RESOURCES)


class Event(NamedTuple):
    """An event as LookupEvents returns it; later events have higher numbers."""

    number: int
    entry: dict[str, Any]


class _InvalidLookupError(Exception):
    """The name of an exception of CloudTrail's, and a message."""


def lookup_events(parameters: dict[str, Any]) -> Any:
    """Return the caller's events in this region, newest first, a page at a time."""
    try:
        attribute, page, before = _validated(parameters)
    except _InvalidLookupError as error:
        return cloudtrail._err(*error.args)
    start, end = parameters.get("StartTime"), parameters.get("EndTime")
    matching = [
        event
        for event in _newest_first()
        if (before is None or event.number < before)
        and (start is None or event.entry["EventTime"] >= start)
        and (end is None or event.entry["EventTime"] <= end)
        and (attribute is None or _has(event.entry, *attribute))
    ]
    response: dict[str, Any] = {"Events": [event.entry for event in matching[:page]]}
    if len(matching) > page:
        token = json.dumps([matching[page - 1].number, _digest(parameters)])
        response["NextToken"] = base64.b64encode(token.encode()).decode()
    return cloudtrail._ok(response)


def _newest_first() -> Iterator[Event]:
    yield from reversed(cloudtrail._get_event_queue())


def _has(entry: dict[str, Any], key: str, value: str) -> bool:
    if key in _OF_RESOURCES:
        return any(resource[key] == value for resource in entry["Resources"])
    return bool(entry.get(key) == value)


def _validated(parameters: dict[str, Any]) -> tuple[tuple[str, str] | None, int, int | None]:
    """Return the attribute to look for, the page's size, and the number before which the page begins."""
    attributes = parameters.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise _InvalidLookupError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    keys = [str(attribute.get("AttributeKey")) for attribute in attributes]
    if not set(keys) <= set(_ATTRIBUTES):
        raise _InvalidLookupError("InvalidLookupAttributesException", f"The lookup attribute {keys[0]} is not valid.")
    page = parameters.get("MaxResults", PAGE)
    if not isinstance(page, int) or not 1 <= page <= PAGE:
        raise _InvalidLookupError("InvalidMaxResultsException", f"MaxResults must be from 1 to {PAGE}.")
    start, end = parameters.get("StartTime"), parameters.get("EndTime")
    if start is not None and end is not None and start > end:
        raise _InvalidLookupError("InvalidTimeRangeException", "The start time is after the end time.")
    attribute = (keys[0], str(attributes[0].get("AttributeValue"))) if keys else None
    return attribute, page, _position(parameters)


def _position(parameters: dict[str, Any]) -> int | None:
    if not parameters.get("NextToken"):
        return None
    try:
        number, digest = json.loads(base64.b64decode(parameters["NextToken"], validate=True))
    except (ValueError, TypeError, binascii.Error):
        number, digest = None, None
    if not isinstance(number, int) or digest != _digest(parameters):
        raise _InvalidLookupError("InvalidNextTokenException", "The token is not valid with these parameters.")
    return number


def _digest(parameters: dict[str, Any]) -> str:
    """Return a digest of the parameters with which a token is valid."""
    same = {key: value for key, value in parameters.items() if key not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
