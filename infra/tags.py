"""The tag rule: everything that takes tags carries these four, because agents and people find a workload by them."""

import pulumi

UNKNOWN_REPOSITORY = "unknown"

PROJECT = "Project"


def standard(repository: str | None) -> dict[str, str]:
    """Tags of every resource of this stack; `repository` is `owner/name`, or None where the stack does not say."""
    return {
        PROJECT: pulumi.get_project(),
        "Stack": pulumi.get_stack(),
        "ManagedBy": "pulumi",
        "Repository": repository or UNKNOWN_REPOSITORY,
    }
