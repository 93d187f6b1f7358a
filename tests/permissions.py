"""What the program needs of IAM: its resources, and what the real provider calls for each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from infra import names, policies, tags
from tests.unit import recording
from tests.unit.recording import Registered

PLACES = [
    policies.Place("aws", "123456789012", "eu-west-1"),
    policies.Place("aws-us-gov", "123456789012", "us-gov-west-1"),
    policies.Place("aws-cn", "123456789012", "cn-north-1"),
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

API = "a1b2c3d4e5"


@dataclass(frozen=True)
class Need:
    """An action on a resource, in one phase of the life of something that the program declares."""

    of: str
    phase: str
    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict)

    def is_allowed_by(self, policy: str, place: policies.Place) -> bool:
        """By IAM's rules, as the emulator has them."""
        request = EvalContext(
            principal_arn=place.iam_arn("role/ci"),
            principal_type="AssumedRole",
            principal_account=place.account,
            action=self.action,
            resource_arn=self.resource,
            region=place.region,
            service_context={key.lower(): value for key, value in self.context.items()},
        )
        return bool(evaluate(request, [parse_policy_document(policy)]).decision == "Allow")


def documents(place: policies.Place) -> dict[str, str]:
    bucket = f"arn:{place.partition}:s3:::state"
    key = place.arn("kms", "key/1")
    return {
        "deploy": policies.deploy(place, bucket, key),
        "preview": policies.preview(place, bucket, key),
        "boundary": policies.boundary(place),
        "execution": policies.execution(place.arn("logs", "log-group:/aws/lambda/incident-sandbox-app")),
        "bucket": policies.tls_only(bucket),
        "key": policies.state_key(place),
        "execution's trust": policies.lambda_trust(),
        "CI's trust": policies.github_trust(
            place.iam_arn(f"oidc-provider/{policies.GITHUB_ISSUER}"), "repo:octo-org/octo-repo:environment:sandbox"
        ),
    }


def statements(document: str) -> list[dict[str, Any]]:
    """A policy document's statements."""
    return list(json.loads(document)["Statement"])


def listed(value: str | list[str]) -> list[str]:
    """What a statement names, one or several."""
    return [value] if isinstance(value, str) else value


def granted(document: str) -> set[str]:
    """The actions that a policy document allows."""
    allowing = [one for one in statements(document) if one["Effect"] == "Allow"]
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


def needs(place: policies.Place, stack: str = "app") -> list[Need]:
    """All that an app stack needs, in every phase, with the ARNs that its resources have."""
    return [
        Need(one.name, phase, action, resource, context)
        for one in declared(stack)
        for entry in ENTRIES[one.type]
        for phase, actions in TABLE[entry].items()
        for action in actions
        if action not in NEVER
        for resource, context in _resources(one, phase, action, place, names.AppNames(stack))
    ]


def _resources(
    one: Registered, phase: str, action: str, place: policies.Place, app: names.AppNames
) -> Iterator[tuple[str, dict[str, str]]]:
    """What an action is evaluated on: https://docs.aws.amazon.com/service-authorization/latest/reference/"""
    service, verb = action.split(":")
    role = place.iam_arn(f"role{names.APP_ROLE_PATH}{app.execution_role}")
    bounded = {"iam:PermissionsBoundary": policies.boundary_arn(place)}
    kind = one.type.split(":")[-1]
    if action == "iam:PassRole":
        yield role, {"iam:PassedToService": "lambda.amazonaws.com"}
    elif service == "iam":
        yield role, bounded
    elif service == "lambda":
        principal = {"lambda:Principal": "apigateway.amazonaws.com"} if verb == "AddPermission" else {}
        yield place.arn("lambda", f"function:{app.function}"), principal
    elif service == "cloudwatch":
        yield place.arn("cloudwatch", f"alarm:{one.inputs['name']}"), {}
    elif (kind == "Stage" and service == "logs") or verb == "DescribeLogGroups":
        yield "*", {}
    elif service == "logs":
        group = place.arn("logs", f"log-group:{one.inputs['name']}")
        yield group, {}
        if verb != "ListTagsForResource":
            yield f"{group}:*", {}
    else:
        assert service == "apigateway", action
        yield from _api_resources(kind, phase, verb, place, app)


def _api_resources(
    kind: str, phase: str, verb: str, place: policies.Place, app: names.AppNames
) -> Iterator[tuple[str, dict[str, str]]]:
    service = f"arn:{place.partition}:apigateway:{place.region}::"
    api = f"{service}/apis/{API}"
    destination = place.arn("logs", f"log-group:{app.access_log_group}")
    logging = {"apigateway:Request/AccessLoggingDestination": destination}
    naming = {"apigateway:Request/ApiName": app.api}
    # what it is made in, with what request; what it then is, with what; and with what request it is changed
    collection, making, own, being, changing = {
        "Api": (f"{service}/apis", naming, api, {"apigateway:Resource/ApiName": app.api}, naming),
        "Stage": (f"{api}/stages", logging, f"{api}/stages/$default",
                  {f"aws:ResourceTag/{tags.PROJECT}": names.PROJECT}, logging),
        "Integration": (f"{api}/integrations", {}, f"{api}/integrations/i1", {}, {}),
        "Route": (f"{api}/routes", {}, f"{api}/routes/r1", {}, {}),
    }[kind]  # fmt: skip
    if verb == "POST" and phase == "create":
        yield collection, making
    elif being and phase == "update" and verb in ("POST", "DELETE"):  # to tag and untag what there is
        yield f"{service}/tags/{quote(own, safe='')}", {}
    else:
        yield own, being
        if verb == "PATCH":
            yield own, {**being, **changing}
