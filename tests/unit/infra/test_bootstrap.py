"""The resources that the program registers in scope bootstrap."""

import json
from typing import Any

import pytest

from tests.support import recording
from tests.support.recording import ACCOUNT, REGION

SETTINGS = {"scope": "bootstrap", "githubRepository": "octo-org/octo-repo"}
OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


def run(**settings: str) -> recording.Recording:
    return recording.run({**SETTINGS, **settings}, stack="bootstrap")


def trust(result: recording.Recording, role: str) -> dict[str, Any]:
    (statement,) = json.loads(result.resource("aws:iam/role:Role", role).inputs["assumeRolePolicy"])["Statement"]
    return dict(statement)


def test_every_resource_is_protected_and_retained() -> None:
    resources = [resource for resource in run().resources if resource.type.startswith("aws:")]

    assert len(resources) == 27
    assert [resource.name for resource in resources if not (resource.protect and resource.retain_on_delete)] == []


def test_no_resource_is_protected_or_retained_with_protect_false() -> None:
    resources = [resource for resource in run(protect="false").resources if resource.type.startswith("aws:")]

    assert [resource.name for resource in resources if resource.protect or resource.retain_on_delete] == []


def test_the_state_bucket_is_private_versioned_encrypted_and_tls_only() -> None:
    result = run()
    bucket = f"storefront-state-{ACCOUNT}-{REGION}"

    assert result.resource("aws:s3/bucket:Bucket").inputs["bucket"] == bucket
    block = result.resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert block == {
        "bucket": bucket,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    ownership = result.resource("aws:s3/bucketOwnershipControls:BucketOwnershipControls").inputs
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    versioning = result.resource("aws:s3/bucketVersioning:BucketVersioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = result.resource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    ).inputs["rules"]
    assert rule["bucketKeyEnabled"] is True
    assert rule["applyServerSideEncryptionByDefault"] == {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyId": "arn:aws:mock:::bootstrap-state-key",
    }
    assert rule["blockedEncryptionTypes"] == ["SSE-C"]
    (expiry,) = result.resource("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert expiry["noncurrentVersionExpiration"] == {"noncurrentDays": 90}
    assert expiry["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    statements = json.loads(result.resource("aws:s3/bucketPolicy:BucketPolicy").inputs["policy"])["Statement"]
    assert {(one["Effect"], one["Principal"]) for one in statements} == {("Deny", "*")}
    method, key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    assert [one["Condition"] for one in statements] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"Null": {method: "false"}, "StringNotEquals": {method: "aws:kms"}},
        {"Null": {key: "false"}, "StringNotEquals": {key: "arn:aws:mock:::bootstrap-state-key"}},
        {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
    ]


def test_bucket_settings_that_s3_cannot_apply_at_once_are_applied_in_order() -> None:
    result = run()

    policy = result.resource("aws:s3/bucketPolicy:BucketPolicy")
    lifecycle = result.resource("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")

    assert "bootstrap-state-public-access" in policy.depends_on
    assert "bootstrap-state-versioning" in lifecycle.depends_on


def test_the_key_policy_delegates_to_iam() -> None:
    (statement,) = json.loads(run().resource("aws:kms/key:Key").inputs["policy"])["Statement"]

    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Allow", "kms:*", "*")


def test_the_key_rotates_and_has_the_alias_that_stacks_use() -> None:
    result = run()

    assert result.resource("aws:kms/key:Key").inputs["enableKeyRotation"] is True
    assert result.resource("aws:kms/alias:Alias").inputs["name"] == "alias/storefront-state"


@pytest.mark.parametrize(
    ("settings", "prefix", "environment"),
    [
        ({}, "repo:octo-org/octo-repo", "production"),
        ({"githubEnvironment": "labs"}, "repo:octo-org/octo-repo", "labs"),
        ({"githubSubjectPrefix": "repo:octo-org@1/octo-repo@2"}, "repo:octo-org@1/octo-repo@2", "production"),
    ],
)
def test_each_role_trusts_one_exact_subject(settings: dict[str, str], prefix: str, environment: str) -> None:
    result = run(**settings)

    for role, subject in (("deploy", f"environment:{environment}"), ("preview", "pull_request")):
        statement = trust(result, role)
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Principal"] == {"Federated": "arn:aws:mock:::bootstrap-ci-github"}
        assert statement["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": f"{prefix}:{subject}",
            }
        }


def test_an_existing_oidc_provider_is_used_and_none_is_created() -> None:
    existing = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    result = run(githubOidcProviderArn=existing)

    assert result.of_type(OIDC) == []
    assert trust(result, "deploy")["Principal"] == {"Federated": existing}


def test_the_outputs_have_what_stacks_and_github_need() -> None:
    outputs = run().outputs
    url = f"s3://storefront-state-{ACCOUNT}-{REGION}?region={REGION}"

    assert outputs["backendUrl"] == url
    assert outputs["secretsProvider"] == f"awskms://alias/storefront-state?region={REGION}"
    assert outputs["githubVariables"] == {
        "environment": {
            "AWS_REGION": REGION,
            "PULUMI_BACKEND_URL": url,
            "PULUMI_SECRETS_PROVIDER": outputs["secretsProvider"],
            "AWS_DEPLOY_ROLE_ARN": outputs["deployRoleArn"],
        },
        "repository": {
            "DEPLOY_ENVIRONMENT": "production",
            "AWS_REGION": REGION,
            "PULUMI_BACKEND_URL": url,
            "AWS_PREVIEW_ROLE_ARN": outputs["previewRoleArn"],
        },
    }
    assert outputs.keys() == {"backendUrl", "secretsProvider", "deployRoleArn", "previewRoleArn", "githubVariables"}


def test_a_session_of_ci_lasts_at_most_an_hour() -> None:
    roles = run().of_type("aws:iam/role:Role")

    assert [role.inputs["maxSessionDuration"] for role in roles] == [3600, 3600]


PEOPLE = (f"arn:aws:iam::{ACCOUNT}:role/Developer", f"arn:aws:iam::{ACCOUNT}:user/casey")


@pytest.mark.parametrize("value", [", ".join(PEOPLE), json.dumps(PEOPLE)])
def test_people_get_two_roles_in_a_path_of_their_own(value: str) -> None:
    result = run(operatorPrincipals=value)

    for role in ("operator", "observer"):
        inputs = result.resource("aws:iam/role:Role", f"people-{role}").inputs
        assert (inputs["name"], inputs["path"]) == (f"storefront-{role}", "/storefront/people/")
        assert trust(result, f"people-{role}") == {
            "Effect": "Allow",
            "Principal": {"AWS": list(PEOPLE)},
            "Action": "sts:AssumeRole",
        }
        assert result.outputs[f"{role}RoleArn"] == f"arn:aws:mock:::storefront-{role}"


def test_the_operator_has_the_deploy_roles_policies_and_the_observer_its_own() -> None:
    attached: dict[str, set[str]] = {}
    for attachment in run(operatorPrincipals=PEOPLE[0]).of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        attached.setdefault(attachment.inputs["role"], set()).add(attachment.inputs["policyArn"])

    assert attached["storefront-operator"] == attached["storefront-ci-deploy"]
    assert attached["storefront-observer"] == {"arn:aws:mock:::storefront-observer-read"}


def test_asking_the_agent_is_allowed_in_these_spaces_and_only_where_they_are_set() -> None:
    spaces = [f"arn:aws:aidevops:us-east-1:{ACCOUNT}:agentspace/space-{number}" for number in (1, 2)]
    result = run(agentSpaceArns=", ".join(spaces), operatorPrincipals=PEOPLE[0])

    policy = json.loads(result.resource("aws:iam/policy:Policy", "agent").inputs["policy"])
    assert policy["Statement"][0]["Resource"] == spaces
    roles = [
        attachment.inputs["role"]
        for attachment in result.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if attachment.inputs["policyArn"].endswith("-agent")
    ]
    assert sorted(roles) == ["storefront-ci-deploy", "storefront-operator"]
    assert "aidevops" not in json.dumps([resource.inputs for resource in run().resources])


def test_only_the_deploy_role_has_sessions_as_long_as_a_campaign_and_only_where_it_may_ask() -> None:
    space = f"arn:aws:aidevops:us-east-1:{ACCOUNT}:agentspace/space-1"

    for settings, longest in (({}, 3600), ({"agentSpaceArns": space}, 6 * 3600)):
        roles = run(**settings, operatorPrincipals=PEOPLE[0]).of_type("aws:iam/role:Role")
        seconds = {role.inputs["name"]: role.inputs["maxSessionDuration"] for role in roles}
        assert seconds.pop("storefront-ci-deploy") == longest
        assert set(seconds.values()) == {3600}
