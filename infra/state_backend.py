"""Pulumi's backend: the bucket of its state, and the key that encrypts the bucket and the stacks' secrets."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, options
from infra.aws_context import AwsContext
from infra.policies import foundation


@dataclass(frozen=True)
class StateBackendArgs:
    """`context` is the account and region; `tags` are for bucket and key; with `protect` both are retained."""

    context: pulumi.Input[AwsContext]
    tags: dict[str, str]
    protect: bool


class StateBackend(pulumi.ComponentResource):
    """The state bucket with its settings, and its key."""

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    backend_url: pulumi.Output[str]
    secrets_provider: pulumi.Output[str]

    def __init__(self, name: str, args: StateBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:StateBackend", name, None, opts)
        child = options.retained_child(self, protect=args.protect)
        context = pulumi.Output.from_input(args.context)

        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts Pulumi's state bucket and its stacks' secrets",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=context.apply(foundation.state_key),
            tags=args.tags,
            opts=child,
        )
        alias = aws.kms.Alias(f"{name}-alias", name=names.STATE_KEY_ALIAS, target_key_id=key.key_id, opts=child)
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=context.apply(lambda value: names.state_bucket(value.account, value.region)),
            tags=args.tags,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        public_access = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=key.arn
                        )
                    ),
                    bucket_key_enabled=True,
                    # S3's default for new buckets since April 2026; declared, so that it is not drift.
                    blocked_encryption_types=["SSE-C"],
                )
            ],
            opts=child,
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=pulumi.Output.all(bucket.arn, key.arn).apply(lambda arns: foundation.state_bucket(*arns)),
            # S3 fails with "conflicting conditional operation" when both settings are written at once.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[public_access])),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="expire-old-versions",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    # Each released lock leaves a delete marker behind.
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=90)
                    ),
                    # A killed upload of a state of more than 5 MB leaves parts that no listing of objects shows.
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=7
                        )
                    ),
                )
            ],
            # A rule on noncurrent versions has no effect before versioning is enabled.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[versioning])),
        )

        region = context.apply(lambda value: value.region)
        self.bucket_name = bucket.bucket
        self.bucket_arn = bucket.arn
        self.key_arn = key.arn
        self.backend_url = pulumi.Output.format("s3://{0}?region={1}", bucket.bucket, region)
        self.secrets_provider = pulumi.Output.format("awskms://{0}?region={1}", alias.name, region)
        self.register_outputs({"backendUrl": self.backend_url, "secretsProvider": self.secrets_provider})
