"""What the program needs of IAM: its resources, and what the real provider calls for each."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from infra import names
from infra.aws_context import AwsContext
from infra.policies import ci, execution, foundation, trust
from tests.support import recording
from tests.support.recording import Registered

CONTEXTS = [
    AwsContext("aws", "123456789012", "eu-west-1"),
    AwsContext("aws-us-gov", "123456789012", "us-gov-west-1"),
    AwsContext("aws-cn", "123456789012", "cn-north-1"),
]
TABLE: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("aws-provider-actions.json").read_text(encoding="utf-8")
)
"""The actions that the provider's code calls, by kind of resource and then `create`, `read`, `update`, `delete`."""

ENTRIES = {
    "aws:apigatewayv2/api:Api": ["aws_apigatewayv2_api"],
    "aws:apigatewayv2/integration:Integration": ["aws_apigatewayv2_integration"],
    "aws:apigatewayv2/route:Route": ["aws_apigatewayv2_route"],
    "aws:apigatewayv2/stage:Stage": ["aws_apigatewayv2_stage", "aws_apigatewayv2_stage.access_logging"],
    "aws:cloudwatch/logGroup:LogGroup": ["aws_cloudwatch_log_group"],
    "aws:cloudwatch/metricAlarm:MetricAlarm": ["aws_cloudwatch_metric_alarm"],
    "aws:iam/role:Role": ["aws_iam_role"],
    "aws:iam/rolePolicy:RolePolicy": ["aws_iam_role_policy"],
    "aws:lambda/function:Function": ["aws_lambda_function"],
    "aws:lambda/permission:Permission": ["aws_lambda_permission"],
}
"""The table's entries for each type that an app stack declares."""

NEVER = {
    "iam:DeleteRolePermissionsBoundary": "a role without the boundary is what it is there to prevent; no update of the "
    "program takes it off",
}
"""What the table has and CI is not granted, and why."""

OF_THE_PROVIDER_ITSELF = set(TABLE["provider_configuration"]["read"])
"""What it calls when it is configured, whatever the program declares. AWS lets everybody."""

API = "a1b2c3d4e5"


@dataclass(frozen=True)
class Need:
    """An action on a resource, in one phase of the life of something that the program declares."""

    of: str
    phase: str
    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)

    def is_allowed_by(self, policies: Iterable[str], aws: AwsContext) -> bool:
        """By IAM's rules, as the emulator has them."""
        request = EvalContext(
            principal_arn=aws.iam_arn("role/ci"),
            principal_type="AssumedRole",
            principal_account=aws.account,
            action=self.action,
            resource_arn=self.resource,
            region=aws.region,
            service_context={key.lower(): value for key, value in self.context.items()},
        )
        return bool(evaluate(request, [parse_policy_document(policy) for policy in policies]).decision == "Allow")


def of_role(role: str, aws: AwsContext) -> dict[str, str]:
    """The documents of the `deploy` or `preview` role, by concern."""
    policies = {"deploy": ci.DEPLOY, "preview": ci.PREVIEW}[role]
    return {concern: policy(aws, _bucket(aws), aws.arn("kms", "key/1")) for concern, policy in policies.items()}


def documents(aws: AwsContext) -> dict[str, str]:
    """Every policy document that the project has, by name."""
    return {
        **{f"{role} {concern}": text for role in ("deploy", "preview") for concern, text in of_role(role, aws).items()},
        "boundary": execution.boundary(aws),
        "execution": execution.execution(aws.arn("logs", "log-group:/aws/lambda/incident-sandbox-app")),
        "bucket": foundation.state_bucket(_bucket(aws)),
        "key": foundation.state_key(aws),
        "execution's trust": trust.by_lambda(),
        "CI's trust": trust.by_github(
            aws.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}"), "repo:octo-org/octo-repo:environment:sandbox"
        ),
    }


def _bucket(aws: AwsContext) -> str:
    return f"arn:{aws.partition}:s3:::state"


def statements(document: str) -> list[dict[str, Any]]:
    """A policy document's statements."""
    return list(json.loads(document)["Statement"])


def listed(value: str | list[str]) -> list[str]:
    """What a statement names, one or several."""
    return [value] if isinstance(value, str) else value


def granted(*documents: str) -> set[str]:
    """The actions that policy documents allow."""
    allowing = [one for document in documents for one in statements(document) if one["Effect"] == "Allow"]
    return {action for one in allowing for action in listed(one["Action"])}


def without(document: str, sid: str) -> str:
    """A policy document without one of its statements, which it has."""
    whole = json.loads(document)
    rest = [one for one in whole["Statement"] if one["Sid"] != sid]
    assert len(rest) == len(whole["Statement"]) - 1
    return json.dumps({**whole, "Statement": rest})


def declared(stack: str = "app") -> list[Registered]:
    """What an app stack has of AWS."""
    return [one for one in recording.run({}, stack).resources if one.type.startswith("aws:")]


def needs(aws: AwsContext, stack: str = "app") -> list[Need]:
    """All that an app stack needs, in every phase, with the ARNs that its resources have."""
    return [
        Need(one.name, phase, action, resource, context)
        for one in declared(stack)
        for entry in ENTRIES[one.type]
        for phase, actions in TABLE[entry].items()
        for action in actions
        if action not in NEVER
        for resource, context in _resources(one, phase, action, aws, names.AppNames(stack))
    ]


def _resources(
    one: Registered, phase: str, action: str, aws: AwsContext, app: names.AppNames
) -> Iterator[tuple[str, dict[str, str]]]:
    """What an action is evaluated on: https://docs.aws.amazon.com/service-authorization/latest/reference/"""
    service, verb = action.split(":")
    role = aws.iam_arn(f"role{names.APP_ROLE_PATH}{app.execution_role}")
    bounded = {"iam:PermissionsBoundary": execution.boundary_arn(aws)}
    kind = one.type.split(":")[-1]
    if action == "iam:PassRole":
        yield role, {"iam:PassedToService": "lambda.amazonaws.com"}
    elif service == "iam":
        yield role, bounded if verb in ("CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy") else {}
    elif service == "lambda":
        principal = {"lambda:Principal": "apigateway.amazonaws.com"} if verb == "AddPermission" else {}
        yield aws.arn("lambda", f"function:{app.function}"), principal
    elif service == "cloudwatch":
        yield aws.arn("cloudwatch", f"alarm:{one.inputs['name']}"), {}
    elif (kind == "Stage" and service == "logs") or verb == "DescribeLogGroups":
        yield "*", {}
    elif service == "logs":
        group = aws.arn("logs", f"log-group:{one.inputs['name']}")
        yield group, {}
        if verb != "ListTagsForResource":
            yield f"{group}:*", {}
    else:
        assert service == "apigateway", action
        yield from _api_resources(kind, phase, verb, aws, app)


def _api_resources(
    kind: str, phase: str, verb: str, aws: AwsContext, app: names.AppNames
) -> Iterator[tuple[str, dict[str, str]]]:
    collection = aws.apigateway_arn("/apis")
    api = f"{collection}/{API}"
    destination = aws.arn("logs", f"log-group:{app.access_log_group}")
    making_api, being_api = {"apigateway:Request/ApiName": app.api}, {"apigateway:Resource/ApiName": app.api}
    making_stage = {"apigateway:Request/AccessLoggingDestination": destination}
    being_stage = {"apigateway:Resource/AccessLoggingDestination": destination}
    # what it is made in, with what request; what it then is, with what; and with what request it is changed
    parent, making, own, being, changing = {
        "Api": (collection, making_api, api, being_api, making_api),
        "Stage": (f"{api}/stages", making_stage, f"{api}/stages/$default", being_stage, making_stage),
        "Integration": (f"{api}/integrations", {}, f"{api}/integrations/i1", {}, {}),
        "Route": (f"{api}/routes", {}, f"{api}/routes/r1", {}, {}),
    }[kind]
    tags_of_own = aws.apigateway_arn(f"/tags/{quote(own, safe='')}")
    if verb == "TagResource":  # at CreateStage, on the collection: infra/policies/ci.py, TagStages
        yield parent, {}
    elif verb == "PUT":
        yield tags_of_own, {}
    elif verb == "POST" and phase == "create":
        yield parent, making
        if kind == "Api":  # its first tags: infra/policies/ci.py, TagApis
            yield aws.apigateway_arn(f"/tags/{quote(aws.apigateway_arn('/v2/apis/'), safe='')}*"), {}
    elif being and phase == "update" and verb in ("POST", "DELETE"):  # to tag and untag what there is
        yield tags_of_own, {}
    else:
        yield own, being
        if verb == "PATCH":
            yield own, {**being, **changing}
