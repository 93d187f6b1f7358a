"""The function: its package, its role, its log group, and the variable that makes it fail."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra import names, options
from infra.aws_context import AwsContext
from infra.policies import execution, trust

HANDLER = Path(__file__).resolve().parent.parent / "handler" / "main.py"


@dataclass(frozen=True)
class FunctionArgs:
    """`fail_mode` makes every request fail; `log_retention_days` is in days."""

    context: pulumi.Input[AwsContext]
    names: names.AppNames
    fail_mode: bool
    log_retention_days: int
    tags: dict[str, str]


class Function(pulumi.ComponentResource):
    """The Lambda function with its role and its log group."""

    function_name: pulumi.Output[str]
    function_arn: pulumi.Output[str]
    invoke_arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:Function", name, None, opts)
        child = options.child(self)
        context = pulumi.Output.from_input(args.context)

        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=args.names.log_group,
            retention_in_days=args.log_retention_days,
            tags=args.tags,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=args.names.execution_role,
            path=names.APP_ROLE_PATH,
            description=f"Execution role of {args.names.function}",
            assume_role_policy=trust.by_lambda(),
            permissions_boundary=context.apply(execution.boundary_arn),
            tags=args.tags,
            opts=child,
        )
        role_policy = aws.iam.RolePolicy(
            f"{name}-role-policy",
            name="execution",
            role=role.name,
            policy=log_group.arn.apply(execution.execution),
            opts=child,
        )
        function = aws.lambda_.Function(
            f"{name}-lambda",
            name=args.names.function,
            description="Answers GET / of the incident-sandbox HTTP API",
            role=role.arn,
            runtime="python3.13",
            architectures=["arm64"],
            handler=f"{HANDLER.stem}.handle",
            code=package(),
            memory_size=128,
            timeout=5,
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={"FAIL_MODE": "true" if args.fail_mode else "false"}
            ),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group.name),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active"),
            tags=args.tags,
            # Lambda rejects active tracing while the role may not write traces.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[role_policy])),
        )

        self.function_name = function.name
        self.function_arn = function.arn
        self.invoke_arn = function.invoke_arn
        self.log_group_name = log_group.name
        self.register_outputs({"functionName": self.function_name, "functionArn": self.function_arn})


def package() -> pulumi.AssetArchive:
    """Return the package: the handler's text, so that neither its time, its path nor bytecode changes the hash."""
    return pulumi.AssetArchive({HANDLER.name: pulumi.StringAsset(HANDLER.read_text(encoding="utf-8"))})
