"""Every IAM policy document, as functions from names and ARNs to JSON text.

Action lists follow what the real provider calls, resource by resource: its create, read, update and delete.
"""

import json
from dataclasses import dataclass
from typing import TypedDict

from infra import names, tags

GITHUB_ISSUER = "token.actions.githubusercontent.com"
OIDC_AUDIENCE = "sts.amazonaws.com"

Condition = dict[str, dict[str, str | list[str]]]


class Statement(TypedDict, total=False):
    """One statement of a policy document."""

    Sid: str
    Effect: str
    Principal: str | dict[str, str]
    Action: str | list[str]
    Resource: str | list[str]
    Condition: Condition


@dataclass(frozen=True)
class Place:
    """Where ARNs are built for."""

    partition: str
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:{resource}"


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def lambda_trust() -> str:
    return document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


def github_trust(provider_arn: str, subject: str) -> str:
    """Trust for GitHub Actions jobs whose token carries exactly this subject: no wildcard, no ForAllValues.

    https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{GITHUB_ISSUER}:aud": OIDC_AUDIENCE, f"{GITHUB_ISSUER}:sub": subject}},
        }
    )


def execution(log_group_arn: str) -> str:
    """What the function may do: write its own log group, and send traces, which have no resource to name."""
    return document(_write_logs(f"{log_group_arn}:*"), _write_traces())


def boundary_arn(place: Place) -> str:
    """By name: app stacks may not read bootstrap's outputs."""
    return place.iam_arn(f"policy{names.APP_ROLE_PATH}{names.BOUNDARY}")


def boundary(place: Place) -> str:
    """The most that any role of an app stack can ever do, whatever is attached to it.

    IAM has no condition on the trust policy that a role is made with. But Lambda names the function in what it sends
    with a role's credentials, so of all who may assume a role only an app's function can write logs with it:
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html. Traces have no such condition:
    Lambda looks for that right when a function is made, too, when there is no function to name.
    """
    log_groups = place.arn("logs", f"log-group:{_EVERY_APP.log_group}:*")
    by_function: Condition = {"ArnLike": {"lambda:SourceFunctionArn": _functions(place)}}
    return document({**_write_logs(log_groups), "Condition": by_function}, _write_traces())


def state_key(place: Place) -> str:
    """The key's own policy: leave it to IAM who may use the key."""
    return document(
        {
            "Sid": "IamDecides",
            "Effect": "Allow",
            "Principal": {"AWS": place.iam_arn("root")},
            "Action": "kms:*",
            "Resource": "*",
        }
    )


def tls_only(bucket_arn: str) -> str:
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


def preview(place: Place, bucket_arn: str, key_arn: str) -> str:
    """Read state and describe the app's resources: a pull request runs its own code with this."""
    return document(*_read_state(bucket_arn, key_arn), *_describe_app(place))


def deploy(place: Place, bucket_arn: str, key_arn: str) -> str:
    """Create, change and delete what an app stack declares, and keep its state."""
    roles, apis = _roles(place), _apis(place)
    _, access_logs = _log_groups(place)
    return document(
        *_read_state(bucket_arn, key_arn),
        *_describe_app(place, apis),  # which recover looks for an API in
        *_observe_app(place),
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
        {
            "Sid": "CreateBoundedRoles",
            "Effect": "Allow",
            "Action": ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"],
            "Resource": roles,
            "Condition": {"ArnEquals": {"iam:PermissionsBoundary": boundary_arn(place)}},
        },
        {
            "Sid": "ChangeRoles",
            "Effect": "Allow",
            "Action": [
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:ListInstanceProfilesForRole",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            "Resource": roles,
        },
        {
            "Sid": "PassRolesToLambdaOnly",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": roles,
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        },
        {
            "Sid": "Functions",
            "Effect": "Allow",
            "Action": [
                "lambda:CreateFunction",
                "lambda:DeleteFunction",
                "lambda:RemovePermission",
                "lambda:TagResource",
                "lambda:UntagResource",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            "Resource": _functions(place),
        },
        {
            "Sid": "LetApiGatewayInvoke",
            "Effect": "Allow",
            "Action": "lambda:AddPermission",
            "Resource": _functions(place),
            # To nobody else: a function's policy can grant others anything that is done with it, for good.
            "Condition": {"StringEquals": {"lambda:Principal": "apigateway.amazonaws.com"}},
        },
        # AWS makes the ids that APIs have in their ARNs, so ours are told by their names; and stages, whose ARNs have
        # that id as well, by where they log to and by their tags. The keys:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagementv2.html
        {
            "Sid": "MakeApis",
            "Effect": "Allow",
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
            "Sid": "MakeStages",
            "Effect": "Allow",
            "Action": "apigateway:POST",
            "Resource": f"{apis}/*/stages",
            "Condition": {"StringLike": {"apigateway:Request/AccessLoggingDestination": access_logs}},
        },
        {
            "Sid": "ChangeStages",
            "Effect": "Allow",
            "Action": ["apigateway:PATCH", "apigateway:DELETE"],
            "Resource": f"{apis}/*/stages/*",
            "Condition": {
                "StringEquals": {f"aws:ResourceTag/{tags.PROJECT}": names.PROJECT},
                "StringLikeIfExists": {"apigateway:Request/AccessLoggingDestination": access_logs},
            },
        },
        {
            "Sid": "ApiParts",
            "Effect": "Allow",
            "Action": ["apigateway:POST", "apigateway:PATCH", "apigateway:DELETE"],
            # They have no tags, and inherit an API's only in REST APIs:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html
            "Resource": [f"{apis}/*/{part}{one}" for part in ("integrations", "routes") for one in ("", "/*")],
        },
        {
            "Sid": "TagApis",
            "Effect": "Allow",
            "Action": ["apigateway:POST", "apigateway:DELETE"],
            "Resource": _api_tags(place),
        },
        {
            "Sid": "TagStages",
            "Effect": "Allow",
            # Evaluated when a tagged stage is made, though no reference lists them as actions:
            # https://github.com/hashicorp/terraform-provider-aws/issues/20634
            "Action": ["apigateway:TagResource", "apigateway:UntagResource"],
            "Resource": [f"{apis}/*/stages/*", _api_tags(place)],
        },
        {
            "Sid": "LogGroups",
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteRetentionPolicy",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            "Resource": _log_groups(place),
        },
        {
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
        },
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Action": ["cloudwatch:DeleteAlarms", "cloudwatch:TagResource", "cloudwatch:UntagResource"],
            "Resource": _alarms(place),
        },
        {
            "Sid": "AlarmsWithoutActions",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricAlarm",
            "Resource": _alarms(place),
            # An alarm's action can stop others' instances, and runs with CloudWatch's rights.
            "Condition": {"Null": {"cloudwatch:AlarmActions": "true"}},
        },
    )  # fmt: skip


# Where Pulumi's backend keeps this project's stacks, their history, the copies it makes, and their locks:
# https://github.com/pulumi/pulumi/tree/master/pkg/backend/diy
_STATE_PREFIXES = (
    f".pulumi/stacks/{names.PROJECT}",
    f".pulumi/history/{names.PROJECT}",
    f".pulumi/backups/{names.PROJECT}",
    f".pulumi/locks/organization/{names.PROJECT}",
)


def _state(bucket_arn: str) -> list[str]:
    return [f"{bucket_arn}/{prefix}/*" for prefix in _STATE_PREFIXES]


# The patterns that match every app stack's resources of a kind.
_EVERY_APP = names.AppNames("*")


def _roles(place: Place) -> str:
    return place.iam_arn(f"role{names.APP_ROLE_PATH}{_EVERY_APP.execution_role}")


def _functions(place: Place) -> str:
    return place.arn("lambda", f"function:{_EVERY_APP.function}")


def _apis(place: Place) -> str:
    return f"arn:{place.partition}:apigateway:{place.region}::/apis"


def _api_tags(place: Place) -> str:
    return f"arn:{place.partition}:apigateway:{place.region}::/tags/*"


def _alarms(place: Place) -> str:
    return place.arn("cloudwatch", f"alarm:{_EVERY_APP.prefix}")


def _log_groups(place: Place) -> list[str]:
    """Without `:*`, as the group's own operations have it, and with it, as those on its streams do; one pattern."""
    return [place.arn("logs", f"log-group:{name}") for name in (_EVERY_APP.log_group, _EVERY_APP.access_log_group)]


def _read_state(bucket_arn: str, key_arn: str) -> list[Statement]:
    return [
        {"Sid": "ListState", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket_arn},
        {
            "Sid": "ReadState",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [f"{bucket_arn}/.pulumi/meta.yaml", *_state(bucket_arn)],
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
        {"Sid": "DecryptState", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn},
    ]


def _describe_app(place: Place, *lists: str) -> list[Statement]:
    """What the provider reads; `lists` are collections of APIs to be read as well."""
    return [
        {
            "Sid": "DescribeRoles",
            "Effect": "Allow",
            "Action": ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            "Resource": _roles(place),
        },
        {
            "Sid": "DescribeFunctions",
            "Effect": "Allow",
            "Action": [
                "lambda:GetFunction",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetPolicy",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
            ],
            "Resource": _functions(place),
        },
        {
            "Sid": "DescribeApis",
            "Effect": "Allow",
            "Action": "apigateway:GET",
            "Resource": [f"{_apis(place)}/*", *lists],
        },
        {
            "Sid": "DescribeLogs",
            "Effect": "Allow",
            # It takes no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        },
        {
            "Sid": "DescribeLogTags",
            "Effect": "Allow",
            "Action": "logs:ListTagsForResource",
            "Resource": _log_groups(place),
        },
        {
            "Sid": "DescribeAlarms",
            "Effect": "Allow",
            "Action": ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"],
            "Resource": _alarms(place),
        },
    ]


def _observe_app(place: Place) -> list[Statement]:
    """What `./sandbox check` asks after a deployment."""
    function_logs, _ = _log_groups(place)
    return [
        {"Sid": "ReadLogs", "Effect": "Allow", "Action": "logs:FilterLogEvents", "Resource": function_logs},
        {
            "Sid": "ReadAlarmHistory",
            "Effect": "Allow",
            "Action": "cloudwatch:DescribeAlarmHistory",
            "Resource": _alarms(place),
        },
        # Metrics have no ARN: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        {"Sid": "ReadMetrics", "Effect": "Allow", "Action": "cloudwatch:GetMetricStatistics", "Resource": "*"},
    ]


def _write_logs(resource: str) -> Statement:
    return {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": resource,
    }


def _write_traces() -> Statement:
    return {
        "Sid": "WriteTraces",
        "Effect": "Allow",
        # They take no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
        "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        "Resource": "*",
    }
