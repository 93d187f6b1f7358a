"""Regular expressions of many alternatives."""

import re


def any_of(*patterns: str) -> re.Pattern[str]:
    """Return a pattern, blind to case, that matches whatever one of these does."""
    return re.compile("|".join(patterns), re.IGNORECASE)
