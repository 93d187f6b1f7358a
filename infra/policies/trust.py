"""Who may assume a role."""

from infra.policies.document import document

GITHUB_ISSUER = "token.actions.githubusercontent.com"
OIDC_AUDIENCE = "sts.amazonaws.com"


def by_lambda() -> str:
    """Return the trust policy of functions: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html."""
    return document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


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
