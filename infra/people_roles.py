"""People's roles: `operator` runs the app by hand as CI's deploy role does, `observer` investigates it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, options
from infra.aws_context import AwsContext
from infra.policies import people, trust


@dataclass(frozen=True)
class PeopleRolesArgs:
    """`principals` are the ARNs of people's own roles and users; `deploy_policies` are the ARNs of the deploy role's
    policies, by concern; with `protect` all resources are protected and retained."""

    context: pulumi.Input[AwsContext]
    principals: tuple[str, ...]
    deploy_policies: Mapping[str, pulumi.Input[str]]
    tags: dict[str, str]
    protect: bool


class PeopleRoles(pulumi.ComponentResource):
    """The operator role and the observer role."""

    operator_role_arn: pulumi.Output[str]
    observer_role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PeopleRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:PeopleRoles", name, None, opts)
        self._name = name
        self._args = args
        self._child = options.retained_child(self, protect=args.protect)

        operator = self._role("operator", names.OPERATOR_ROLE, f"Operates app stacks of {names.SERVICE}")
        for concern, arn in args.deploy_policies.items():
            self._attach(f"{name}-operator-{concern}", operator, arn)

        observer = self._role("observer", names.OBSERVER_ROLE, f"Investigates app stacks of {names.SERVICE}")
        policy = aws.iam.Policy(
            f"{name}-observer-policy",
            name=names.ci_policy(names.OBSERVER_ROLE, "read"),
            path=names.PEOPLE_ROLE_PATH,
            description=f"What the role {names.OBSERVER_ROLE} may do",
            policy=pulumi.Output.from_input(args.context).apply(people.observer),
            tags=args.tags,
            opts=self._child,
        )
        self._attach(f"{name}-observer-read", observer, policy.arn)

        self.operator_role_arn = operator.arn
        self.observer_role_arn = observer.arn
        self.register_outputs(
            {"operatorRoleArn": self.operator_role_arn, "observerRoleArn": self.observer_role_arn},
        )

    def _role(self, purpose: str, role_name: str, description: str) -> aws.iam.Role:
        return aws.iam.Role(
            f"{self._name}-{purpose}",
            name=role_name,
            path=names.PEOPLE_ROLE_PATH,
            description=description,
            assume_role_policy=trust.by_principals(self._args.principals),
            max_session_duration=3600,
            tags=self._args.tags,
            opts=self._child,
        )

    def _attach(self, name: str, role: aws.iam.Role, policy_arn: pulumi.Input[str]) -> None:
        aws.iam.RolePolicyAttachment(name, role=role.name, policy_arn=policy_arn, opts=self._child)
