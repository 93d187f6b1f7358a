"""What a person is told in one line, without a traceback."""

from ops.errors import UsageError


class LocalAwsError(UsageError):
    """Something of AWS on this machine is amiss; the message names the value, the rule and the mend."""
