"""The tag rule: every resource that can be tagged has these four, by which agents and people find a workload."""

from infra import names

UNKNOWN_REPOSITORY = "unknown"

PROJECT, STACK, MANAGED_BY, REPOSITORY = KEYS = ("Project", "Stack", "ManagedBy", "Repository")
"""The keys. CI's roles may set no others: a test compares them with what the stacks declare."""


def standard(stack: str, repository: str | None) -> dict[str, str]:
    """Return the tags of a stack's resources; `repository` is `owner/name`, or None where it is not set."""
    return {
        PROJECT: names.SERVICE,
        STACK: stack,
        MANAGED_BY: "pulumi",
        REPOSITORY: repository or UNKNOWN_REPOSITORY,
    }
