"""What a workflow sets in its checkout, by the real CLI and .github/settings.sh."""

import os
import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("written", "code"),
    [('"eu-west-1"', 0), ("'eu-west-1'", 0), ("eu-west-1 # Ireland", 0), ("eu-west-2", 1), ('"eu-west-2"', 1)],
)
def test_a_region_in_quotes_is_the_same(written: str, code: int, root: Path, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: incident-sandbox\nruntime: python\n")
    (tmp_path / "Pulumi.app.yaml").write_text(f"config:\n  aws:region: {written}\n")
    (tmp_path / ".github").symlink_to(root / ".github")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "STACK": "app",
        "AWS_REGION": "eu-west-1",
        "GITHUB_REPOSITORY": "octo-org/octo-repo",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    script = "pulumi stack init app --non-interactive > out 2>&1 && exec .github/settings.sh"

    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert result.returncode == code, result.stdout + result.stderr
    assert ("make them the same" in result.stdout) == bool(code)
    assert ("octo-org/octo-repo" in (tmp_path / "Pulumi.app.yaml").read_text()) == (code == 0)
