"""GitHub Actions as AWS sees it: tokens such as a job's, and the sessions that they get."""

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path

from infra.policies.trust import GITHUB_ISSUER, OIDC_AUDIENCE
from infra.settings import DEFAULT_ENVIRONMENT
from local_aws.provider.resource import Aws, Props
from ops.project import read_yaml

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

SESSION = "rehearsal"
"""The session's name, where a workflow has the number of its run."""


@dataclass(frozen=True)
class Jobs:
    """The subjects that the jobs of the repository have, by the settings of bootstrap.

    https://docs.github.com/en/actions/reference/security/oidc
    """

    prefix: str
    environment: str

    @classmethod
    def of(cls, folder: Path, repository: str) -> "Jobs":
        """By the stack file of bootstrap in a folder; the repository where it names none."""
        config = read_yaml(folder / "Pulumi.bootstrap.yaml").get("config") or {}
        settings = {key.removeprefix("incident-sandbox:"): value for key, value in config.items()}
        repository = settings.get("githubRepository", repository)
        environment = settings.get("githubEnvironment", DEFAULT_ENVIRONMENT)
        return cls(settings.get("githubSubjectPrefix", f"repo:{repository}"), environment)

    @property
    def deployment(self) -> str:
        """A job in the environment that deploys."""
        return f"{self.prefix}:environment:{self.environment}"

    @property
    def pull_request(self) -> str:
        return f"{self.prefix}:pull_request"


def token(subject: str, audience: str = OIDC_AUDIENCE) -> str:
    """A token with the claims that trust is about. Its signature is none: the emulator does not look at it."""
    now = int(time.time())
    claims = {"iss": f"https://{GITHUB_ISSUER}", "sub": subject, "aud": audience, "iat": now, "exp": now + 300}
    parts = ({"typ": "JWT", "alg": "RS256"}, claims, "signature")
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def session(aws: Aws, role_arn: str, token: str, name: str = SESSION) -> dict[str, str]:
    """The environment of a session of the role, as `aws-actions/configure-aws-credentials` sets it.

    Raises ClientError when AWS does not trust the token.
    """
    return environment(
        aws.client("sts").assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName=name, WebIdentityToken=token)
    )


def environment(assumed: Props) -> dict[str, str]:
    """The environment of the session that STS answered with."""
    given = assumed["Credentials"]
    return dict(zip(CREDENTIALS, (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]), strict=True))
