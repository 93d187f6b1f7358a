"""`./sandbox benchmark`: how long things take, as medians, and as ratios to what is measured beside them in one run.

Nothing here passes or fails; a claim about speed in the README is one of these lines.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
SANDBOX = [PYTHON, str(ROOT / "sandbox")]
FUNCTION = "incident-sandbox-app"
AWS_CLI = "awscli==1.46.3"  # what people change a function with by hand; pins a botocore of its own


def main(argv: list[str]) -> int:
    benchmarks: dict[str, Callable[[], None]] = {
        "flip": flip,
        "rehearse": rehearse,
        "handler": handler,
        "dependencies": dependencies,
        "first-use": first_use,
    }
    parser = argparse.ArgumentParser(prog="sandbox benchmark", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="WHICH", help=f"any of: {', '.join(benchmarks)} (all)")
    chosen = parser.parse_args(argv).which or list(benchmarks)
    for name in chosen:
        if name not in benchmarks:
            parser.error(f"{name}: must be one of {', '.join(benchmarks)}")
    for name in chosen:
        benchmarks[name]()
    return 0


def flip() -> None:
    """An `up` with failMode changed, against the AWS CLI's change of the same variable, alternating."""
    aws = aws_cli()
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / "record.json"
        subprocess.run([*SANDBOX, "rehearse", "--keep", "--json", str(record)], capture_output=True, check=True)
        kept = json.loads(record.read_text())["kept"]
    environment = {**os.environ, **kept["environment"]}
    try:
        ours, theirs = [], []
        for turn in range(12):
            mode = "true" if turn % 2 == 0 else "false"
            up = [*SANDBOX, "local", "up", "--config", f"failMode={mode}"]
            ours.append(seconds(up, environment))
            variables = f"Variables={{FAIL_MODE={mode}}}"
            change = [
                "lambda",
                "update-function-configuration",
                "--function-name",
                FUNCTION,
                "--environment",
                variables,
            ]
            theirs.append(seconds([*aws, *change], environment))
    finally:
        os.kill(kept["pid"], signal.SIGTERM)
    # The first of each fills caches.
    mine, other = statistics.median(ours[1:]), statistics.median(theirs[1:])
    print(f"flip: embedded engine {mine:.2f} s, aws lambda update-function-configuration {other:.2f} s: "
          f"{mine / other:.2f} times as long")  # fmt: skip


def aws_cli() -> list[str]:
    """The AWS CLI, in a virtual environment of its own inside ours."""
    folder = ROOT / ".venv" / "aws-cli"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "aws").exists():
        subprocess.run([PYTHON, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", AWS_CLI]
        subprocess.run(install, check=True)
    return [str(python), str(folder / "bin" / "aws")]


def rehearse() -> None:
    """The main job, its virtual environment in place."""
    runs = [seconds([*SANDBOX, "rehearse"]) for _ in range(4)][1:]
    print(f"rehearse: {statistics.median(runs):.1f} s")


def handler() -> None:
    """What importing the handler adds to the start of a process."""

    def median(program: str) -> float:
        return statistics.median(seconds([PYTHON, "-I", "-B", "-c", program]) for _ in range(15))

    path = f"import sys; sys.path.insert(0, {str(ROOT / 'handler')!r})"
    print(f"handler: its import takes {1000 * (median(f'{path}; import main') - median(path)):.0f} ms")


def dependencies() -> None:
    """What each installed distribution brings, in MB on disk."""
    sizes: dict[str, float] = {}
    for distribution in importlib.metadata.distributions():
        files = distribution.files or []
        size = sum(path.stat().st_size for file in files if (path := Path(str(file.locate()))).is_file())
        sizes[distribution.metadata["Name"]] = size / 1e6
    print(f"dependencies: {sum(sizes.values()):.0f} MB in {len(sizes)} distributions; the largest:")
    for name, megabytes in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"  {megabytes:6.1f} MB  {name}")


def first_use() -> None:
    """From a fresh copy to the end of the rehearsal, with the download of the dependencies, and what pip has of it."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "clone"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__"))
        python = getattr(sys, "_base_executable", PYTHON)
        whole = seconds([python, str(copy / "sandbox"), "rehearse"])
        again = seconds([python, str(copy / "sandbox"), "rehearse"])
    print(f"first use: {whole:.1f} s from clone to the end of the rehearsal, {again:.1f} s the second time")


def seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    started = time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - started
