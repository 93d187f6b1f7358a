"""Values of options that several verbs have."""

from datetime import datetime

from evaluation.times import parse_time
from ops.errors import UsageError


def moment(option: str, text: str | None) -> datetime | None:
    """Return the time that an option names, None without the option. Raises UsageError when it is no time."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        raise UsageError(f"{option} {text}: must be ISO 8601, for example 2026-03-03T14:00:00Z") from None
