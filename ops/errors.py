"""What a person is told in one line, without a traceback."""


class UsageError(Exception):
    """What was asked cannot be done; the message names the value, the rule and the mend. Exit code 2."""
