"""What whoever asks AWS DevOps Agent may do, in some agent spaces."""

from collections.abc import Sequence

from infra.policies.document import document


def ask(space_arns: Sequence[str]) -> str:
    """Return what asking for an investigation, following it and reading its journal need.

    The actions are those of AWS's own client: aws-solutions/distributed-load-testing-on-aws. It names GetAccountUsage
    on the space, too, but that action takes no resource: SAR, list_awsdevopsagentservice.
    """
    return document(
        {
            "Sid": "AskInTheseSpaces",
            "Effect": "Allow",
            "Action": [
                "aidevops:CreateBacklogTask",
                "aidevops:GetBacklogTask",
                "aidevops:ListBacklogTasks",
                "aidevops:ListExecutions",
                "aidevops:ListJournalRecords",
                "aidevops:UpdateBacklogTask",
            ],
            "Resource": list(space_arns),
        },
        {"Sid": "ReadUsage", "Effect": "Allow", "Action": "aidevops:GetAccountUsage", "Resource": "*"},
    )
