"""GitHub Actions as AWS sees it: a job's OIDC token, and the role session that it gets."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import names
from infra.policies.trust import GITHUB_ISSUER, OIDC_AUDIENCE
from infra.settings import DEFAULT_ENVIRONMENT
from local_aws.emulator import web_identity
from local_aws.provider.resource import Aws
from ops.project import stack_config

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

REPOSITORY = "octo-org/storefront"
"""In GitHub's example organisation."""

SESSION = "rehearsal"
"""The session's name; in a workflow it has the run's number."""


@dataclass(frozen=True)
class Jobs:
    """The subjects of the repository's jobs, by bootstrap's settings.

    https://docs.github.com/en/actions/reference/security/oidc
    """

    prefix: str
    environment: str

    @classmethod
    def of(cls, folder: Path, repository: str) -> "Jobs":
        """Read bootstrap's stack file in a folder; `repository` is the default where the file names none."""
        config = stack_config(folder, names.BOOTSTRAP_STACK)
        settings = {key.removeprefix(f"{names.PROJECT}:"): value for key, value in config.items()}
        repository = settings.get("githubRepository", repository)
        environment = settings.get("githubEnvironment", DEFAULT_ENVIRONMENT)
        return cls(settings.get("githubSubjectPrefix", f"repo:{repository}"), environment)

    @property
    def deployment(self) -> str:
        """Return the subject of a job in the environment that deploys."""
        return f"{self.prefix}:environment:{self.environment}"

    @property
    def pull_request(self) -> str:
        """Return the subject of a pull request's job."""
        return f"{self.prefix}:pull_request"


def token(subject: str, secret: str, audience: str = OIDC_AUDIENCE) -> str:
    """Return a token with the claims that trust policies check, signed with the secret of the emulator's root."""
    now = int(time.time())
    claims = {"iss": f"https://{GITHUB_ISSUER}", "sub": subject, "aud": audience, "iat": now, "exp": now + 300}
    return web_identity.sign(claims, secret)


def session(aws: Aws, role_arn: str, token: str, name: str = SESSION) -> dict[str, str]:
    """Assume the role; return the environment of its session, as `aws-actions/configure-aws-credentials` sets it.

    Raises ClientError when AWS does not trust the token.
    """
    return environment(
        aws.client("sts").assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName=name, WebIdentityToken=token)
    )


def environment(response: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of the session that STS responded with."""
    credentials = response["Credentials"]
    values = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    return dict(zip(CREDENTIALS, values, strict=True))


@contextlib.contextmanager
def acting_with(credentials: Mapping[str, str]) -> Iterator[None]:
    """Give these credentials to every AWS client that is created now, here or in a child process."""
    before = {name: os.environ.pop(name) for name in CREDENTIALS if name in os.environ}
    os.environ.update(credentials or before)
    try:
        yield
    finally:
        for name in CREDENTIALS:
            os.environ.pop(name, None)
        os.environ.update(before)
