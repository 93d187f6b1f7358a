"""What the roles of an app stack may do, and the most that they can ever do."""

from infra import names
from infra.aws_context import AwsContext
from infra.policies.document import Condition, Statement, document


def execution(log_group_arn: str, *, is_traced: bool) -> str:
    """Return what the function may do: write to its own log group, and send traces, which have no ARN."""
    traces = [_write_traces()] if is_traced else []
    return document(_write_logs(f"{log_group_arn}:*"), *traces)


def boundary_arn(context: AwsContext) -> str:
    """Return the boundary's ARN, built from its name: app stacks may not read bootstrap's outputs."""
    return context.iam_arn(f"policy{names.APP_ROLE_PATH}{names.BOUNDARY}")


def boundary(context: AwsContext) -> str:
    """Return the most that any role of an app stack can ever do, whatever is attached to it.

    IAM has no condition on the trust policy of a new role, so CI can create a role that others may assume. But Lambda
    adds the function's ARN to each request with a role's credentials, also when it stores a function's log itself. So
    only an app's function can write logs with such a role:
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html.
    Traces have no such condition: that page names one only of X-Ray's two actions, and Lambda checks for the right to
    send traces when it creates a function, too, without an ARN (coinbase/fenrir#1, serverless/serverless#6931).
    """
    every_app = names.AppNames("*")
    log_groups = context.arn("logs", f"log-group:/aws/lambda/{every_app.prefix}:*")
    functions = context.arn("lambda", f"function:{every_app.prefix}")
    by_function: Condition = {"ArnLike": {"lambda:SourceFunctionArn": functions}}
    return document({**_write_logs(log_groups), "Condition": by_function}, _write_traces())


def _write_logs(resource: str) -> Statement:
    return {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        # Checked on `log-group:NAME:log-stream:STREAM` (aws-solutions/aws-crr-monitor#8).
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": resource,
    }


def _write_traces() -> Statement:
    return {
        "Sid": "WriteTraces",
        "Effect": "Allow",
        # They have no resource: SAR, list_awsx-ray; serverless/serverless#3742.
        "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        "Resource": "*",
    }
