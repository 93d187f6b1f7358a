"""`./sandbox test`: lint, types, tests; stops at the first that fails. Further arguments go to pytest."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHECKS = (
    ("lint", ["ruff", "check", "--no-cache", "."]),
    ("format", ["ruff", "format", "--no-cache", "--check", "."]),
    ("types", ["mypy"]),
)


def main(argv: list[str]) -> int:
    # The tests bring the AWS and Pulumi settings that they need, and must not find a person's own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    for name, command in (*CHECKS, ("tests", ["pytest", *argv])):
        print(f"== {name}", flush=True)
        status = subprocess.call([sys.executable, "-m", *command], cwd=ROOT, env=environment)
        if status:
            print(f"== {name}: failed", flush=True)
            return 1
    return 0
