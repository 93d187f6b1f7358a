"""Who investigates a stack: the service's name as an investigator sees it, and the credentials that it gets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import names
from ops import clients, service_models
from ops.errors import UsageError

SESSION = "observer"
"""CloudTrail shows it as the caller of everything that an investigator reads."""


def service_of(stack: str) -> str:
    """Return the start of the names of everything in a stack, by which an investigator knows its service."""
    return names.AppNames(stack).prefix


@dataclass(frozen=True)
class Access:
    """What an investigator sees AWS with. `sentence` says whose credentials these are, and `variables` are them; they
    have a repr without the keys."""

    region: str
    sentence: str
    variables: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Access({self.sentence!r})"

    def session(self) -> boto3.Session:
        """Return a boto3 session with these credentials and no others."""
        return boto3.Session(
            self.variables["AWS_ACCESS_KEY_ID"],
            self.variables["AWS_SECRET_ACCESS_KEY"],
            self.variables.get("AWS_SESSION_TOKEN"),
            region_name=self.region,
            botocore_session=service_models.session(),
        )


def access(region: str, session: boto3.Session | None = None) -> Access:
    """Assume the role `observer`, or use the shell's credentials where bootstrap has made none that trusts them.

    `session` has credentials that are used in place of the shell's.

    Raises UsageError when the shell has no credentials, or AWS refuses them.
    """
    session = session or clients.Session(region)
    sts = session.client("sts")
    try:
        identity = sts.get_caller_identity()
        arn = f"arn:{identity['Arn'].split(':')[1]}:iam::{identity['Account']}:role{names.PEOPLE_ROLE_PATH}"
        try:
            assumed = sts.assume_role(RoleArn=arn + names.OBSERVER_ROLE, RoleSessionName=SESSION)["Credentials"]
        except ClientError as error:
            # AWS has the same error for a role that does not exist and for one that does not trust the caller.
            if error.response["Error"]["Code"] not in ("AccessDenied", "NoSuchEntity"):
                raise
            return Access(region, f"{identity['Arn']}, because it may not assume {names.OBSERVER_ROLE}, if there is "
                          "such a role (set operatorPrincipals in bootstrap)", _of_shell(session))  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        advice = clients.advice(error, "check those of this shell")
        raise UsageError(f"AWS does not give an investigator credentials: {error}; {advice}") from None
    finally:
        sts.close()
    keys = _variables(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    return Access(region, f"the role {names.OBSERVER_ROLE}", keys)


def shell_endpoint() -> dict[str, str]:
    """Return where this shell has AWS, when it is not the real one: the variables that another program needs, too."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("AWS_ENDPOINT_URL") or name in ("AWS_CA_BUNDLE", "AWS_DISABLE_HOST_PREFIX_INJECTION")
    }


def _of_shell(session: boto3.Session) -> dict[str, str]:
    credentials = session.get_credentials()
    assert credentials is not None  # AWS has just answered to them
    keys = credentials.get_frozen_credentials()
    return _variables(keys.access_key, keys.secret_key, keys.token)


def _variables(key: str | None, secret: str | None, token: str | None) -> dict[str, str]:
    variables = {"AWS_ACCESS_KEY_ID": key or "", "AWS_SECRET_ACCESS_KEY": secret or ""}
    return {**variables, **({"AWS_SESSION_TOKEN": token} if token else {})}
