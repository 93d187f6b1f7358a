"""The HTTP API in front of the function: one route, one stage, an access log, the permission to invoke."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, options

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
ACCESS_LOG_FIELDS = (
    "requestId",
    "requestTime",
    "httpMethod",
    "routeKey",
    "path",
    "status",
    "responseLatency",
    "integrationStatus",
    "integrationLatency",
    "integrationErrorMessage",
)


REQUESTS_PER_SECOND = 50
BURST = 100
"""More than a check or the client ever sends: the URL is public, and each request costs money."""


@dataclass(frozen=True)
class HttpApiArgs:
    """`log_retention_days` is in days, for the access log."""

    names: names.AppNames
    function_name: pulumi.Input[str]
    function_invoke_arn: pulumi.Input[str]
    log_retention_days: int
    tags: dict[str, str]


class HttpApi(pulumi.ComponentResource):
    """An HTTP API that passes `GET /` to the function."""

    api_id: pulumi.Output[str]
    url: pulumi.Output[str]
    access_log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:HttpApi", name, None, opts)
        child = options.child(self)

        access_log = aws.cloudwatch.LogGroup(
            f"{name}-access-log",
            name=args.names.access_log_group,
            retention_in_days=args.log_retention_days,
            tags=args.tags,
            opts=child,
        )
        api = aws.apigatewayv2.Api(
            f"{name}-api",
            name=args.names.api,
            description=f"Public entry of {args.names.function}",
            protocol_type="HTTP",
            tags=args.tags,
            opts=child,
        )
        integration = aws.apigatewayv2.Integration(
            f"{name}-integration",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_uri=args.function_invoke_arn,
            payload_format_version="2.0",
            opts=child,
        )
        route = aws.apigatewayv2.Route(
            f"{name}-route",
            api_id=api.id,
            route_key="GET /",
            target=pulumi.Output.format("integrations/{0}", integration.id),
            opts=child,
        )
        stage = aws.apigatewayv2.Stage(
            f"{name}-stage",
            api_id=api.id,
            name="$default",
            auto_deploy=True,
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=access_log.arn,
                format=json.dumps({field: f"$context.{field}" for field in ACCESS_LOG_FIELDS}),
            ),
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=REQUESTS_PER_SECOND, throttling_burst_limit=BURST
            ),
            tags=args.tags,
            # The stage deploys the routes that exist when it is created.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[route])),
        )
        aws.lambda_.Permission(
            f"{name}-permission",
            statement_id="InvokeByHttpApi",
            action="lambda:InvokeFunction",
            function=args.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.format("{0}/*/*", api.execution_arn),
            opts=child,
        )

        self.api_id = api.id
        self.url = stage.invoke_url
        self.access_log_group_name = access_log.name
        self.register_outputs({"apiId": self.api_id, "url": self.url})
