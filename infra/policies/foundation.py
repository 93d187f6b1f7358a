"""The resource policies of the state bucket and of its key."""

from infra.aws_context import AwsContext
from infra.policies.document import document


def state_key(context: AwsContext) -> str:
    """Let IAM policies decide who may use the key.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    return document(
        {
            "Sid": "IamDecides",
            "Effect": "Allow",
            "Principal": {"AWS": context.iam_arn("root")},
            "Action": "kms:*",
            "Resource": "*",
        }
    )


def state_bucket(bucket_arn: str) -> str:
    """Refuse plain HTTP: https://repost.aws/knowledge-center/s3-bucket-policy-for-config-rule."""
    return document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )
