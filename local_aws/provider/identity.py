"""The provider functions that return the caller, the partition and the region."""

from collections.abc import Callable

from local_aws.provider.resource import Aws, Props


def _caller_identity(aws: Aws) -> Props:
    account = aws.identity["Account"]
    return {"id": account, "accountId": account, "arn": aws.identity["Arn"], "userId": aws.identity["UserId"]}


def _partition(aws: Aws) -> Props:
    return {"id": aws.partition, "partition": aws.partition}


def _region(aws: Aws) -> Props:
    return {"id": aws.region, "region": aws.region, "name": aws.region}


FUNCTIONS: dict[str, Callable[[Aws], Props]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
}
