"""Scope `app`: the scenario. HTTP API, function, logs and alarms; `failMode` makes it healthy or failing."""

import pulumi

from infra import aws_context, tags
from infra.alarms import Alarms, AlarmsArgs
from infra.function import Function, FunctionArgs
from infra.http_api import HttpApi, HttpApiArgs
from infra.names import AppNames
from infra.settings import AppSettings


class App(pulumi.ComponentResource):
    """The workload, and the telemetry that shows whether it is healthy or failing."""

    outputs: dict[str, pulumi.Output[str] | list[pulumi.Output[str]] | bool]

    def __init__(self, name: str, settings: AppSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:App", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        app_names = AppNames(pulumi.get_stack())
        standard = tags.standard(settings.repository)
        function = Function(
            f"{name}-function",
            FunctionArgs(
                context=aws_context.current(self),
                names=app_names,
                fail_mode=settings.fail_mode,
                log_retention_days=settings.log_retention_days,
                tags=standard,
            ),
            child,
        )
        api = HttpApi(
            f"{name}-api",
            HttpApiArgs(
                names=app_names,
                function_name=function.function_name,
                function_invoke_arn=function.invoke_arn,
                log_retention_days=settings.log_retention_days,
                tags=standard,
            ),
            child,
        )
        alarms = Alarms(
            f"{name}-alarms",
            AlarmsArgs(names=app_names, function_name=function.function_name, api_id=api.api_id, tags=standard),
            child,
        )
        self.outputs = {
            "apiUrl": api.url,
            "apiId": api.api_id,
            "functionName": function.function_name,
            "functionArn": function.function_arn,
            "logGroupName": function.log_group_name,
            "accessLogGroupName": api.access_log_group_name,
            "alarmNames": alarms.alarm_names,
            "failMode": settings.fail_mode,
        }
        self.register_outputs(self.outputs)
