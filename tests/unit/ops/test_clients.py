"""Wrong settings of AWS's clients."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from ops import clients
from ops.errors import UsageError
from tests.support import verbs


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AWS_ENDPOINT_URL", "localhost:4566", "Invalid endpoint: localhost:4566"),
        ("AWS_ENDPOINT_URL_STS", "https://[::1", "Invalid"),
        ("AWS_MAX_ATTEMPTS", "many", "'many'"),
        ("AWS_RETRY_MODE", "fast", '"fast"'),
        ("AWS_PROFILE", "none", "none"),  # awslogs#363
        ("AWS_DEFAULTS_MODE", "foo", "foo"),
    ],
)
def test_a_wrong_setting_is_one_line_that_says_where_settings_are(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(UsageError) as error:
        clients.Session("eu-west-1").client("sts")

    assert message in str(error.value)
    assert "correct that setting" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_verb_ends_with_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", verbs.URL)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")

    ended = verbs.run("status", "--stack", "app")

    assert ended.code == 2
    assert "an AWS_ENDPOINT_URL begins with https:// or http://" in ended.stderr


@pytest.mark.parametrize(
    ("process", "message"),
    [
        ("/nowhere/aws-vault exec", "/nowhere/aws-vault: No such file or directory.*credential_process"),
        ("echo please log in", "what should be JSON is not.*credential_process"),
        ("false", "credential_process|retrieving credentials"),
    ],
)
def test_credentials_that_a_program_does_not_print_are_one_line(
    process: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """https://github.com/boto/botocore/issues/2779, https://github.com/aws/git-remote-codecommit/issues/42"""
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {process}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")

    with pytest.raises((UsageError, BotoCoreError), match=message):
        clients.Session("eu-west-1").client("sts").get_caller_identity()


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_a_key_with_a_line_end_is_named_and_not_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://github.com/boto/botocore/issues/2001"""
    monkeypatch.setenv(name, "s3cr3t\r")

    with pytest.raises(UsageError, match=f"{name} has a space or a line end in it") as error:
        clients.Session("eu-west-1")
    assert "s3cr3t" not in str(error.value)
