"""What a person is told in one line, without a traceback."""


class LocalAwsError(Exception):
    """The message names the value, the rule and the mend."""
