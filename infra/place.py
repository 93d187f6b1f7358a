"""Which account and region the stack is deployed to, asked of AWS once."""

import pulumi
import pulumi_aws as aws

from infra.policies import Place


def current_place(parent: pulumi.Resource) -> pulumi.Output[Place]:
    opts = pulumi.InvokeOptions(parent=parent)
    return pulumi.Output.all(
        aws.get_partition_output(opts=opts).partition,
        aws.get_caller_identity_output(opts=opts).account_id,
        aws.get_region_output(opts=opts).region,
    ).apply(lambda found: Place(*found))
