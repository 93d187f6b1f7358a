"""Findings: what an answer says, in one format, whoever investigated."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from evaluation import records
from evaluation.times import format_time

VERSION = 1


class Verdict(str, Enum):
    """Whether something is wrong. `UNSTATED`: no field or heading says so, the prose may."""

    FAULT = "fault"
    NO_FAULT = "no_fault"
    INCONCLUSIVE = "inconclusive"
    UNSTATED = "unstated"


class Role(str, Enum):
    """What a cause is said to be. Only roots are scored as the answer."""

    ROOT = "root"
    CONTRIBUTING = "contributing"
    LATENT = "latent"


@dataclass(frozen=True)
class ReportedChange:
    """The change that an answer blames; fields as the investigator wrote them, empty where it wrote none."""

    what: str = ""
    to: str = ""
    at: str = ""
    by: str = ""


@dataclass(frozen=True)
class Cause:
    """One cause as reported. `resources` are ARNs, names or labels."""

    role: Role
    statement: str
    resources: tuple[str, ...] = ()
    change: ReportedChange | None = None


@dataclass(frozen=True)
class Findings:
    """What an answer says. `onset` is ISO 8601 as written; `text` is Markdown; `source` is what it was read from."""

    verdict: Verdict
    source: str
    causes: tuple[Cause, ...] = ()
    ruled_out: tuple[str, ...] = ()
    onset: str | None = None
    text: str = ""

    def record(self, started: datetime) -> dict[str, Any]:
        """Return the findings record of a run that started then."""
        return {
            "kind": "findings",
            "version": VERSION,
            "started": format_time(started),
            "verdict": self.verdict.value,
            "causes": [_cause_record(cause) for cause in self.causes],
            "ruled_out": list(self.ruled_out),
            "onset": self.onset,
            "text": self.text,
            "source": self.source,
        }


def load(path: Path) -> Findings:
    """Read a findings record from a file. Raises UsageError when it is not one."""
    return from_record(records.load(path, "findings"), str(path))


def from_record(record: object, source: str = "findings") -> Findings:
    """Read a findings record. Raises UsageError, with `source` in its line, when it is not one."""
    valid = records.validate(record, "findings", source)
    return Findings(
        verdict=Verdict(valid["verdict"]),
        source=valid["source"],
        causes=tuple(_cause(cause) for cause in valid["causes"]),
        ruled_out=tuple(valid["ruled_out"]),
        onset=valid["onset"],
        text=valid["text"],
    )


def _cause(cause: dict[str, Any]) -> Cause:
    change = cause["change"]
    return Cause(
        role=Role(cause["role"]),
        statement=cause["statement"],
        resources=tuple(cause["resources"]),
        change=None if change is None else ReportedChange(**{name: value or "" for name, value in change.items()}),
    )


def _cause_record(cause: Cause) -> dict[str, Any]:
    change = cause.change
    return {
        "role": cause.role.value,
        "statement": cause.statement,
        "resources": list(cause.resources),
        "change": None
        if change is None
        else {"what": change.what or None, "to": change.to or None, "at": change.at or None, "by": change.by or None},
    }
