"""The resource policies of the state bucket and of its key."""

from infra.aws_context import AwsContext
from infra.policies.document import Statement, document


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


def state_bucket(bucket_arn: str, key_arn: str) -> str:
    """Refuse plain HTTP (https://repost.aws/knowledge-center/s3-bucket-policy-for-config-rule), and objects under
    another encryption or key than the bucket's own.

    `Null` because a request that names no encryption gets the bucket's, and `StringNotEquals` is true of an absent key:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    return document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        _only("KmsOnly", bucket_arn, "s3:x-amz-server-side-encryption", "aws:kms"),
        _only("OwnKeyOnly", bucket_arn, "s3:x-amz-server-side-encryption-aws-kms-key-id", key_arn),
        {
            "Sid": "NoKeysOfCallers",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"{bucket_arn}/*",
            # Such a request names no encryption, and nobody else could read the state. The bucket blocks SSE-C, too, a
            # setting that the emulator stores and does not apply:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
            "Condition": {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
        },
    )


def _only(sid: str, bucket_arn: str, header: str, value: str) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{bucket_arn}/*",
        "Condition": {"Null": {header: "false"}, "StringNotEquals": {header: value}},
    }
