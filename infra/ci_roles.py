"""Who GitHub Actions is in this account: the OIDC trust, the two roles, and the boundary on what they create."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, policies
from infra.state_backend import StateBackend


@dataclass(frozen=True)
class CiRolesArgs:
    """`subject_prefix` starts every trusted token's subject; `environment` is the GitHub environment that deploys; with
    `protect` all outlive their stack."""

    where: pulumi.Input[policies.Place]
    subject_prefix: str
    environment: str
    oidc_provider_arn: str | None
    state: StateBackend
    tags: dict[str, str]
    protect: bool


class CiRoles(pulumi.ComponentResource):
    """The deploy role, the preview role, and what they stand on."""

    deploy_role_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: CiRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:CiRoles", name, None, opts)
        self._name = name
        self._args = args
        self._kept = pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect)
        where = pulumi.Output.from_input(args.where)

        aws.iam.Policy(
            f"{name}-boundary",
            name=names.BOUNDARY,
            path=names.APP_ROLE_PATH,
            description="The most that a role of an incident-sandbox app stack can do",
            policy=where.apply(policies.boundary),
            tags=args.tags,
            opts=self._kept,
        )
        provider_arn = self._provider_arn()
        state = pulumi.Output.all(where, args.state.bucket_arn, args.state.key_arn)
        self.deploy_role_arn = self._role(
            "deploy",
            names.DEPLOY_ROLE,
            provider_arn.apply(
                lambda arn: policies.github_trust(arn, f"{args.subject_prefix}:environment:{args.environment}")
            ),
            state.apply(lambda known: policies.deploy(*known)),
        )
        self.preview_role_arn = self._role(
            "preview",
            names.PREVIEW_ROLE,
            provider_arn.apply(lambda arn: policies.github_trust(arn, f"{args.subject_prefix}:pull_request")),
            state.apply(lambda known: policies.preview(*known)),
        )
        self.register_outputs({"deployRoleArn": self.deploy_role_arn, "previewRoleArn": self.preview_role_arn})

    def _provider_arn(self) -> pulumi.Output[str]:
        """An account has at most one provider for an issuer, so an existing one is used as it is."""
        if self._args.oidc_provider_arn:
            return pulumi.Output.from_input(self._args.oidc_provider_arn)
        return aws.iam.OpenIdConnectProvider(
            f"{self._name}-github",
            url=f"https://{policies.GITHUB_ISSUER}",
            client_id_lists=[policies.OIDC_AUDIENCE],
            tags=self._args.tags,
            opts=self._kept,
        ).arn

    def _role(
        self, purpose: str, role_name: str, trust: pulumi.Output[str], policy: pulumi.Output[str]
    ) -> pulumi.Output[str]:
        role = aws.iam.Role(
            f"{self._name}-{purpose}",
            name=role_name,
            path=names.CI_ROLE_PATH,
            description=f"GitHub Actions: {purpose} of incident-sandbox app stacks",
            assume_role_policy=trust,
            max_session_duration=3600,
            tags=self._args.tags,
            opts=self._kept,
        )
        aws.iam.RolePolicy(
            f"{self._name}-{purpose}-policy", name=purpose, role=role.name, policy=policy, opts=self._kept
        )
        return role.arn
