"""The two alarms: one on the function's errors, the other on the API's 5xx responses."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, options

PERIOD_SECONDS = 60


@dataclass(frozen=True)
class AlarmsArgs:
    """The function and the API that the alarms watch."""

    names: names.AppNames
    function_name: pulumi.Input[str]
    api_id: pulumi.Input[str]
    tags: dict[str, str]


class Alarms(pulumi.ComponentResource):
    """Two alarms. One error within a minute raises them; a minute without requests does not."""

    alarm_names: list[pulumi.Output[str]]

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:Alarms", name, None, opts)
        self._tags = args.tags
        errors = self._alarm(
            f"{name}-function-errors",
            args.names.errors_alarm,
            "The function ended at least one invocation with an error within a minute",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": args.function_name},
        )
        server_errors = self._alarm(
            f"{name}-api-5xx",
            args.names.server_errors_alarm,
            "The HTTP API answered at least one request with a 5xx status within a minute",
            "AWS/ApiGateway",
            "5xx",
            {"ApiId": args.api_id},
        )
        self.alarm_names = [errors.name, server_errors.name]
        self.register_outputs({"alarmNames": self.alarm_names})

    def _alarm(
        self,
        name: str,
        alarm_name: str,
        description: str,
        namespace: str,
        metric: str,
        dimensions: dict[str, pulumi.Input[str]],
    ) -> aws.cloudwatch.MetricAlarm:
        return aws.cloudwatch.MetricAlarm(
            name,
            name=alarm_name,
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            dimensions=dimensions,
            statistic="Sum",
            period=PERIOD_SECONDS,
            evaluation_periods=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            treat_missing_data="notBreaching",
            tags=self._tags,
            opts=options.child(self),
        )
