"""Wrong settings of AWS's clients."""

import pytest

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
