"""GitHub Actions' access to this account: the OIDC provider, two roles, and the boundary of roles that they create."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import names, options
from infra.aws_context import AwsContext
from infra.policies import agent, ci, execution, trust
from infra.state_backend import StateBackend

SESSION_SECONDS = 3600
CAMPAIGN_SECONDS = 6 * 3600
"""As long as a job on GitHub's runners lasts at most; evaluate.yml asks for it, and no other workflow:
https://docs.github.com/en/actions/reference/limits"""


@dataclass(frozen=True)
class CiRolesArgs:
    """`subject_prefix` starts every trusted token's subject; `environment` is the GitHub environment that deploys; in
    the agent spaces `agent_space_arns` the deploy role may ask, in sessions that last as long as a campaign does; with
    `protect` all resources are protected and retained.
    """

    context: pulumi.Input[AwsContext]
    subject_prefix: str
    environment: str
    oidc_provider_arn: str | None
    agent_space_arns: tuple[str, ...]
    state: StateBackend
    tags: dict[str, str]
    protect: bool


class CiRoles(pulumi.ComponentResource):
    """The deploy role, the preview role, and what they depend on."""

    deploy_role_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]
    deploy_policies: dict[str, pulumi.Output[str]]
    """The ARNs of the deploy role's policies, by concern."""

    def __init__(self, name: str, args: CiRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("incident-sandbox:infra:CiRoles", name, None, opts)
        self._name = name
        self._args = args
        self._child = options.retained_child(self, protect=args.protect)
        context = pulumi.Output.from_input(args.context)

        aws.iam.Policy(
            f"{name}-boundary",
            name=names.BOUNDARY,
            path=names.APP_ROLE_PATH,
            description=f"The most that a role of an app stack of {names.SERVICE} can do",
            policy=context.apply(execution.boundary),
            tags=args.tags,
            opts=self._child,
        )
        provider_arn = self._provider_arn()
        self.deploy_role_arn, self.deploy_policies = self._role(
            "deploy",
            names.DEPLOY_ROLE,
            provider_arn.apply(
                lambda arn: trust.by_github(arn, f"{args.subject_prefix}:environment:{args.environment}")
            ),
            {**ci.DEPLOY, **self._asking()},
            CAMPAIGN_SECONDS if args.agent_space_arns else SESSION_SECONDS,
        )
        self.preview_role_arn, _ = self._role(
            "preview",
            names.PREVIEW_ROLE,
            provider_arn.apply(lambda arn: trust.by_github(arn, f"{args.subject_prefix}:pull_request")),
            ci.PREVIEW,
            SESSION_SECONDS,
        )
        self.register_outputs({"deployRoleArn": self.deploy_role_arn, "previewRoleArn": self.preview_role_arn})

    def _asking(self) -> dict[str, ci.Policy]:
        space_arns = self._args.agent_space_arns
        return {"agent": lambda context, bucket_arn, key_arn: agent.ask(space_arns)} if space_arns else {}

    def _provider_arn(self) -> pulumi.Output[str]:
        """Return the OIDC provider's ARN. An account has at most one per issuer, so settings can name it."""
        if self._args.oidc_provider_arn:
            return pulumi.Output.from_input(self._args.oidc_provider_arn)
        return aws.iam.OpenIdConnectProvider(
            f"{self._name}-github",
            url=f"https://{trust.GITHUB_ISSUER}",
            client_id_lists=[trust.OIDC_AUDIENCE],
            tags=self._args.tags,
            opts=self._child,
        ).arn

    def _role(
        self,
        purpose: str,
        role_name: str,
        trust_policy: pulumi.Output[str],
        policies: dict[str, ci.Policy],
        session_seconds: int,
    ) -> tuple[pulumi.Output[str], dict[str, pulumi.Output[str]]]:
        """Declare a role with its policies; return its ARN and the policies', by concern."""
        arns = {}
        role = aws.iam.Role(
            f"{self._name}-{purpose}",
            name=role_name,
            path=names.CI_ROLE_PATH,
            description=f"GitHub Actions: {purpose} of app stacks of {names.SERVICE}",
            assume_role_policy=trust_policy,
            max_session_duration=session_seconds,
            tags=self._args.tags,
            opts=self._child,
        )
        for concern, policy in policies.items():
            name = f"{self._name}-{purpose}-{concern}"
            managed = aws.iam.Policy(
                f"{name}-policy",
                name=names.ci_policy(role_name, concern),
                path=names.CI_ROLE_PATH,
                description=f"What the role {role_name} may do: {concern}",
                policy=self._document(policy),
                tags=self._args.tags,
                opts=self._child,
            )
            aws.iam.RolePolicyAttachment(name, role=role.name, policy_arn=managed.arn, opts=self._child)
            arns[concern] = managed.arn
        return role.arn, arns

    def _document(self, policy: ci.Policy) -> pulumi.Output[str]:
        state = self._args.state
        return pulumi.Output.all(self._args.context, state.bucket_arn, state.key_arn).apply(
            lambda arguments: policy(*arguments)
        )
