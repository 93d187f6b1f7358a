"""The tag rule: every resource that can be tagged has these four, by which agents and people find a workload."""

import pulumi

from infra import names

UNKNOWN_REPOSITORY = "unknown"

PROJECT = "Project"


def standard(repository: str | None) -> dict[str, str]:
    """Return the tags of this stack's resources; `repository` is `owner/name`, or None where it is not set."""
    return {
        PROJECT: names.SERVICE,
        "Stack": pulumi.get_stack(),
        "ManagedBy": "pulumi",
        "Repository": repository or UNKNOWN_REPOSITORY,
    }
