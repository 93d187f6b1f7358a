"""The errors for missing and wrong settings, raised before anything is registered."""

import pulumi
import pytest

from infra.settings import SettingsError
from tests.support import recording

BOOTSTRAP = {"scope": "bootstrap", "githubRepository": "octo-org/octo-repo"}


@pytest.mark.parametrize("value", ["maybe", "1", "0", "yes", "", "True", "TRUE", " true"])
def test_fail_mode_is_true_or_false_and_nothing_else(value: str) -> None:
    with pytest.raises(SettingsError) as error:
        recording.run({"failMode": value})

    assert "incident-sandbox:failMode" in str(error.value)
    assert repr(value) in str(error.value)
    assert "true or false" in str(error.value)


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ({"failmode": "true"}, ["incident-sandbox:failmode", "no setting of this project", "failMode"]),
        ({"scope": "application"}, ["scope", "'application'", "bootstrap, app"]),
        ({"logRetentionDays": "15"}, ["logRetentionDays", "'15'", "14"]),
        ({"logRetentionDays": "many"}, ["logRetentionDays", "'many'"]),
        ({"scope": "bootstrap"}, ["githubRepository", "missing", "pulumi config set githubRepository"]),
        ({"scope": "bootstrap", "githubRepository": "foo"}, ["githubRepository", "'foo'", "owner/name"]),
        ({"githubRepository": "a/b/c"}, ["githubRepository", "'a/b/c'", "owner/name"]),
        ({**BOOTSTRAP, "githubSubjectPrefix": "repo:octo-org/*"}, ["githubSubjectPrefix", "wildcards"]),
        ({**BOOTSTRAP, "githubEnvironment": "sand*"}, ["githubEnvironment", "'sand*'", "wildcards"]),
        ({**BOOTSTRAP, "githubOidcProviderArn": "arn:aws:iam::1:user/x"}, ["githubOidcProviderArn", "OIDC provider"]),
        ({**BOOTSTRAP, "operatorPrincipals": "*"}, ["operatorPrincipals", "'*'", "IAM roles or users"]),
        ({**BOOTSTRAP, "operatorPrincipals": ""}, ["operatorPrincipals", "''", "IAM roles or users"]),
        ({**BOOTSTRAP, "operatorPrincipals": '["arn:aws:iam::111122223333:root"]'}, ["operatorPrincipals", "root"]),
        ({**BOOTSTRAP, "operatorPrincipals": "arn:aws:iam::111122223333:role/x,"}, ["operatorPrincipals", "commas"]),
        (
            {**BOOTSTRAP, "operatorPrincipals": "arn:aws:sts::111122223333:assumed-role/x/y"},
            ["operatorPrincipals", "assumed-role"],
        ),
        (
            {**BOOTSTRAP, "agentSpaceArns": "arn:aws:aidevops:us-east-1:111122223333:agentspace/*"},
            ["agentSpaceArns", "*"],
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_rule(config: dict[str, str], parts: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        recording.run(config, stack="bootstrap")

    assert [part for part in parts if part not in str(error.value)] == []
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stack", ["a" * 38, "blue.green", "blue/green"])
def test_a_stack_name_that_cannot_be_part_of_physical_names_is_an_error(stack: str) -> None:
    with pytest.raises(SettingsError, match="at most 28"):
        recording.run({}, stack=stack)


def test_a_project_that_a_fork_has_renamed_is_told_what_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://github.com/pulumi/pulumi/issues/8537: else the boundary, whose name has the project's, is not found."""
    monkeypatch.setattr(pulumi, "get_project", lambda: "my-fork")

    with pytest.raises(SettingsError, match=r"named 'my-fork': its name is fixed as 'incident-sandbox'.*serviceName"):
        recording.run({})


def test_only_the_stack_bootstrap_may_have_scope_bootstrap() -> None:
    """The policy of CI's role excludes that stack's state by its name."""
    with pytest.raises(SettingsError, match="stack 'blue' has scope bootstrap"):
        recording.run(BOOTSTRAP, stack="blue")


def test_an_app_stack_needs_no_settings() -> None:
    assert recording.run({}).outputs["failMode"] is False
