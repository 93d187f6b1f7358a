"""Times in answers, to the second or to the minute."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

_TIME = re.compile(
    r"(?:(?P<date>\d{4}-\d{2}-\d{2})[T ,]+(?:at )?"
    r"|\b)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\b\.?)?\s*(?P<offset>[+-]\d{2}:?\d{2}\b)?",
    re.IGNORECASE,
)
RELATIVE = re.compile(
    r"\b(?:\d+|a few|several|some) (?:minutes?|hours?|seconds?) (?:ago|before|earlier|after)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Moment:
    """A stated time: all instants it can mean, and where the text states it."""

    position: int
    start: datetime
    end: datetime


def moments_in(text: str, day: date | None) -> list[Moment]:
    """Return the times that a text states. Without a date `day` is meant, without an offset UTC.

    A time that is not in the years 1 to 9999 in UTC is none.
    """
    moments = []
    for match in _TIME.finditer(text):
        stated = date.fromisoformat(match["date"]) if match["date"] and _is_date(match["date"]) else day
        hour = int(match["hour"]) + (
            12 if (match["half"] or "").lower().startswith("p") and int(match["hour"]) < 12 else 0
        )
        if stated is None or hour > 23 or int(match["minute"]) > 59 or int(match["second"] or 0) > 59:
            continue
        start = datetime.combine(stated, time(hour, int(match["minute"]), int(match["second"] or 0)), timezone.utc)
        try:
            start -= _offset(match["offset"])
        except OverflowError:
            continue
        moments.append(Moment(match.start(), start, start if match["second"] else start + timedelta(seconds=59)))
    return moments


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _offset(text: str | None) -> timedelta:
    if text is None:
        return timedelta()
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if text[0] == "-" else offset
