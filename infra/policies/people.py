"""What people's roles may do. `operator` has the deploy role's policies; here is `observer`'s.

An investigator needs telemetry, configuration and the record of API calls. It gets nothing that holds the answer: no
state, no objects, no keys, no code, and no change.
"""

from infra.aws_context import AwsContext
from infra.policies import ci
from infra.policies.document import document


def observer(context: AwsContext) -> str:
    """Return what an investigator may read."""
    functions, groups, alarms = ci.functions(context), ci.log_groups(context), context.arn("cloudwatch", "alarm:*")
    return document(
        {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"],
            "Resource": "*",
        },
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            # All alarms, because without a name AWS checks `alarm:*`: aws-samples/amazon-cloudwatch-auto-alarms#1.
            "Action": ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"],
            "Resource": alarms,
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": [
                "logs:DescribeLogStreams",
                "logs:FilterLogEvents",
                "logs:GetQueryResults",
                "logs:StartQuery",
            ],
            "Resource": groups,
        },
        {
            "Sid": "LogEvents",
            "Effect": "Allow",
            "Action": "logs:GetLogEvents",
            "Resource": [f"{group}:log-stream:*" for group in groups],
        },
        {"Sid": "LogGroups", "Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"},
        {
            "Sid": "Functions",
            "Effect": "Allow",
            # Not GetFunction, which links to the code, and not ListFunctions, which returns all teams' variables.
            "Action": ["lambda:GetFunctionConfiguration", "lambda:GetPolicy", "lambda:ListTags"],
            "Resource": functions,
        },
        {
            "Sid": "Apis",
            "Effect": "Allow",
            # Reads cannot be restricted by name: see DescribeApis in ci.py.
            "Action": "apigateway:GET",
            "Resource": [context.apigateway_arn("/apis"), context.apigateway_arn("/apis/*")],
        },
        {
            "Sid": "Schedules",
            "Effect": "Allow",
            "Action": ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"],
            "Resource": ci.rules(context),
        },
        {
            "Sid": "TracesCallsAndTags",
            "Effect": "Allow",
            # They take no resource: SAR.
            "Action": [
                "cloudtrail:LookupEvents",
                "tag:GetResources",
                "xray:BatchGetTraces",
                "xray:GetServiceGraph",
                "xray:GetTraceSummaries",
            ],
            "Resource": "*",
        },
    )
