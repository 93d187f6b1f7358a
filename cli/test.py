"""`./sandbox test`: lint, then types and tests side by side. Arguments go to pytest."""

import os
import subprocess
import sys

from ops.project import ROOT

LINT = (["ruff", "check", "--no-cache", "."], ["ruff", "format", "--no-cache", "--check", "."])
PERSONAL = ("AWS_", "PULUMI_", "TF_", "GITHUB_")
"""What a person's own settings begin with: the tests bring those that they need, and must not find others."""

IN_CI = "CI"
"""With it `bootstrap` refuses to run. CI runs the tests of what a person runs, too."""

BYTECODE = "PYTHONPYCACHEPREFIX"
"""Set by ./sandbox. With it the tests' copies of the checkout would leave their bytecode in .venv."""


def main(argv: list[str]) -> int:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PERSONAL) and name not in (IN_CI, BYTECODE)
    }

    def start(command: list[str], output: int | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            text=True,
        )

    for command in LINT:
        if start(command).wait():
            return 1
    # Types take some ten seconds of one processor, which the tests share.
    types = start(["mypy"], subprocess.PIPE)
    try:
        tests = start(["pytest", *argv]).wait()
        output, _ = types.communicate()
    finally:
        types.kill()
    print(f"types: {output.strip()}", flush=True)
    return 1 if tests or types.returncode else 0
