"""The commands of README and of docs/account.md, read from these files, in their order."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra import names
from local_aws.emulator.process import ACCOUNT
from local_aws.provider.resource import Aws
from ops.project import ROOT
from tests.cli.conftest import Shell

GH = """#!/bin/sh
# GitHub's CLI: notes each call, with what it gets on standard input, and answers with an id.
{ printf '%s\\n' "$*"; case "$*" in *--input*) cat;; esac; } >> "$GH_CALLS"
echo 7
"""

EMPTY = "# now empty the bucket, all versions: in S3's console, Empty"


def commands(document: str, heading: str) -> str:
    """Return the first block of commands under a heading."""
    section = (ROOT / document).read_text(encoding="utf-8").split(f"\n{heading}", 1)[1]
    block = re.search(r"^( *)```sh\n(.*?)^\1```$", section, re.MULTILINE | re.DOTALL)
    assert block, f"{document}: no commands under {heading}"
    return block[2]


def run(shell: Shell, text: str, replacements: Mapping[str, str], **environment: str) -> str:
    """Run commands as a person who answers yes to Pulumi's questions; return what they print."""
    for old, new in {**replacements, "OWNER/NAME": "octo-org/octo-repo"}.items():
        text = text.replace(old, new)
    answers = {"PULUMI_SKIP_CONFIRMATIONS": "true", "PULUMI_OPTION_SKIP_PREVIEW": "true"}
    result = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", text],
        cwd=shell.checkout,
        env={**shell.environment, **answers, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_lifecycle_by_hand_from_bootstrap_to_an_empty_account(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    bucket = shell.environment.pop("PULUMI_BACKEND_URL")
    shell.environment["HOME"] = str(tmp_path)

    run(shell, commands("docs/account.md", "## Bootstrap by hand"), {'"$BACKEND"': f"'{bucket}'"})
    assert bucket.startswith(shell.pulumi("stack", "output", "backendUrl", "--stack", "bootstrap").strip())
    secrets = shell.pulumi("stack", "output", "secretsProvider", "--stack", "bootstrap").strip()

    output = run(shell, commands("README.md", "## The lifecycle by hand"), {"s3://…": bucket, "awskms://…": secrets})
    verdicts = re.findall(r"^stack app is (.*)$", output, re.MULTILINE)
    assert verdicts == ["healthy", "failing", "healthy"]
    assert "valid   healthy before, failing throughout, healthy after; no other change" in output
    assert (shell.checkout / "incident.html").exists()

    denied = shell.run("destroy", "--yes", "--skip-preview", "--stack", "bootstrap")
    assert denied.returncode != 0
    assert "cannot be deleted\n    because it is protected" in denied.stdout
    shell.pulumi("preview", "--stack", "bootstrap", "--expect-no-changes", "--refresh")

    shell.pulumi("stack", "rm", "--yes", "--stack", "app")
    until_empty, destroy = commands("docs/account.md", "## Taking everything down").split(EMPTY)
    run(shell, until_empty, {})
    empty(aws, names.state_bucket(ACCOUNT, "eu-west-1"))
    run(shell, destroy, {}, PULUMI_CONFIG_PASSPHRASE="")
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("iam").list_roles()["Roles"] == []
    assert aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_the_environment_is_restricted_to_main_and_needs_a_review(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    calls = tmp_path / "calls"
    path = f"{tmp_path}:{shell.environment['PATH']}"

    run(shell, commands("docs/account.md", "## GitHub"), {}, PATH=path, GH_CALLS=str(calls))

    asked, put, *body, post = calls.read_text().splitlines()
    assert asked == "api users/LOGIN --jq .id"
    assert put == "api -X PUT repos/octo-org/octo-repo/environments/production --input -"
    assert json.loads("".join(body)) == {
        "prevent_self_review": True,
        "reviewers": [{"type": "User", "id": 7}],
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    assert (
        post == "api -X POST repos/octo-org/octo-repo/environments/production/deployment-branch-policies -f name=main"
    )


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
