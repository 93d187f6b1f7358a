"""The permissions that the program needs: its resources, and what the real provider calls for each."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from infra import names, tags
from infra.aws_context import AwsContext
from infra.policies import agent, ci, execution, foundation, people, trust
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
"""The actions that the provider's code calls, by type of resource, then by `create`, `read`, `update`, `delete`."""

ENTRIES = {
    "aws:apigatewayv2/api:Api": ["aws_apigatewayv2_api"],
    "aws:apigatewayv2/integration:Integration": ["aws_apigatewayv2_integration"],
    "aws:apigatewayv2/route:Route": ["aws_apigatewayv2_route"],
    "aws:apigatewayv2/stage:Stage": ["aws_apigatewayv2_stage", "aws_apigatewayv2_stage.access_logging"],
    "aws:cloudwatch/eventRule:EventRule": ["aws_cloudwatch_event_rule"],
    "aws:cloudwatch/eventTarget:EventTarget": ["aws_cloudwatch_event_target"],
    "aws:cloudwatch/logGroup:LogGroup": ["aws_cloudwatch_log_group"],
    "aws:cloudwatch/metricAlarm:MetricAlarm": ["aws_cloudwatch_metric_alarm"],
    "aws:iam/role:Role": ["aws_iam_role"],
    "aws:iam/rolePolicy:RolePolicy": ["aws_iam_role_policy"],
    "aws:lambda/function:Function": ["aws_lambda_function"],
    "aws:lambda/permission:Permission": ["aws_lambda_permission"],
}
"""The table's entries for each type that an app stack declares."""

NEVER = {
    "iam:DeleteRolePermissionsBoundary": "the boundary must stay on every role; no update of the program removes it",
    **dict.fromkeys(
        (
            "cloudwatch:UntagResource",
            "events:UntagResource",
            "iam:UntagRole",
            "lambda:UntagResource",
            "logs:UntagResource",
        ),
        "leftovers are found by their tags; no update of the program removes one of its four",
    ),
}
"""Actions of the table that CI is not granted, and why."""

OF_THE_PROVIDER_ITSELF = set(TABLE["provider_configuration"]["read"])
"""The actions that the provider calls when it is configured. AWS allows them to every principal."""

API = "a1b2c3d4e5"


@dataclass(frozen=True)
class Need:
    """An action on a resource, needed in one phase of the life of a declared resource."""

    of: str
    phase: str
    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)

    def is_allowed_by(self, policies: Iterable[str], aws: AwsContext) -> bool:
        """Evaluate the policies with the emulator's implementation of IAM."""
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
    """Return the policies of the `deploy` or `preview` role, by concern."""
    policies = {"deploy": ci.DEPLOY, "preview": ci.PREVIEW}[role]
    return {concern: policy(aws, _bucket(aws), aws.arn("kms", "key/1")) for concern, policy in policies.items()}


def documents(aws: AwsContext) -> dict[str, str]:
    """Return every policy document of the project, by name."""
    return {
        **{f"{role} {concern}": text for role in ("deploy", "preview") for concern, text in of_role(role, aws).items()},
        "observer": people.observer(aws),
        "agent": agent.ask([aws.arn("aidevops", "agentspace/space-1")]),
        "boundary": execution.boundary(aws),
        "execution": execution.execution(
            aws.arn("logs", "log-group:/aws/lambda/storefront-app-handler"), is_traced=True
        ),
        "bucket": foundation.state_bucket(_bucket(aws), aws.arn("kms", "key/1")),
        "key": foundation.state_key(aws),
        "execution's trust": trust.by_lambda(),
        "people's trust": trust.by_principals((aws.iam_arn("role/Developer"), aws.iam_arn("user/casey"))),
        "CI's trust": trust.by_github(
            aws.iam_arn(f"oidc-provider/{trust.GITHUB_ISSUER}"), "repo:octo-org/octo-repo:environment:sandbox"
        ),
    }


def _bucket(aws: AwsContext) -> str:
    return f"arn:{aws.partition}:s3:::state"


def statements(document: str) -> list[dict[str, Any]]:
    """Return the statements of a policy document."""
    return list(json.loads(document)["Statement"])


def listed(value: str | list[str]) -> list[str]:
    """Return an element of a statement as a list."""
    return [value] if isinstance(value, str) else value


def granted(*documents: str) -> set[str]:
    """Return the actions that policy documents allow."""
    every = [statement for document in documents for statement in statements(document)]
    return {action for statement in every if statement["Effect"] == "Allow" for action in listed(statement["Action"])}


def without(document: str, sid: str) -> str:
    """Return a policy document without one of its statements, which must exist."""
    whole = json.loads(document)
    rest = [statement for statement in whole["Statement"] if statement["Sid"] != sid]
    assert len(rest) == len(whole["Statement"]) - 1
    return json.dumps({**whole, "Statement": rest})


def declared(stack: str = "app") -> list[Registered]:
    """Return the AWS resources that an app stack declares."""
    return [resource for resource in recording.run({}, stack).resources if resource.type.startswith("aws:")]


def needs(aws: AwsContext, stack: str = "app") -> list[Need]:
    """Return all that an app stack needs, in every phase, with the ARNs of its resources."""
    return [
        Need(declaration.name, phase, action, arn, context)
        for declaration in declared(stack)
        for entry in ENTRIES[declaration.type]
        for phase, actions in TABLE[entry].items()
        for action in actions
        if action not in NEVER
        for arn, context in _resources(declaration, phase, action, aws, names.AppNames(stack))
    ]


def _resources(
    declaration: Registered, phase: str, action: str, aws: AwsContext, app: names.AppNames
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the ARNs and condition keys that AWS evaluates an action with.

    https://docs.aws.amazon.com/service-authorization/latest/reference/
    """
    service, verb = action.split(":")
    is_client = "client" in declaration.name
    role = aws.iam_arn(f"role{names.APP_ROLE_PATH}{app.client_role if is_client else app.execution_role}")
    bounded = {"iam:PermissionsBoundary": execution.boundary_arn(aws)}
    kind = declaration.type.split(":")[-1]
    if action == "iam:PassRole":
        yield role, {"iam:PassedToService": "lambda.amazonaws.com"}
    elif service == "iam":
        yield role, bounded if verb in ("CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy") else {}
    elif service == "lambda":
        by = "events.amazonaws.com" if "traffic" in declaration.name else "apigateway.amazonaws.com"
        function = app.client if "traffic" in declaration.name else app.function
        context = {
            "AddPermission": {"lambda:Principal": by},
            "CreateFunction": {f"aws:RequestTag/{tags.PROJECT}": declaration.inputs.get("tags", {}).get(tags.PROJECT)},
        }
        yield aws.arn("lambda", f"function:{function}"), context.get(verb, {})
    elif service == "events":
        yield aws.arn("events", f"rule/{app.schedule}"), {}
    elif service == "cloudwatch":
        yield aws.arn("cloudwatch", f"alarm:{declaration.inputs['name']}"), {}
    elif (kind == "Stage" and service == "logs") or verb == "DescribeLogGroups":
        yield "*", {}
    elif service == "logs":
        group = aws.arn("logs", f"log-group:{declaration.inputs['name']}")
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
    api_request, api_resource = {"apigateway:Request/ApiName": app.api}, {"apigateway:Resource/ApiName": app.api}
    stage_request = {"apigateway:Request/AccessLoggingDestination": destination}
    stage_resource = {"apigateway:Resource/AccessLoggingDestination": destination}
    # The collection and the condition keys of the request that creates it; its own path and the condition keys of the
    # existing resource; the condition keys of the request that updates it.
    parent, create_request, own, existing, update_request = {
        "Api": (collection, api_request, api, api_resource, api_request),
        "Stage": (f"{api}/stages", stage_request, f"{api}/stages/$default", stage_resource, stage_request),
        "Integration": (f"{api}/integrations", {}, f"{api}/integrations/i1", {}, {}),
        "Route": (f"{api}/routes", {}, f"{api}/routes/r1", {}, {}),
    }[kind]
    own_tags = aws.apigateway_arn(f"/tags/{quote(own, safe='')}")
    if verb == "TagResource":  # at CreateStage, on the collection: infra/policies/ci.py, TagStages
        yield parent, {}
    elif verb == "PUT":
        yield own_tags, {}
    elif verb == "POST" and phase == "create":
        yield parent, create_request
        if kind == "Api":  # its tags at CreateApi: infra/policies/ci.py, TagApis
            yield aws.apigateway_arn(f"/tags/{quote(aws.apigateway_arn('/v2/apis/'), safe='')}*"), {}
    elif existing and phase == "update" and verb == "POST":  # to tag the existing resource
        yield own_tags, {}
    elif existing and phase == "update" and verb == "DELETE":  # to untag it, which CI may not: infra/policies/ci.py
        return
    else:
        yield own, existing
        if verb == "PATCH":
            yield own, {**existing, **update_request}
