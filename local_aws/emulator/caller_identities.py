"""Who calls, in the forms of CloudTrail's `userIdentity`.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from datetime import datetime, timezone
from typing import Any, NamedTuple

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam, sts

_PROVIDER = "FederatedProvider"
"""The key, in the emulator's record of a session, of the identity provider that the session is from."""


class Caller(NamedTuple):
    """A caller: CloudTrail's userIdentity, the account, and the user name by which LookupEvents finds its events."""

    identity: dict[str, Any]
    account: str
    username: str


def of_access_key(access_key: str) -> Caller | None:
    """Return the caller with this access key; None when there is none."""
    credential = iam_evaluator.resolve_credential(access_key, get_account_id())
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        return None
    identity = {
        "type": {"User": "IAMUser"}.get(credential.principal_type, credential.principal_type),
        "principalId": credential.principal_id,
        "arn": credential.principal_arn,
        "accountId": credential.account_id,
        "accessKeyId": access_key,
    }
    username = credential.principal_arn.rpartition("/")[2]
    if credential.principal_type == "Root":
        username = "root"  # the API reference of LookupEvents: "an AttributeKey of 'Username' with a value of 'root'"
    elif credential.principal_type == "User":
        identity["userName"] = username
    elif credential.principal_type == "AssumedRole":
        _add_session(identity, credential.account_id, sts._sessions.get(access_key) or {})
    return Caller(identity, credential.account_id, username)


def of_web_identity(token: str, role_arn: str) -> Caller:
    """Return the caller of AssumeRoleWithWebIdentity, as AWS names GitHub's: `TestReport_WebIdentityUserEvent` in
    https://github.com/ccbrown/cloud-snitch, and "Example OIDC AWS STS API event" in
    https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"""
    provider, claims = sts._web_identity_principal(token, "", role_arn)
    values = {key.rpartition(":")[2]: str(value) for key, value in claims.items()}
    subject = values.get("sub", "")
    identity = {
        "type": "WebIdentityUser",
        "principalId": f"{provider}:{values.get('aud', '')}:{subject}",
        "userName": subject,
        "identityProvider": provider,
    }
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else get_account_id()
    return Caller(identity, account, subject)


def set_provider(access_key: str, provider: str) -> None:
    """Record the identity provider of the session with this access key."""
    if access_key in sts._sessions:
        sts._sessions[access_key][_PROVIDER] = provider


def _add_session(identity: dict[str, Any], account: str, session: dict[str, Any]) -> None:
    _, role_name, session_name = identity["arn"].split("/", 2)
    role = iam._roles.get_scoped(account, None, role_name) or {}
    role_id = role.get("RoleId") or str(identity["principalId"]).partition(":")[0]
    identity["principalId"] = f"{role_id}:{session_name}"  # the emulator has a function's role by its name there
    context: dict[str, Any] = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": role_id,
            "arn": role.get("Arn") or f"arn:aws:iam::{account}:role/{role_name}",
            "accountId": account,
            "userName": role_name,
        }
    }
    if _PROVIDER in session:
        context["webIdFederationData"] = {"federatedProvider": session[_PROVIDER], "attributes": {}}
    issued = datetime.fromtimestamp(session.get("IssuedAt", 0), timezone.utc)
    context["attributes"] = {"creationDate": f"{issued:%Y-%m-%dT%H:%M:%SZ}", "mfaAuthenticated": "false"}
    identity["sessionContext"] = context
