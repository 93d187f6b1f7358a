"""The error that `./sandbox` prints as one line, without a traceback."""

from ops.errors import UsageError


class LocalAwsError(UsageError):
    """Something is wrong with AWS on this machine; the message names the value, the rule and the fix."""
