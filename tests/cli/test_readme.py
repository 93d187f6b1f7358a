"""The commands of README, in their order."""

import json
from pathlib import Path

from infra import names
from local_aws.emulator.process import ACCOUNT
from local_aws.provider.resource import Aws
from tests.cli.conftest import Shell


def test_the_lifecycle_by_hand_from_bootstrap_to_an_empty_account(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "last").mkdir()
    bucket = shell.environment.pop("PULUMI_BACKEND_URL")
    shell.environment |= {"PULUMI_CONFIG_PASSPHRASE": ""}
    shell.pulumi("login", tmp_path.as_uri())
    shell.pulumi("stack", "init", "bootstrap")
    shell.pulumi("config", "set", "githubRepository", "octo-org/octo-repo", "--stack", "bootstrap")
    shell.pulumi("up", "--yes", "--skip-preview", "--stack", "bootstrap")
    assert bucket.startswith(shell.pulumi("stack", "output", "backendUrl", "--stack", "bootstrap").strip())
    secrets = shell.pulumi("stack", "output", "secretsProvider", "--stack", "bootstrap").strip()
    shell.pulumi("stack", "change-secrets-provider", secrets, "--stack", "bootstrap")
    shell.pulumi("stack", "export", "--stack", "bootstrap", "--file", str(tmp_path / "bootstrap.json"))

    del shell.environment["PULUMI_CONFIG_PASSPHRASE"]  # the state does not need it any more
    shell.pulumi("login", bucket)
    shell.pulumi("stack", "init", "bootstrap", "--secrets-provider", secrets)
    shell.pulumi("stack", "import", "--stack", "bootstrap", "--file", str(tmp_path / "bootstrap.json"))
    shell.pulumi("preview", "--stack", "bootstrap", "--expect-no-changes")

    shell.pulumi("stack", "init", "app", "--secrets-provider", secrets)
    shell.pulumi("up", "--yes", "--skip-preview", "--stack", "app")
    shell.pulumi("config", "set", "failMode", "true", "--stack", "app")
    shell.pulumi("up", "--yes", "--stack", "app", "--skip-preview", "--message", "inject")
    assert shell.pulumi("stack", "output", "failMode", "--stack", "app").strip() == "true"
    messages = [
        update["message"] for update in json.loads(shell.pulumi("stack", "history", "--json", "--stack", "app"))
    ]
    assert messages[0] == "inject"

    shell.pulumi("destroy", "--yes", "--skip-preview", "--stack", "app")
    denied = shell.run("destroy", "--yes", "--skip-preview", "--stack", "bootstrap")
    assert denied.returncode != 0
    assert "cannot be deleted\n    because it is protected" in denied.stdout
    shell.pulumi("preview", "--stack", "bootstrap", "--expect-no-changes", "--refresh")

    shell.environment["PULUMI_CONFIG_PASSPHRASE"] = ""
    shell.pulumi("stack", "rm", "--yes", "--stack", "app")
    shell.pulumi("stack", "change-secrets-provider", "passphrase", "--stack", "bootstrap")
    shell.pulumi("stack", "export", "--stack", "bootstrap", "--file", str(tmp_path / "bootstrap.json"))
    shell.pulumi("login", (tmp_path / "last").as_uri())
    shell.pulumi("stack", "init", "bootstrap")
    shell.pulumi("stack", "import", "--stack", "bootstrap", "--file", str(tmp_path / "bootstrap.json"))
    shell.pulumi("config", "set", "protect", "false", "--stack", "bootstrap")
    shell.pulumi("up", "--yes", "--skip-preview", "--stack", "bootstrap")
    empty(aws, names.state_bucket(ACCOUNT, "eu-west-1"))
    shell.pulumi("destroy", "--yes", "--skip-preview", "--stack", "bootstrap")
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("iam").list_roles()["Roles"] == []
    assert aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def empty(aws: Aws, bucket: str) -> None:
    """Delete every object version, as the console's button Empty does."""
    for page in aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            aws.client("s3").delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def test_a_wrong_setting_is_reported_without_a_traceback(shell: Shell, tmp_path: Path) -> None:
    shell.environment |= {"PULUMI_BACKEND_URL": tmp_path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": ""}
    shell.pulumi("stack", "init", "bootstrap")

    stdout = shell.run("up", "--yes", "--stack", "bootstrap").stdout

    assert "incident-sandbox:githubRepository is missing" in stdout
    assert "Traceback" not in stdout


def test_the_plugin_refuses_a_remote_endpoint(shell: Shell, tmp_path: Path) -> None:
    shell.environment |= {
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "AWS_ENDPOINT_URL": "https://sts.eu-west-1.amazonaws.com",
    }
    shell.pulumi("stack", "init", "bootstrap")
    shell.pulumi("config", "set", "githubRepository", "octo-org/octo-repo", "--stack", "bootstrap")

    stdout = shell.run("up", "--yes", "--stack", "bootstrap").stdout

    assert "never touches real AWS" in stdout
