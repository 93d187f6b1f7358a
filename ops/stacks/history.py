"""What a stack's updates changed, by the states that they left in Pulumi's history."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.stacks import urn

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key that says that a value is an asset or an archive.

https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
"""

Resources = list[dict[str, Any]]
"""A state's resources, each after what it depends on."""


@dataclass(frozen=True)
class Update:
    """An entry of a stack's history, with the state that the update left.

    `started` is to the second, as Pulumi notes it; `recorded` is when the entry was written, after the last change.
    """

    started: datetime
    recorded: datetime
    message: str
    resources: Resources

    @property
    def run(self) -> str | None:
        """The number of the workflow's run, which the message has a link to."""
        match = re.search(r"/actions/runs/(\d+)", self.message)
        return match.group(1) if match else None


@dataclass(frozen=True)
class Change:
    """One property of a resource in AWS that an update changed; None where it was, or is, not set.

    `arn` is empty where the resource has none. `at` is when Pulumi noted the changed resource.
    """

    arn: str
    name: str
    type: str
    path: str
    before: str | None
    after: str | None
    at: datetime


def changes(before: Update | None, after: Update) -> list[Change]:
    """What an update changed; what it created or deleted has the path `exists`. Nothing when it made or deleted all."""
    old, new = _by_urn(before.resources if before else []), _by_urn(after.resources)
    if not old or not new:
        return []
    found = []
    for key in {**new, **old}:
        one, other = old.get(key), new.get(key)
        properties: list[tuple[str, str | None, str | None]]
        if one is None or other is None:
            properties = [("exists", str(one is not None).lower(), str(other is not None).lower())]
        else:
            properties = list(_differences(one.get("inputs") or {}, other.get("inputs") or {}, ""))
        resource = other or one or {}
        outputs = resource.get("outputs") or {}
        at = modified(resource) if other else None
        found += [
            Change(str(outputs.get("arn", "")), str(resource.get("id", "")), resource["type"], *one_property,
                   at or after.recorded)
            for one_property in properties
        ]  # fmt: skip
    return found


def modified(resource: dict[str, Any]) -> datetime | None:
    """When Pulumi noted a resource's last change, to the microsecond; None where a state does not say.

    https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go (ResourceV3.Modified)
    """
    text = str(resource.get("modified") or "")
    try:
        # Go writes up to nanoseconds without zeros at the end, and Python 3.10 reads exactly 3 or 6 digits.
        return datetime.fromisoformat(re.sub(r"\.(\d+)", _microseconds, text).replace("Z", "+00:00"))
    except ValueError:
        return None


def _microseconds(fraction: re.Match[str]) -> str:
    return f".{fraction[1]:0<6.6}"


def _by_urn(resources: Resources) -> dict[str, dict[str, Any]]:
    """The resources in AWS. What waits to be deleted is left out: it has been replaced."""
    return {
        resource["urn"]: resource
        for resource in resources
        if urn.is_in_aws(resource["type"]) and not resource.get("delete")
    }


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Paths of different values, with both; `__defaults` and the like are Pulumi's own.

    A dictionary that is only in one of them differs in each of its values.
    """
    if all(value is None or isinstance(value, dict) for value in (before, after)):
        old, new = before or {}, after or {}
        for key in sorted({*old, *new}):
            if not key.startswith("__") and not (key == "hash" and _has_content(old) and _has_content(new)):
                yield from _differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif before != after:
        yield path, _text(before), _text(after)


def _has_content(value: dict[str, Any]) -> bool:
    """Whether this is an asset or an archive whose content is in the state: that is compared, and not the hash, which
    the CLI notes beside it and the embedded engine does not."""
    return SIGNATURE in value and ("text" in value or "assets" in value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
