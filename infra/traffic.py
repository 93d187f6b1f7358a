"""Traffic: a function that sends requests through the public URL, every minute, as the service's users would.

So health has a history before an incident, errors go on as long as it lasts, and recovery shows, whoever looks.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, options
from infra.aws_context import AwsContext
from infra.function import Function, FunctionArgs


@dataclass(frozen=True)
class TrafficArgs:
    """`per_minute` requests are sent to `url`; `log_retention_days` is in days."""

    context: pulumi.Input[AwsContext]
    names: names.AppNames
    url: pulumi.Input[str]
    per_minute: int
    log_retention_days: int
    tags: dict[str, str]


class Traffic(pulumi.ComponentResource):
    """The client function, and the schedule that invokes it."""

    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: TrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:Traffic", name, None, opts)
        client = Function(
            f"{name}-client",
            FunctionArgs(
                context=args.context,
                function_name=args.names.client,
                role_name=args.names.client_role,
                log_group_name=args.names.client_log_group,
                description=f"Requests GET / of {args.names.api} every minute",
                files=("client.py",),
                variables={"URL": args.url, "REQUESTS": str(args.per_minute)},
                timeout=60,
                is_traced=False,
                log_retention_days=args.log_retention_days,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        schedule = aws.cloudwatch.EventRule(
            f"{name}-schedule",
            name=args.names.schedule,
            description=f"Invokes {args.names.client} every minute",
            schedule_expression="rate(1 minute)",
            state="ENABLED",
            tags=args.tags,
            opts=options.child(self),
        )
        permission = aws.lambda_.Permission(
            f"{name}-permission",
            statement_id="InvokeBySchedule",
            action="lambda:InvokeFunction",
            function=client.function_name,
            principal="events.amazonaws.com",
            source_arn=schedule.arn,
            opts=options.child(self),
        )
        aws.cloudwatch.EventTarget(
            f"{name}-target",
            rule=schedule.name,
            target_id="client",
            arn=client.function_arn,
            # An invocation before there is permission would fail.
            opts=pulumi.ResourceOptions.merge(options.child(self), pulumi.ResourceOptions(depends_on=[permission])),
        )
        self.log_group_name = client.log_group_name
        self.register_outputs({"logGroupName": self.log_group_name})
