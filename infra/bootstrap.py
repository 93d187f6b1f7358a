"""Scope `bootstrap`: the account's foundation, made once by a person and never destroyed by CI."""

import pulumi

from infra import aws_context, tags
from infra.ci_roles import CiRoles, CiRolesArgs
from infra.settings import BootstrapSettings
from infra.state_backend import StateBackend, StateBackendArgs


class Bootstrap(pulumi.ComponentResource):
    """State backend and CI roles."""

    outputs: dict[str, pulumi.Output[str] | pulumi.Output[dict[str, str]]]

    def __init__(self, name: str, settings: BootstrapSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:Bootstrap", name, None, opts)
        context = aws_context.current(self)
        standard = tags.standard(settings.repository)
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
            "githubVariables": pulumi.Output.all(
                AWS_REGION=context.apply(lambda known: known.region),
                PULUMI_BACKEND_URL=state.backend_url,
                PULUMI_SECRETS_PROVIDER=state.secrets_provider,
                AWS_DEPLOY_ROLE_ARN=roles.deploy_role_arn,
                AWS_PREVIEW_ROLE_ARN=roles.preview_role_arn,
            ),
        }
        self.register_outputs(self.outputs)
