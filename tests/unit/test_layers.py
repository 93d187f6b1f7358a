"""Who may import whom."""

import os
import subprocess
import sys
from pathlib import Path

CONTRACTS = """
[importlinter]
root_packages =
    cli
    ops
    infra
    handler
    evaluation
    local_aws

[importlinter:contract:layers]
name = Each layer knows those below it alone
type = layers
layers =
    cli
    local_aws | evaluation
    ops
    infra
    handler

[importlinter:contract:light]
name = Operations know the program's names, and not its resources
type = forbidden
source_modules =
    ops
    evaluation
forbidden_modules =
    infra.app
    infra.bootstrap
    infra.policies
"""


def test_each_layer_imports_those_below_it_alone(root: Path, tmp_path: Path) -> None:
    contracts = tmp_path / "contracts.ini"
    contracts.write_text(CONTRACTS)

    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()",
         "--config", str(contracts), "--no-cache"],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout + result.stderr
    assert "Contracts: 2 kept, 0 broken" in result.stdout
