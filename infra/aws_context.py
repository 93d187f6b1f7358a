"""The partition, account and region that a stack is deployed to, from which every ARN is built."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True)
class AwsContext:
    """Partition, account and region, for example `aws`, `111122223333`, `eu-west-1`."""

    partition: str
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of a regional service."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """Return the ARN of a resource of IAM, which has no region."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def apigateway_arn(self, path: str) -> str:
        """Return the ARN of an API Gateway resource, which has no account; the path is that of its REST API."""
        return f"arn:{self.partition}:apigateway:{self.region}::{path}"


def current(parent: pulumi.Resource) -> pulumi.Output[AwsContext]:
    """Return the context of the stack's default provider, from one call each to AWS."""
    opts = pulumi.InvokeOptions(parent=parent)
    return pulumi.Output.all(
        aws.get_partition_output(opts=opts).partition,
        aws.get_caller_identity_output(opts=opts).account_id,
        aws.get_region_output(opts=opts).region,
    ).apply(lambda parts: AwsContext(*parts))
