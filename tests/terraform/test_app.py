"""The life of an app stack by HashiCorp's provider, with the credentials that CI has, IAM enforced."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra import names
from local_aws.provider.resource import Aws
from tests.local.conftest import load
from tests.support import permissions
from tests.terraform import configuration
from tests.terraform.configuration import State
from tests.terraform.conftest import Account, Change, written

FUNCTION = "aws_lambda_function.app-function-lambda"
HEALTHY, FAILING = {"FAIL_MODE": "false"}, {"FAIL_MODE": "true"}
FLIP = [Change(FUNCTION, ["update"], {"environment": ([{"variables": HEALTHY}], [{"variables": FAILING}])})]


@dataclasses.dataclass
class Life:
    """What was seen in one life of the stack, by the deploy role unless it says otherwise."""

    unchanged: list[Change]
    flip: list[Change]
    flip_by_preview: list[Change]
    refused: str
    after_refusal: dict[str, str]
    flipped: dict[str, str]
    unchanged_again: list[Change]
    left: list[str]
    decisions: list[dict[str, Any]]


@pytest.fixture(scope="module")
def life(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Apply, flip and destroy what the embedded engine made before, and deletes first."""
    healthy = account.resources["app"]
    with pytest.MonkeyPatch.context() as patch:
        load(patch, account.emulator.environment())
        account.app.destroy()
        administrator = Aws()
        before = len(account.decisions())
        folder = written(tmp_path_factory.mktemp("life") / "app", healthy)
        deploy = account.terraform(folder, account.deploy)
        preview = deploy.acting_as(account.preview)

        deploy.apply()
        unchanged = deploy.plan().changes
        configuration.write(folder, flipped(healthy))
        flip_by_preview = preview.plan().changes
        refusal = preview.attempt("apply", "-input=false", "plan")
        assert refusal.returncode == 1
        after_refusal = variables(administrator)
        flip = deploy.plan().changes
        deploy.apply("plan")
        after_flip = variables(administrator)
        unchanged_again = deploy.plan().changes
        deploy.destroy()
        yield Life(
            unchanged=unchanged,
            flip=flip,
            flip_by_preview=flip_by_preview,
            refused=" ".join(refusal.stderr.split()),
            after_refusal=after_refusal,
            flipped=after_flip,
            unchanged_again=unchanged_again,
            left=existing(administrator),
            decisions=account.decisions()[before:],
        )
        administrator.close()


def flipped(resources: State) -> State:
    """The state's resources with the incident on."""
    text = json.dumps(resources)
    assert text.count('"FAIL_MODE": "false"') == 2  # in the function's inputs and in its outputs
    return list(json.loads(text.replace('"FAIL_MODE": "false"', '"FAIL_MODE": "true"')))


def variables(aws: Aws) -> dict[str, str]:
    """The function's variables as AWS has them."""
    found = aws.client("lambda").get_function_configuration(FunctionName=names.AppNames("app").function)
    return dict(found["Environment"]["Variables"])


def existing(aws: Aws) -> list[str]:
    """What AWS has of an app stack, by kind."""
    prefix = names.AppNames("app").prefix
    kinds = {
        "functions": [one["FunctionName"] for one in aws.client("lambda").list_functions()["Functions"]],
        "APIs": [one["Name"] for one in aws.client("apigatewayv2").get_apis()["Items"]],
        "log groups": [one["logGroupName"] for one in aws.client("logs").describe_log_groups()["logGroups"]],
        "alarms": [one["AlarmName"] for one in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "roles": [one["RoleName"] for one in aws.client("iam").list_roles()["Roles"]],
    }
    return [f"{kind}: {name}" for kind, found in kinds.items() for name in found if prefix in name]


def test_the_deploy_role_makes_all_of_it_and_a_second_plan_is_empty(life: Life) -> None:
    assert life.unchanged == []


def test_the_flip_changes_one_property_of_one_resource(life: Life) -> None:
    assert [_without_computed(change) for change in life.flip] == FLIP
    assert life.flipped == {"FAIL_MODE": "true"}
    assert life.unchanged_again == []


def test_the_preview_role_plans_the_flip_and_is_refused_its_first_write(life: Life) -> None:
    assert [_without_computed(change) for change in life.flip_by_preview] == FLIP
    assert "is not authorized to perform: lambda:UpdateFunctionConfiguration" in life.refused
    assert life.after_refusal == {"FAIL_MODE": "false"}


def test_destroy_by_the_deploy_role_leaves_nothing(life: Life) -> None:
    assert life.left == []


def test_all_that_the_real_provider_asks_is_granted_and_in_the_table(
    life: Life, request: pytest.FixtureRequest
) -> None:
    by_deploy = [one for one in life.decisions if f"/{names.DEPLOY_ROLE}/" in one["principal"]]
    asked = {one["action"] for one in by_deploy}
    table = {need.action for need in permissions.needs(permissions.CONTEXTS[0])} | set(permissions.NEVER)

    assert [one for one in by_deploy if not one["allowed"]] == []
    assert sorted(asked - table - permissions.OF_THE_PROVIDER_ITSELF) == []
    request.node.user_properties.append(
        ("section", ("IAM actions of the real provider", [
            f"asked in this run {len(asked)}, all granted and in the table",
            f"in the table and not asked: {', '.join(sorted(table - asked)) or 'none'}",
        ]))
    )  # fmt: skip


def _without_computed(change: Change) -> Change:
    """Without what AWS decides: it is `known after apply`, whatever the change is."""
    computed = {"last_modified", "qualified_arn", "version", "qualified_invoke_arn"}
    return dataclasses.replace(
        change, attributes={key: value for key, value in change.attributes.items() if key not in computed}
    )
