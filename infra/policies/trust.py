"""Who may assume a role."""

from infra.policies.document import document

GITHUB_ISSUER = "token.actions.githubusercontent.com"
OIDC_AUDIENCE = "sts.amazonaws.com"


def by_lambda() -> str:
    """Return the trust policy of functions: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html."""
    return document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


def by_principals(arns: tuple[str, ...]) -> str:
    """Return the trust policy of exactly these roles and users: IAM stores them by their unique ids, so that whoever is
    created later under the same name is not trusted.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    return document({"Effect": "Allow", "Principal": {"AWS": list(arns)}, "Action": "sts:AssumeRole"})


def by_github(provider_arn: str, subject: str) -> str:
    """Return the trust policy of GitHub Actions jobs with exactly this subject: no wildcard, no ForAllValues.

    https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws, and as users
    write it: aws-actions/configure-aws-credentials#672.
    """
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{GITHUB_ISSUER}:aud": OIDC_AUDIENCE, f"{GITHUB_ISSUER}:sub": subject}},
        }
    )
