"""Scope `app`: the scenario. HTTP API, function, logs and alarms; `failMode` is health or incident."""

import pulumi

from infra import tags
from infra.alarms import Alarms, AlarmsArgs
from infra.function import Function, FunctionArgs
from infra.http_api import HttpApi, HttpApiArgs
from infra.names import AppNames
from infra.place import current_place
from infra.settings import AppSettings


class App(pulumi.ComponentResource):
    """The workload that is healthy or failing, and what an observer sees it by."""

    outputs: dict[str, pulumi.Output[str] | list[pulumi.Output[str]] | bool]

    def __init__(self, name: str, settings: AppSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:App", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        app_names = AppNames(pulumi.get_stack())
        standard = tags.standard(settings.repository)
        function = Function(
            f"{name}-function",
            FunctionArgs(
                where=current_place(self),
                names=app_names,
                fail_mode=settings.fail_mode,
                log_retention_days=settings.log_retention_days,
                tags=standard,
            ),
            mine,
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
            mine,
        )
        alarms = Alarms(
            f"{name}-alarms",
            AlarmsArgs(names=app_names, function_name=function.function_name, api_id=api.api_id, tags=standard),
            mine,
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
