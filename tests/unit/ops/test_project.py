"""The project's files, read as Pulumi reads them; the expected values are those of `pulumi config` 3.260."""

import getpass
import os
from pathlib import Path

import pytest

from ops import project
from ops.errors import UsageError
from tests.support import verbs

REGION = "config:\n  aws:region: eu-west-1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nconfig:\n  days: 7\n  demo:size: {type: string, default: s}\n")
    return tmp_path


def configure(folder: Path, content: str | bytes) -> None:
    (folder / "Pulumi.dev.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),  # pulumi#18632
        ("on", "on"),
        ("True", True),
        ('"true"', "true"),
        ("016", 14),
        ("0o16", 14),
        ("1_4", 14),
        ("1:30", "1:30"),
        ("~", None),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: object, folder: Path) -> None:
    for directive in ("", "%YAML 1.1\n---\n"):
        configure(folder, f"{directive}config:\n  demo:x: {text}\n")

        assert project.configuration(folder, "dev")["demo:x"] == value


@pytest.mark.parametrize("key", ["failMode", "demo:failMode", "demo:config:failMode"])
def test_a_key_may_be_without_the_projects_namespace(key: str, folder: Path) -> None:
    configure(folder, f"config:\n  {key}: true\n")

    assert project.configuration(folder, "dev") == {"demo:days": 7, "demo:size": "s", "demo:failMode": True}


def test_utf_8_with_a_mark_and_utf_16_are_read(folder: Path) -> None:
    text = "config:\n  aws:region: eu-west-1 # ä\n"

    for content in (text.encode("utf-8-sig"), text.encode("utf-16")):
        configure(folder, content)
        assert project.region(folder, "dev") == "eu-west-1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((REGION + "  # ä\n").encode("latin-1"), r"not in UTF-8 \(line 3\)"),  # pulumi#4561
        (REGION + "  x: 1\n  x: 2\n", r"line 4: found duplicate key"),  # pulumi-yaml#453
        (REGION + "  x: 1\n  demo:x: 2\n", "demo:x is set twice"),
        (REGION + "  a:b:c: 1\n", "a:b:c under config is no key"),
        (REGION + "  7: 1\n", "7 under config is no key"),
        ("config: []", r"config is \[\]: it must be a mapping"),
        ("- 1", "is a YAML list"),
        ("config: {", "is not YAML that Pulumi reads: line 1"),
        ("config: *x", "undefined alias"),
        ("a: !!python/object:os.system x", "is not YAML"),
        ("a: " + "[" * 3000, "is not YAML"),
        ("a: \x00", "is not YAML"),
        ("config: {}", "has no aws:region under config"),
        ("config:\n  aws:region: {secure: AAAA}\n", r"aws:region is \{'secure': 'AAAA'\}: it must be a region's name"),
        ("config:\n  aws:region: 'eu-west-1 '\n", "aws:region is 'eu-west-1 ': it must be a region's name"),
        ("config:\n  aws:region: Ireland\n", "aws:region is 'Ireland'"),  # aws-cli#902
    ],
)
def test_a_wrong_file_is_named_in_one_line(content: str | bytes, message: str, folder: Path) -> None:
    configure(folder, content)

    with pytest.raises(UsageError, match=message) as error:
        project.region(folder, "dev")

    assert "Pulumi.dev.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_anchors_and_what_they_merge_are_read(folder: Path) -> None:
    """pulumi#6480"""
    common = "common: &common\n  aws:region: eu-west-1\n  demo:x: 1\n"
    configure(folder, f"{common}config:\n  <<: *common\n  demo:x: &two 2\n  demo:y: *two\n")

    values = project.configuration(folder, "dev")

    assert (values["aws:region"], values["demo:x"], values["demo:y"]) == ("eu-west-1", 2, 2)


def test_a_user_that_the_machine_does_not_know_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """mycli#1567"""

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)

    assert project.user() == str(os.getuid())


def test_a_project_without_a_name_is_an_error(folder: Path) -> None:
    (folder / "Pulumi.yaml").write_text("runtime: python\n")

    with pytest.raises(UsageError, match="has no name"):
        project.name_in(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "failMod=true",
            "--config failMod=true: failMod is no setting of this project: the nearest is failMode",
        ),
        (
            "incident-sandbox:FAILMODE=true",
            "--config incident-sandbox:FAILMODE=true: incident-sandbox:FAILMODE is no setting of this project: "
            "the nearest is failMode",
        ),
        (
            "colour=red",
            "--config colour=red: colour is no setting of this project: it must be one of agentSpaceArns, failMode, "
            "githubEnvironment, githubOidcProviderArn, githubRepository, githubSubjectPrefix, logRetentionDays, "
            "operatorPrincipals, protect, scope, serviceName, surface, trafficPerMinute",
        ),
        ("failMode", "--config failMode: must be KEY=VALUE, for example failMode=true"),
    ],
)
@pytest.mark.parametrize("verb", [("local", "up"), ("bootstrap", "--yes")])
def test_a_wrong_config_option_names_the_nearest_setting(
    verb: tuple[str, str], text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    ended = verbs.run(*verb, "--config", text)

    assert (ended.code, ended.stdout, ended.stderr) == (2, "", f"sandbox: {message}\n")


@pytest.mark.parametrize(
    "key", ["failMode", "incident-sandbox:failMode", "incident-sandbox:config:failMode", "aws:region"]
)
def test_a_config_option_may_name_its_namespace(key: str) -> None:
    assert project.setting(f"{key}=a=b") == (key, "a=b")
