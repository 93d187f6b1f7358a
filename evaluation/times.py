"""Times in records: ISO 8601 with an offset."""

from datetime import datetime, timezone


def parse_time(text: str) -> datetime:
    """Return an aware UTC time. A time without an offset counts as UTC.

    Raises ValueError when the text is not ISO 8601, or not in the years 1 to 9999 in UTC.
    """
    time = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    try:
        return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"{text}: {error}") from None


def format_time(time: datetime) -> str:
    """Return ISO 8601 in UTC, to the second, with the suffix Z."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
