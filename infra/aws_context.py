"""The partition, account and region that a stack is deployed to: what every ARN is made from."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True)
class AwsContext:
    """Where ARNs are built for: `aws`, `111122223333`, `eu-west-1`."""

    partition: str
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of a regional service."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """The ARN of a resource of IAM, which has no region."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def apigateway_arn(self, path: str) -> str:
        """The ARN of API Gateway's own resources, which has no account: its paths are those of its REST API."""
        return f"arn:{self.partition}:apigateway:{self.region}::{path}"


def current(parent: pulumi.Resource) -> pulumi.Output[AwsContext]:
    """The context of the stack's default provider, asked of AWS once."""
    opts = pulumi.InvokeOptions(parent=parent)
    return pulumi.Output.all(
        aws.get_partition_output(opts=opts).partition,
        aws.get_caller_identity_output(opts=opts).account_id,
        aws.get_region_output(opts=opts).region,
    ).apply(lambda parts: AwsContext(*parts))
