"""Scope `bootstrap`: the account's foundation, created once by a person and never destroyed by CI."""

import pulumi

from infra import aws_context, tags
from infra.aws_context import AwsContext
from infra.ci_roles import CiRoles, CiRolesArgs
from infra.people_roles import PeopleRoles, PeopleRolesArgs
from infra.settings import BootstrapSettings
from infra.state_backend import StateBackend, StateBackendArgs


class Bootstrap(pulumi.ComponentResource):
    """State backend, CI's roles, and people's roles where the settings name people."""

    outputs: dict[str, pulumi.Output[str] | pulumi.Output[dict[str, dict[str, str]]]]

    def __init__(self, name: str, settings: BootstrapSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:Bootstrap", name, None, opts)
        context = aws_context.current(self)
        standard = tags.standard(pulumi.get_stack(), settings.repository)
        state = StateBackend(
            f"{name}-state",
            StateBackendArgs(context=context, tags=standard, protect=settings.protect),
            pulumi.ResourceOptions(parent=self),
        )
        roles = CiRoles(
            f"{name}-ci",
            CiRolesArgs(
                context=context,
                subject_prefix=settings.subject_prefix,
                environment=settings.environment,
                oidc_provider_arn=settings.oidc_provider_arn,
                agent_space_arns=settings.agent_space_arns,
                state=state,
                tags=standard,
                protect=settings.protect,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.outputs = {
            "backendUrl": state.backend_url,
            "secretsProvider": state.secrets_provider,
            "deployRoleArn": roles.deploy_role_arn,
            "previewRoleArn": roles.preview_role_arn,
            "githubVariables": self._github_variables(context, state, roles, settings.environment),
        }
        if settings.operator_principals:
            people = PeopleRoles(
                f"{name}-people",
                PeopleRolesArgs(
                    context=context,
                    principals=settings.operator_principals,
                    deploy_policies=roles.deploy_policies,
                    tags=standard,
                    protect=settings.protect,
                ),
                pulumi.ResourceOptions(parent=self),
            )
            self.outputs["operatorRoleArn"] = people.operator_role_arn
            self.outputs["observerRoleArn"] = people.observer_role_arn
        self.register_outputs(self.outputs)

    def _github_variables(
        self, context: pulumi.Output[AwsContext], state: StateBackend, roles: CiRoles, environment: str
    ) -> pulumi.Output[dict[str, dict[str, str]]]:
        """Return what the workflows read. The deploying jobs read variables of the environment, which only an
        administrator of the repository may change; a preview is in no environment."""
        region = context.apply(lambda value: value.region)
        return pulumi.Output.all(region, state.backend_url, state.secrets_provider, roles.deploy_role_arn,
                                 roles.preview_role_arn).apply(lambda values: {
            "environment": {
                "AWS_REGION": values[0],
                "PULUMI_BACKEND_URL": values[1],
                "PULUMI_SECRETS_PROVIDER": values[2],
                "AWS_DEPLOY_ROLE_ARN": values[3],
            },
            "repository": {
                "DEPLOY_ENVIRONMENT": environment,
                "AWS_REGION": values[0],
                "PULUMI_BACKEND_URL": values[1],
                "AWS_PREVIEW_ROLE_ARN": values[4],
            },
        })  # fmt: skip
