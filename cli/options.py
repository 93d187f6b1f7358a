"""Values of options that several verbs have."""

from datetime import datetime, timezone

from evaluation.times import parse_time
from ops.errors import UsageError


def moment(option: str, text: str | None) -> datetime | None:
    """Return the time that an option names, None without the option. Raises UsageError when it is no time."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        raise UsageError(f"{option} {text}: must be ISO 8601, for example 2026-03-03T14:00:00Z") from None


def past_moment(option: str, text: str | None) -> datetime | None:
    """Return what `moment` does. Raises UsageError also for a time that has not been yet."""
    time = moment(option, text)
    if time and time > datetime.now(timezone.utc):
        raise UsageError(f"{option} {text}: is in the future; name a time before now")
    return time
