"""A Lambda function with its package, its role and its log group."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra import names, options
from infra.aws_context import AwsContext
from infra.policies import execution, trust

HANDLERS = Path(__file__).resolve().parent.parent / "handler"


@dataclass(frozen=True)
class FunctionArgs:
    """`files` of handler/ are the package, the first has the entry `handle`; `variables` are the environment;
    `log_retention_days` is in days, `timeout` in seconds."""

    context: pulumi.Input[AwsContext]
    function_name: str
    role_name: str
    log_group_name: str
    description: str
    files: tuple[str, ...]
    variables: dict[str, pulumi.Input[str]]
    timeout: int
    is_traced: bool
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
            name=args.log_group_name,
            retention_in_days=args.log_retention_days,
            tags=args.tags,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=args.role_name,
            path=names.APP_ROLE_PATH,
            description=f"Execution role of {args.function_name}",
            assume_role_policy=trust.by_lambda(),
            permissions_boundary=context.apply(execution.boundary_arn),
            tags=args.tags,
            opts=child,
        )
        role_policy = aws.iam.RolePolicy(
            f"{name}-role-policy",
            name="execution",
            role=role.name,
            policy=log_group.arn.apply(lambda arn: execution.execution(arn, is_traced=args.is_traced)),
            opts=child,
        )
        function = aws.lambda_.Function(
            f"{name}-lambda",
            name=args.function_name,
            description=args.description,
            role=role.arn,
            runtime="python3.13",
            architectures=["arm64"],
            handler=f"{Path(args.files[0]).stem}.handle",
            code=package(*args.files),
            memory_size=128,
            timeout=args.timeout,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=args.variables),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group.name),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active" if args.is_traced else "PassThrough"),
            tags=args.tags,
            # Lambda rejects active tracing while the role may not write traces.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[role_policy])),
        )

        self.function_name = function.name
        self.function_arn = function.arn
        self.invoke_arn = function.invoke_arn
        self.log_group_name = log_group.name
        self.register_outputs({"functionName": self.function_name, "functionArn": self.function_arn})


def package(*files: str) -> pulumi.AssetArchive:
    """Return a package of handler/'s files by their text, so that neither time, path nor bytecode changes the hash."""
    return pulumi.AssetArchive(
        {file: pulumi.StringAsset((HANDLERS / file).read_text(encoding="utf-8")) for file in files}
    )
