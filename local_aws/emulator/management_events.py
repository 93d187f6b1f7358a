"""Which API calls are in CloudTrail's event history, under which names, and which of them are read-only."""

from local_aws.emulator.api_calls import ApiCall

SESSIONS = {"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
"""Calls that are read-only and have response elements nevertheless: the session."""

_NOT_IN_HISTORY = {
    "cloudwatch": {"GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics", "PutMetricData"},
    "events": {"PutEvents"},
    "lambda": {"Invoke", "InvokeAsync", "InvokeWithResponseStream"},
    "logs": {"PutLogEvents"},
    "s3": {"DeleteObjects", "HeadBucket", "ListObjects", "ListObjectsV2", "ListObjectVersions"},
}
"""Data events, which are not in the event history, and calls that CloudTrail does not log at all: PutLogEvents, while
GetLogEvents, FilterLogEvents and GetQueryResults are management events. Besides these, every call for an S3 object.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html#CloudWatch-data-plane-events
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/logging_cw_api_calls_cwl.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
"""

_LAMBDA_VERSIONS = {
    "20150331": (
        "CreateAlias CreateEventSourceMapping CreateFunction DeleteAlias DeleteEventSourceMapping DeleteFunction "
        "GetAlias GetEventSourceMapping ListAliases ListEventSourceMappings ListFunctions ListVersionsByFunction "
        "PublishVersion UpdateAlias UpdateEventSourceMapping"
    ),
    "20150331v2": (
        "AddPermission GetFunction GetFunctionConfiguration GetPolicy RemovePermission UpdateFunctionCode "
        "UpdateFunctionConfiguration"
    ),
    "20160819": "GetAccountSettings",
    "20170331": "ListTags",
    "20170331v2": "TagResource UntagResource",
    "20171031": "DeleteFunctionConcurrency PutFunctionConcurrency",
    "20181031": (
        "AddLayerVersionPermission DeleteLayerVersion GetLayerVersion GetLayerVersionByArn GetLayerVersionPolicy "
        "ListLayerVersions ListLayers PublishLayerVersion RemoveLayerVersionPermission"
    ),
}
"""Lambda's versions in event names, which AWS does not list. They are known from events: the logs in
https://github.com/DataDog/stratus-red-team (docs/detonation-logs), the names in
https://github.com/DataDog/serverless-remote-instrumentation and in the tests of
https://github.com/duo-labs/cloudtracker; and from the operations of the AWS console's own client of Lambda.
GetFunctionCodeSigningConfig and other late operations have none."""

_EVENT_NAMES = {
    "lambda": {name: name + version for version, names in _LAMBDA_VERSIONS.items() for name in names.split()},
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
    "s3": {
        "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    },
}

_READS = ("Describe", "Filter", "Get", "List", "Lookup", "StartQuery", "Test")
_FURTHER_READS = {
    "iam": {"GenerateCredentialReport", "SimulateCustomPolicy", "SimulatePrincipalPolicy"},
    # https://docs.aws.amazon.com/kms/latest/developerguide/understanding-kms-entries.html
    "kms": {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"},
    "sts": SESSIONS,
}


def is_in_history(call: ApiCall) -> bool:
    """Tell whether AWS has the call in the event history."""
    is_for_object = call.service == "s3" and "{Key" in str(call.operation.http["requestUri"])
    return not is_for_object and call.name not in _NOT_IN_HISTORY.get(call.service, ())


def event_name(call: ApiCall) -> str:
    return _EVENT_NAMES.get(call.service, {}).get(call.name, call.name)


def is_read(call: ApiCall) -> bool:
    return call.name.startswith(_READS) or call.name in _FURTHER_READS.get(call.service, ())
