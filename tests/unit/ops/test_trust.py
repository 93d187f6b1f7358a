"""What a state may hold, and which bucket it may be in, before any Pulumi command acts on it."""

from typing import Any

import pytest

from infra import names
from ops import clients
from ops.errors import UsageError
from ops.stacks import trust

PROVIDER = "urn:pulumi:app::incident-sandbox::pulumi:providers:aws::default_7_40_0"
FUNCTION = {
    "urn": "urn:pulumi:app::incident-sandbox::aws:lambda/function:Function::f",
    "custom": True,
    "type": "aws:lambda/function:Function",
    "provider": f"{PROVIDER}::id",
}
AWS = {"urn": PROVIDER, "custom": True, "type": "pulumi:providers:aws", "inputs": {"version": "7.40.0"}}
COMPONENT = {
    "urn": "urn:pulumi:app::incident-sandbox::incident-sandbox:infra:App::app",
    "type": "incident-sandbox:infra:App",
}
STACK = {"urn": "urn:pulumi:app::incident-sandbox::pulumi:pulumi:Stack::s", "type": "pulumi:pulumi:Stack"}
OWN_KEY = {"type": "cloud", "state": {"url": f"awskms://{names.STATE_KEY_ALIAS}?region=eu-west-1"}}


def state(*resources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"resources": [STACK, COMPONENT, AWS, FUNCTION, *resources], "secrets_providers": OWN_KEY, **fields}


def test_what_the_program_declares_is_trusted() -> None:
    trust.refuse_untrusted(state(), "s3://b/app.json")


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({**FUNCTION, "type": "pulumi-python:dynamic:Resource"}, "is of type pulumi-python:dynamic:Resource"),
        ({**FUNCTION, "type": "aws:ec2/instance:Instance"}, "is of type aws:ec2/instance:Instance"),
        ({**FUNCTION, "provider": PROVIDER.replace("aws", "command") + "::id"}, "has the provider"),
        ({**FUNCTION, "provider": PROVIDER.replace("default_7_40_0", "mine") + "::id"}, "has the provider"),
        ({**FUNCTION, "provider": ""}, "has the provider of none"),
        ({**AWS, "inputs": {"pluginDownloadURL": "https://x.example"}}, "has pluginDownloadURL"),
        ({**AWS, "inputs": {"__internal": {"name": "other"}}}, "has name"),
        ({**AWS, "outputs": {"endpoints": "[]"}}, "has endpoints"),
        ({**COMPONENT, "provider": f"{PROVIDER}::id"}, "is a component that a plugin makes"),
        ({**COMPONENT, "type": "other:infra:App"}, "is of type other:infra:App"),
    ],
)
@pytest.mark.parametrize("is_pending", [False, True])
def test_anything_else_is_refused_and_named(resource: dict[str, Any], reason: str, is_pending: bool) -> None:
    hostile = state(pending_operations=[{"resource": resource}]) if is_pending else state(resource)

    with pytest.raises(UsageError) as refused:
        trust.refuse_untrusted(hostile, "s3://b/app.json")

    assert reason in str(refused.value)
    assert str(refused.value).startswith(f"s3://b/app.json is not to be trusted: {resource['urn']}")


@pytest.mark.parametrize(
    "provider",
    [
        {"type": "cloud", "state": {"url": "awskms://alias/other?region=eu-west-1"}},
        {"type": "cloud", "state": {"url": "hashivault://key"}},
        {"type": "passphrase", "state": {"salt": "v1"}},
    ],
)
def test_secrets_under_another_key_are_refused(provider: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="its secrets provider is"):
        trust.refuse_untrusted(state(secrets_providers=provider), "s3://b/app.json")


class Sts:
    def client(self, service: str) -> "Sts":
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "111122223333"}


@pytest.mark.parametrize(
    ("bucket", "endpoint", "message"),
    [
        ("storefront-state-444455556666-eu-west-1", None, "bootstrap's bucket in account 111122223333 is"),
        ("storefront-state-111122223333-eu-west-2", None, "bootstrap's bucket in account 111122223333 is"),
        ("storefront-state-111122223333-eu-west-1", "https://127.0.0.1:1", "is not AWS_ENDPOINT_URL"),
    ],
)
def test_another_bucket_or_endpoint_is_refused(
    bucket: str, endpoint: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "Session", lambda region: Sts())
    trust.refuse_foreign_bucket("storefront-state-111122223333-eu-west-1", "eu-west-1", None)

    with pytest.raises(UsageError) as refused:
        trust.refuse_foreign_bucket(bucket, "eu-west-1", endpoint)

    assert message in str(refused.value)
