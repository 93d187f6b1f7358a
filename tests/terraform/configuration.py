"""A stack's resources as a Terraform configuration, so that HashiCorp's AWS provider can make, read and compare them.

The stack's state has everything: what the program asked for (inputs), which of it came from which other resource
(dependencies), and what AWS made of it (ids). Pulumi's `aws` provider is Terraform's behind a bridge, so types and
properties differ in their names only: https://github.com/pulumi/pulumi-terraform-bridge.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws.provider import lambda_
from local_aws.provider.resource import Props

State = list[dict[str, Any]]
"""The resources of a Pulumi state, each after those that it depends on."""


@dataclass(frozen=True)
class Kind:
    """How Terraform has one of Pulumi's resource types.

    `renamed` has the properties whose name is not the same words in snake case, `left_out` those that the provider
    does not know, `import_id` makes the id that an `import` block takes from a resource of the state.
    """

    type: str
    renamed: dict[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    import_id: Callable[[dict[str, Any]], str] = lambda resource: str(resource["id"])


def _in_api(resource: dict[str, Any]) -> str:
    return f"{resource['inputs']['apiId']}/{resource['id']}"


KINDS = {
    "aws:apigatewayv2/api:Api": Kind("aws_apigatewayv2_api"),
    "aws:apigatewayv2/integration:Integration": Kind("aws_apigatewayv2_integration", import_id=_in_api),
    "aws:apigatewayv2/route:Route": Kind("aws_apigatewayv2_route", import_id=_in_api),
    "aws:apigatewayv2/stage:Stage": Kind("aws_apigatewayv2_stage", import_id=_in_api),
    "aws:cloudwatch/eventRule:EventRule": Kind("aws_cloudwatch_event_rule"),
    "aws:cloudwatch/eventTarget:EventTarget": Kind(
        "aws_cloudwatch_event_target",
        import_id=lambda resource: f"{resource['inputs']['rule']}/{resource['inputs']['targetId']}",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Kind("aws_cloudwatch_log_group"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind("aws_cloudwatch_metric_alarm", {"name": "alarm_name"}),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Kind(
        "aws_iam_openid_connect_provider", {"clientIdLists": "client_id_list"}
    ),
    "aws:iam/policy:Policy": Kind("aws_iam_policy"),
    "aws:iam/role:Role": Kind("aws_iam_role"),
    "aws:iam/rolePolicy:RolePolicy": Kind("aws_iam_role_policy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind("aws_iam_role_policy_attachment"),
    "aws:kms/alias:Alias": Kind("aws_kms_alias"),
    "aws:kms/key:Key": Kind("aws_kms_key"),
    "aws:lambda/function:Function": Kind("aws_lambda_function", {"name": "function_name", "code": "filename"}),
    "aws:lambda/permission:Permission": Kind(
        "aws_lambda_permission",
        {"function": "function_name"},
        import_id=lambda resource: f"{resource['inputs']['function']}/{resource['id']}",
    ),
    "aws:s3/bucket:Bucket": Kind("aws_s3_bucket"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Kind(
        "aws_s3_bucket_lifecycle_configuration", {"rules": "rule"}
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Kind("aws_s3_bucket_ownership_controls"),
    "aws:s3/bucketPolicy:BucketPolicy": Kind("aws_s3_bucket_policy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Kind("aws_s3_bucket_public_access_block"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Kind(
        "aws_s3_bucket_server_side_encryption_configuration",
        {"rules": "rule"},
        left_out=frozenset({"blockedEncryptionTypes"}),  # new in version 6 of the provider
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Kind("aws_s3_bucket_versioning"),
}


def in_aws(resources: State) -> State:
    """The resources that AWS has: components, the stack and providers are Pulumi's alone."""
    return [resource for resource in resources if resource["type"].startswith("aws:")]


def write(folder: Path, resources: State, *, importing: bool = False) -> None:
    """Write the configuration of a stack's resources, with the function's package, into a folder; with `importing`
    also the `import` blocks that take over what AWS has.

    Raises KeyError for a type that KINDS lacks.
    """
    targets = in_aws(resources)
    references = {resource["urn"]: _references(resource) for resource in targets}
    if importing:  # our provider's URL of a stage is the emulator's, as it says, and a value of what is imported
        references = {
            urn: {text: term for text, term in terms.items() if not term.endswith(".invoke_url")}
            for urn, terms in references.items()
        }
    blocks: dict[str, dict[str, Any]] = {}
    for resource in targets:
        blocks.setdefault(KINDS[resource["type"]].type, {})[label(resource)] = _block(resource, references, folder)
    document: dict[str, Any] = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {"aws": {"s3_use_path_style": True}},
        "resource": blocks,
    }
    if importing:
        document["import"] = [
            {"to": address(resource), "id": KINDS[resource["type"]].import_id(resource)} for resource in targets
        ]
    (folder / "main.tf.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


def address(resource: dict[str, Any]) -> str:
    """What Terraform calls the resource."""
    return f"{KINDS[resource['type']].type}.{label(resource)}"


def label(resource: dict[str, Any]) -> str:
    return str(resource["urn"].split("::")[-1])


def _block(resource: dict[str, Any], references: dict[str, dict[str, str]], folder: Path) -> dict[str, Any]:
    kind = KINDS[resource["type"]]
    block: dict[str, Any] = {}
    for key, value in resource["inputs"].items():
        name = kind.renamed.get(key, _snake_case(key))
        if name == "filename":
            package = f"{label(resource)}.zip"
            (folder / package).write_bytes(lambda_.package(value))
            block[name] = f"${{path.module}}/{package}"
            continue
        sources = resource.get("propertyDependencies", {}).get(key, [])
        known = {text: term for urn in sources for text, term in references.get(urn, {}).items()}
        block[name] = _value(value, known, kind, is_map=key in ("tags", "dimensions", "variables"))
    depends_on = [urn for urn in resource.get("dependencies", []) if urn in references]
    if depends_on:
        block["depends_on"] = [f"{references[urn]['']}" for urn in depends_on]
    return block


def _value(value: Any, references: dict[str, str], kind: Kind, *, is_map: bool = False) -> Any:
    """A property's value, its names in snake case but for a map's keys, which are data."""
    if isinstance(value, dict):
        return {
            key if is_map else kind.renamed.get(key, _snake_case(key)): _value(
                item, references, kind, is_map=key in ("tags", "dimensions", "variables")
            )
            for key, item in value.items()
            if key not in kind.left_out
        }
    if isinstance(value, list):
        return [_value(item, references, kind) for item in value]
    return _text(value, references) if isinstance(value, str) else value


def _text(text: str, references: dict[str, str]) -> str:
    """The text, what came from another resource replaced by a reference to it."""
    escaped = text.replace("${", "$${").replace("%{", "%%{")
    known = sorted((source for source in references if source), key=len, reverse=True)
    if not known:
        return escaped
    return re.sub("|".join(map(re.escape, known)), lambda match: f"${{{references[match[0]]}}}", escaped)


def _references(resource: dict[str, Any]) -> dict[str, str]:
    """Terraform's terms for what AWS made, by its value here; under "" the resource's own address.

    Values that the program chose need no reference: they are the same in another account.
    """
    own = address(resource)
    made: Props = {key: value for key, value in resource["outputs"].items() if key not in resource["inputs"]}
    terms = {value: f"{own}.{_snake_case(key)}" for key, value in made.items() if isinstance(value, str) and value}
    if resource["id"] not in resource["inputs"].values():
        terms.setdefault(resource["id"], f"{own}.id")
    return {**terms, "": own}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
