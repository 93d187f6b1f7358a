"""What CI's roles may do: managed policies, one per concern, each well under IAM's limit of 6,144 characters.

The actions are those that the real provider calls to create, read, update and delete each resource.
"""

from collections.abc import Callable

from infra import names, tags
from infra.aws_context import AwsContext
from infra.policies.document import Condition, Statement, document
from infra.policies.execution import boundary_arn

Policy = Callable[[AwsContext, str, str], str]
"""Return a document, given the AWS context, the state bucket's ARN and its key's ARN."""


_STATE_PREFIXES = tuple(names.state_prefixes(names.PROJECT).values())


def _state(bucket_arn: str) -> list[str]:
    return [f"{bucket_arn}/{prefix}/*" for prefix in _STATE_PREFIXES]


# Of the tags, only the project's own, with its value. Both operators hold for a check without tags: AWS does not say
# whether it sends the keys with the further check for a resource that is created with tags.
_OWN_TAGS: Condition = {
    "ForAllValues:StringEquals": {"aws:TagKeys": list(tags.KEYS)},
    "StringEqualsIfExists": {f"aws:RequestTag/{tags.PROJECT}": names.SERVICE},
}


# The patterns that match every app stack's resources of a kind.
_EVERY_APP = names.AppNames("*")


def _roles(context: AwsContext) -> str:
    return context.iam_arn(f"role{names.APP_ROLE_PATH}{_EVERY_APP.prefix}-role")


def functions(context: AwsContext) -> str:
    return context.arn("lambda", f"function:{_EVERY_APP.prefix}")


def _apis(context: AwsContext) -> str:
    return context.apigateway_arn("/apis")


def _alarms(context: AwsContext) -> str:
    return context.arn("cloudwatch", f"alarm:{_EVERY_APP.prefix}")


def log_groups(context: AwsContext) -> list[str]:
    """Return patterns that match both forms in which AWS names a group: NAME (ListTagsForResource, DeleteLogGroup) and
    NAME:log-stream: (CreateLogGroup, PutRetentionPolicy, FilterLogEvents)."""
    return [
        context.arn("logs", f"log-group:{folder}/{_EVERY_APP.prefix}")
        for folder in ("/aws/lambda", "/aws/vendedlogs/apigateway")
    ]


def rules(context: AwsContext) -> str:
    return context.arn("events", f"rule/{_EVERY_APP.schedule}")


def _read_state(bucket_arn: str, key_arn: str) -> list[Statement]:
    """Allow what Pulumi needs to read state.

    Its S3 backend needs ListBucket, GetObject, PutObject and DeleteObject, and no other action of S3: tried by removing
    each, pulumi/docs#19948. Its secrets provider needs Encrypt and Decrypt: go-cloud, secrets/awskms.
    """
    return [
        {"Sid": "ListState", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket_arn},
        {
            "Sid": "ReadState",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [f"{bucket_arn}/{names.STATE_FOLDER}/meta.yaml", *_state(bucket_arn)],
        },
        {
            "Sid": "LeaveBootstrapsState",
            "Effect": "Deny",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [
                f"{bucket_arn}/{prefix}/{names.BOOTSTRAP_STACK}{rest}"
                for prefix in _STATE_PREFIXES
                for rest in (".*", "/*")
            ],
        },
        # Also to write objects of more than 5 MB, in parts: aws/aws-cdk#8947.
        {"Sid": "DecryptState", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn},
    ]


def _write_state(bucket_arn: str, key_arn: str) -> list[Statement]:
    return [
        {
            "Sid": "WriteOwnState",
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:DeleteObject"],
            "Resource": _state(bucket_arn),
        },
        {
            "Sid": "EncryptState",
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": key_arn,
        },
    ]


def _describe_app(context: AwsContext, *lists: str) -> list[Statement]:
    """Allow what the provider reads; `lists` are collections of APIs that may be read as well."""
    return [
        {
            "Sid": "DescribeRoles",
            "Effect": "Allow",
            "Action": ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            "Resource": _roles(context),
        },
        {
            "Sid": "DescribeFunctions",
            "Effect": "Allow",
            # On the function without a qualifier: hashicorp-education/learn-terraform-lambda-api-gateway#18.
            "Action": [
                "lambda:GetFunction",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetPolicy",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
            ],
            "Resource": functions(context),
        },
        {
            "Sid": "DescribeApis",
            "Effect": "Allow",
            # SAR lists the keys with an API's name for GET, and says of them "Available during the UpdateApi and
            # DeleteApi operations": so reads cannot be restricted by name.
            "Action": "apigateway:GET",
            "Resource": [f"{_apis(context)}/*", *lists],
        },
        {
            "Sid": "DescribeLogs",
            "Effect": "Allow",
            # Checked on `log-group::log-stream:`, whatever the request names: hashicorp/terraform-provider-aws#8804.
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        },
        {
            "Sid": "DescribeLogTags",
            "Effect": "Allow",
            # On the group without `:*`: ministryofjustice/modernisation-platform#7184.
            "Action": "logs:ListTagsForResource",
            "Resource": log_groups(context),
        },
        {
            "Sid": "DescribeAlarms",
            "Effect": "Allow",
            # The provider names one; without a name AWS checks `alarm:*`: aws-samples/amazon-cloudwatch-auto-alarms#1.
            "Action": ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"],
            "Resource": _alarms(context),
        },
        {
            "Sid": "DescribeSchedules",
            "Effect": "Allow",
            "Action": ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"],
            "Resource": rules(context),
        },
    ]


def _observe_app(context: AwsContext) -> list[Statement]:
    """Allow what `./sandbox check`, `truth` and `timeline` read."""
    return [
        {"Sid": "ReadLogs", "Effect": "Allow", "Action": "logs:FilterLogEvents", "Resource": log_groups(context)},
        {
            "Sid": "ReadAlarmHistory",
            "Effect": "Allow",
            "Action": "cloudwatch:DescribeAlarmHistory",
            "Resource": _alarms(context),
        },
        # Metrics have no ARN: SAR, list_amazoncloudwatch.
        {"Sid": "ReadMetrics", "Effect": "Allow", "Action": "cloudwatch:GetMetricStatistics", "Resource": "*"},
        # Without resources: SAR, list_awscloudtrail.
        {"Sid": "ReadEvents", "Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"},
        # What `check --expect gone` looks for. Without resources: SAR, list_resourcegroupstaggingapi.
        {"Sid": "FindByTags", "Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"},
        {
            "Sid": "FindRoles",
            "Effect": "Allow",
            # GetResources does not know roles. AWS checks `role/` and the path that the request names, although SAR
            # lists no resource: docs/iam.md.
            "Action": "iam:ListRoles",
            "Resource": context.iam_arn(f"role{names.APP_ROLE_PATH}"),
        },
    ]


def _manage_roles(context: AwsContext) -> list[Statement]:
    return [
        {
            "Sid": "CreateBoundedRoles",
            "Effect": "Allow",
            "Action": ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"],
            "Resource": _roles(context),
            "Condition": {"ArnEquals": {"iam:PermissionsBoundary": boundary_arn(context)}},
        },
        {
            "Sid": "ChangeRoles",
            "Effect": "Allow",
            # Without the condition: it does not work for UpdateRole (alphagov/gsp#990).
            "Action": [
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:ListInstanceProfilesForRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            "Resource": _roles(context),
        },
        {
            "Sid": "NoNestedPaths",
            "Effect": "Deny",
            # A wildcard spans slashes, so a role of any name under a nested path would match the pattern as well.
            "Action": ["iam:CreateRole", "iam:PassRole"],
            "Resource": context.iam_arn(f"role{names.APP_ROLE_PATH}*/*"),
        },
        {
            "Sid": "PassRolesToLambdaOnly",
            "Effect": "Allow",
            # Checked whenever a request names the role, changed or not: aws/chalice#479.
            "Action": "iam:PassRole",
            "Resource": _roles(context),
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        },
    ]


def _manage_functions(context: AwsContext) -> list[Statement]:
    return [
        {
            "Sid": "CreateTaggedFunctions",
            "Effect": "Allow",
            "Action": "lambda:CreateFunction",
            "Resource": functions(context),
            # Functions cannot be listed without everybody's variables, so a leftover is found by its tags alone.
            "Condition": {"StringEquals": {f"aws:RequestTag/{tags.PROJECT}": names.SERVICE}},
        },
        {
            "Sid": "Functions",
            "Effect": "Allow",
            "Action": [
                "lambda:DeleteFunction",
                "lambda:RemovePermission",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            "Resource": functions(context),
        },
        {
            "Sid": "LetServicesInvoke",
            "Effect": "Allow",
            "Action": "lambda:AddPermission",
            "Resource": functions(context),
            # To no others: a function's policy can grant others every action on it, permanently.
            "Condition": {"StringEquals": {"lambda:Principal": ["apigateway.amazonaws.com", "events.amazonaws.com"]}},
        },
        {
            "Sid": "NoVersions",
            "Effect": "Deny",
            # UpdateFunctionCode can publish a version. It has a policy of its own, stays through deployments, and
            # `check` looks at the function's.
            "Action": "lambda:AddPermission",
            "Resource": f"{functions(context)}:*",
        },
    ]


def _manage_apis(context: AwsContext) -> list[Statement]:
    """Identify this project's APIs by name, because AWS chooses the ids in their ARNs. The condition keys are in SAR,
    list_amazonapigatewaymanagementv2."""
    apis = _apis(context)
    return [
        {
            "Sid": "MakeApis",
            "Effect": "Allow",
            # On `/apis`: Open-SL/serverless-permission-generator#12.
            "Action": "apigateway:POST",
            "Resource": apis,
            "Condition": {"StringLike": {"apigateway:Request/ApiName": _EVERY_APP.api}},
        },
        {
            "Sid": "ChangeApis",
            "Effect": "Allow",
            "Action": ["apigateway:PATCH", "apigateway:DELETE"],
            "Resource": f"{apis}/*",
            "Condition": {
                "StringLike": {"apigateway:Resource/ApiName": _EVERY_APP.api},
                "StringLikeIfExists": {"apigateway:Request/ApiName": _EVERY_APP.api},
            },
        },
        {
            "Sid": "ApiParts",
            "Effect": "Allow",
            "Action": ["apigateway:POST", "apigateway:PATCH", "apigateway:DELETE"],
            # They have no tags, and inherit an API's only in REST APIs:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html
            "Resource": [f"{apis}/*/{part}{item}" for part in ("integrations", "routes") for item in ("", "/*")],
        },
    ]


def _manage_stages(context: AwsContext) -> list[Statement]:
    """Identify stages by the log group of their access log, because their ARNs have the ids of APIs, too."""
    stages = f"{_apis(context)}/*/stages"
    access_log = log_groups(context)[1]
    return [
        {
            "Sid": "MakeStages",
            "Effect": "Allow",
            "Action": "apigateway:POST",
            "Resource": stages,
            # The value is the destination as the request has it, with or without `:*`.
            "Condition": {"StringLike": {"apigateway:Request/AccessLoggingDestination": access_log}},
        },
        {
            "Sid": "ChangeStages",
            "Effect": "Allow",
            "Action": ["apigateway:PATCH", "apigateway:DELETE"],
            "Resource": f"{stages}/*",
            # By the stage's setting, not by a tag: whoever may tag others' stages could add the tag.
            "Condition": {
                "StringLike": {"apigateway:Resource/AccessLoggingDestination": access_log},
                "StringLikeIfExists": {"apigateway:Request/AccessLoggingDestination": access_log},
            },
        },
    ]


def _tag_apis(context: AwsContext) -> list[Statement]:
    apis = _apis(context)
    return [
        {
            "Sid": "TagApis",
            "Effect": "Allow",
            # CreateApi with tags needs POST on `/tags/arn%3Aaws%3Aapigateway%3AREGION%3A%3A%2Fv2%2Fapis%2F*`
            # (aws-cloudformation/cloudformation-coverage-roadmap#997). PUT: SAR, list_apigatewayv2, "API operations"
            # (CreateStage, TagResource); found live for REST APIs (mattclay/aws-terminator#284). That page has PATCH on
            # the API for changed tags: ChangeApis grants it if AWS names the API then, which is not documented.
            # Not DELETE, which takes tags away: the ARN has an id, not a name, so it would be of others' APIs, too.
            "Action": ["apigateway:POST", "apigateway:PUT"],
            # Of HTTP APIs and their stages, not of REST APIs (`%2Frestapis%2F`).
            "Resource": context.apigateway_arn("/tags/*%2Fapis%2F*"),
            "Condition": _OWN_TAGS,
        },
        {
            "Sid": "TagStages",
            "Effect": "Allow",
            # No reference lists it, and CreateStage with tags needs it on the collection:
            # "apigateway:TagResource on resource: arn:aws:apigateway:REGION::/apis/ID/stages"
            # (aws-amplify/amplify-cli#12316, aws-amplify/amplify-studio#889; hashicorp/terraform-provider-aws#20634).
            "Action": "apigateway:TagResource",
            "Resource": f"{apis}/*/stages",
            "Condition": _OWN_TAGS,
        },
    ]


def _manage_schedules(context: AwsContext) -> list[Statement]:
    return [
        {
            "Sid": "Schedules",
            "Effect": "Allow",
            "Action": [
                "events:DeleteRule",
                "events:PutRule",
                "events:PutTargets",
                "events:RemoveTargets",
            ],
            "Resource": rules(context),
        }
    ]


def _tag(sid: str, action: str, *resources: str) -> Statement:
    """Allow the project's own tags. No statement allows to take tags away: the program never removes one of the four,
    and `check --expect gone` finds resources by them."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": action,
        "Resource": list(resources),
        "Condition": _OWN_TAGS,
    }


def _manage_log_groups(context: AwsContext) -> list[Statement]:
    return [
        {
            "Sid": "LogGroups",
            "Effect": "Allow",
            # On `log-group:NAME:log-stream:`: elastic/apm-aws-lambda#526.
            "Action": [
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteRetentionPolicy",
                "logs:PutRetentionPolicy",
            ],
            "Resource": log_groups(context),
        }
    ]


def _deliver_access_logs() -> Statement:
    return {
        "Sid": "AccessLogDelivery",
        "Effect": "Allow",
        # These take no resource: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
        "Action": [
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        "Resource": "*",
    }


def _manage_alarms(context: AwsContext) -> list[Statement]:
    return [
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Action": "cloudwatch:DeleteAlarms",
            "Resource": _alarms(context),
        },
        {
            "Sid": "AlarmsWithoutActions",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricAlarm",
            "Resource": _alarms(context),
            # An alarm's action can stop others' instances, and runs with CloudWatch's rights. ForAllValues is true
            # without actions, whether the key is then absent or empty, and for no ARN:
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-alarm-actions.html
            "Condition": {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": ["none"]}},
        },
    ]


PREVIEW: dict[str, Policy] = {
    "state": lambda context, bucket_arn, key_arn: document(*_read_state(bucket_arn, key_arn)),
    "read": lambda context, bucket_arn, key_arn: document(*_describe_app(context)),
}
"""May read state and describe the app's resources: a pull request runs its own code with this. The keys are concerns,
the last part of a managed policy's name."""

DEPLOY: dict[str, Policy] = {
    "state": lambda context, bucket_arn, key_arn: document(
        *_read_state(bucket_arn, key_arn), *_write_state(bucket_arn, key_arn)
    ),
    "read": lambda context, bucket_arn, key_arn: document(
        *_describe_app(context, _apis(context)),  # the list, in which `recover` looks for an API
        *_observe_app(context),
    ),
    "functions": lambda context, bucket_arn, key_arn: document(
        *_manage_roles(context),
        *_manage_functions(context),
        *_manage_schedules(context),
        _tag("TagRoles", "iam:TagRole", _roles(context)),
        _tag("TagFunctions", "lambda:TagResource", functions(context)),
        _tag("TagSchedules", "events:TagResource", rules(context)),
    ),
    "apis": lambda context, bucket_arn, key_arn: document(
        *_manage_apis(context), *_manage_stages(context), *_tag_apis(context)
    ),
    "telemetry": lambda context, bucket_arn, key_arn: document(
        *_manage_log_groups(context),
        _deliver_access_logs(),
        *_manage_alarms(context),
        # Also to create with tags: DataDog/cloudformation-template#61, cisagov/cool-assessment-terraform#245.
        _tag("TagLogGroups", "logs:TagResource", *log_groups(context)),
        _tag("TagAlarms", "cloudwatch:TagResource", _alarms(context)),
    ),
}
"""May create, change and delete what an app stack declares, and write its state."""
