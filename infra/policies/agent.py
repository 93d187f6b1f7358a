"""What whoever asks AWS DevOps Agent may do, in one agent space."""

from infra.policies.document import document


def ask(space_arn: str) -> str:
    """Return what asking for an investigation, following it and reading its journal need.

    The actions are those of AWS's own client: aws-solutions/distributed-load-testing-on-aws. It names GetAccountUsage
    on the space, too, but that action takes no resource: SAR, list_awsdevopsagentservice.
    """
    return document(
        {
            "Sid": "AskInOneSpace",
            "Effect": "Allow",
            "Action": [
                "aidevops:CreateBacklogTask",
                "aidevops:GetBacklogTask",
                "aidevops:ListBacklogTasks",
                "aidevops:ListExecutions",
                "aidevops:ListJournalRecords",
                "aidevops:UpdateBacklogTask",
            ],
            "Resource": space_arn,
        },
        {"Sid": "ReadUsage", "Effect": "Allow", "Action": "aidevops:GetAccountUsage", "Resource": "*"},
    )
