"""Scope `app`: the scenario. HTTP API, function, logs, alarms and traffic; `failMode` makes it healthy or failing."""

import pulumi

from handler.scenario import SURFACES
from infra import aws_context, tags
from infra.alarms import Alarms, AlarmsArgs
from infra.function import Function, FunctionArgs
from infra.http_api import HttpApi, HttpApiArgs
from infra.names import AppNames
from infra.settings import AppSettings
from infra.traffic import Traffic, TrafficArgs


class App(pulumi.ComponentResource):
    """The workload, and the telemetry that shows whether it is healthy or failing."""

    outputs: dict[str, pulumi.Output[str] | list[pulumi.Output[str]] | bool | str]

    def __init__(self, name: str, settings: AppSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:App", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        context = aws_context.current(self)
        stack = pulumi.get_stack()
        app_names = AppNames(stack)
        standard = tags.standard(stack, settings.repository)
        surface = SURFACES[settings.surface]
        function = Function(
            f"{name}-function",
            FunctionArgs(
                context=context,
                function_name=app_names.function,
                role_name=app_names.execution_role,
                log_group_name=app_names.log_group,
                description=f"Handles GET / of {app_names.api}",
                files=("main.py", "scenario.py"),
                variables={surface.variable: surface.failing if settings.fail_mode else surface.healthy},
                timeout=5,
                is_traced=True,
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
            "surface": settings.surface,
        }
        if settings.traffic_per_minute:
            traffic = Traffic(
                f"{name}-traffic",
                TrafficArgs(
                    context=context,
                    names=app_names,
                    url=api.url,
                    per_minute=settings.traffic_per_minute,
                    log_retention_days=settings.log_retention_days,
                    tags=standard,
                ),
                child,
            )
            self.outputs["clientLogGroupName"] = traffic.log_group_name
        self.register_outputs(self.outputs)
