"""What AWS still has of an app stack, by its names: a state that says nothing is left cannot know what it lost."""

import contextlib
from collections.abc import Callable, Iterator

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.names import AppNames
from ops import clients
from ops.errors import UsageError


def find(stack: str, region: str | None) -> list[str]:
    """The names of what is there.

    Not looked for: an HTTP API, which has no unique name, and roles, which the deploy role may read under their path
    alone, and a role that is not there has none.

    Raises UsageError when AWS cannot be asked.
    """
    try:
        with contextlib.closing(clients.Session(region)) as session:
            return list(_there(AppNames(stack), session))
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"AWS cannot be asked what is left of the stack: {error}; check the credentials") from None


def _there(app: AppNames, session: boto3.Session) -> Iterator[str]:
    functions, events = session.client("lambda"), session.client("events")
    probes: list[tuple[str, Callable[[str], object]]] = [
        (app.function, lambda name: functions.get_function(FunctionName=name)),
        (app.client, lambda name: functions.get_function(FunctionName=name)),
        (app.schedule, lambda name: events.describe_rule(Name=name)),
    ]
    for name, read in probes:
        try:
            read(name)
            yield name
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
    alarms = [app.errors_alarm, app.server_errors_alarm]
    for alarm in session.client("cloudwatch").describe_alarms(AlarmNames=alarms)["MetricAlarms"]:
        yield str(alarm["AlarmName"])
    logs = session.client("logs")
    for group in (app.log_group, app.client_log_group, app.access_log_group):
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        yield from [group for one in found if one["logGroupName"] == group]
