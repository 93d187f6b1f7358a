"""What a person is told in one line, without a traceback."""


class UsageError(Exception):
    """What was asked cannot be done; the message names the value, the rule and the fix. Exit code 2."""


class BackendError(UsageError):
    """Pulumi's backend cannot be found or read, or a stack is not in it, by the settings of this shell."""
