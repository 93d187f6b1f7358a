"""The truth record: what was really changed, when, and what merely follows from it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation import records
from evaluation.times import parse_time


@dataclass(frozen=True)
class Change:
    """The change that made the service fail. `path` is the property of the resource; its last part is a variable."""

    arn: str
    type: str
    path: str
    old_value: str
    new_value: str
    api: str
    earliest: datetime
    latest: datetime
    session: str
    run: str | None

    @property
    def property_name(self) -> str:
        """The last part of the path: the name of the environment variable."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class OtherChange:
    """A change that did no harm, and that an investigator must not blame."""

    arn: str
    type: str
    path: str
    old_value: str
    new_value: str
    at: datetime

    @property
    def property_name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Truth:
    """One run of the workload. Without a change, nothing was wrong."""

    id: str
    stack: str
    surface: str
    region: str
    account: str
    service: str
    change: Change | None
    other_changes: tuple[OtherChange, ...]
    onset: datetime | None
    end: datetime | None
    consequences: tuple[str, ...]
    aliases: dict[str, tuple[str, ...]]
    observable: dict[str, Any]
    is_valid: bool
    why_invalid: tuple[str, ...]


def load(path: Path) -> Truth:
    """Read a truth record from a file. Raises UsageError when it is not one."""
    return from_record(records.load(path, "truth"), str(path))


def from_record(record: object, source: str = "truth") -> Truth:
    """Read a truth record. Raises UsageError, with `source` in its line, when it is not one."""
    valid = records.validate(record, "truth", source)
    return Truth(
        id=valid["id"],
        stack=valid["stack"],
        surface=valid["surface"],
        region=valid["region"],
        account=valid["account"],
        service=valid["service"],
        change=_change(valid["change"]) if valid["change"] else None,
        other_changes=tuple(_other_change(change) for change in valid["other_changes"]),
        onset=_optional_time(valid["onset"]),
        end=_optional_time(valid["end"]),
        consequences=tuple(valid["consequences"]),
        aliases={arn: tuple(labels) for arn, labels in valid["aliases"].items()},
        observable=valid["observable"],
        is_valid=valid["valid"]["valid"],
        why_invalid=tuple(valid["valid"]["why"]),
    )


def _change(change: dict[str, Any]) -> Change:
    return Change(
        arn=change["arn"],
        type=change["type"],
        path=change["path"],
        old_value=change["from"],
        new_value=change["to"],
        api=change["api"],
        earliest=parse_time(change["earliest"]),
        latest=parse_time(change["latest"]),
        session=change["session"],
        run=change["run"],
    )


def _other_change(change: dict[str, Any]) -> OtherChange:
    return OtherChange(
        arn=change["arn"],
        type=change["type"],
        path=change["path"],
        old_value=change["from"],
        new_value=change["to"],
        at=parse_time(change["at"]),
    )


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
