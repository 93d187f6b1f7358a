"""`./sandbox benchmark`: how long things take, as medians, and as ratios to a baseline measured in the same run.

Nothing here passes or fails; every claim about speed is from these lines.
"""

import argparse
import contextlib
import importlib.metadata
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3

from benchmarks import evaluation
from ops.project import ROOT
from tests.support.checkouts import copy_files, copy_project, shell_with_env

PYTHON = sys.executable
SANDBOX = [PYTHON, str(ROOT / "sandbox")]
FUNCTION = "storefront-app-handler"
AWS_CLI = [PYTHON, "-m", "awscli"]  # the baseline: a change of the function by hand


def main(argv: list[str]) -> int:
    benchmarks: dict[str, Callable[[], None]] = {
        "flip": flip,
        "rehearse": rehearse,
        "handler": handler,
        "dependencies": dependencies,
        "first-use": first_use,
        "truth": truth,
        "campaign": evaluation.campaign,
        "report": evaluation.report,
        "score": evaluation.score,
    }
    parser = argparse.ArgumentParser(prog="sandbox benchmark", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="WHICH", help=f"any of: {', '.join(benchmarks)} (all)")
    names = parser.parse_args(argv).which or list(benchmarks)
    for name in names:
        if name not in benchmarks:
            parser.error(f"{name}: must be one of {', '.join(benchmarks)}")
    for name in names:
        benchmarks[name]()
    return 0


def flip() -> None:
    """Measure an `up` that changes failMode, by each engine, and its preview, against the AWS CLI's own change."""
    with deployed() as (checkout, shell):
        local_up = [PYTHON, str(checkout / "sandbox"), "local", "up", "--config"]
        update = [*AWS_CLI, "lambda", "update-function-configuration", "--function-name", FUNCTION, "--environment"]
        pulumi = ["pulumi", "--non-interactive", "--stack", "app"] if shutil.which("pulumi") else []
        times: dict[str, list[float]] = {}
        for turn in range(12):
            mode = "true" if turn % 2 == 0 else "false"
            commands = {
                "aws lambda update-function-configuration": [[*update, f"Variables={{FAIL_MODE={mode}}}"]],
                "embedded engine": [[*local_up, f"failMode={mode}"]],
            }
            if pulumi:
                # The embedded engine has applied the mode just now: undo it, so that the CLI has the same change to do.
                old_mode = "false" if mode == "true" else "true"
                subprocess.run([*local_up, f"failMode={old_mode}"], env=shell, capture_output=True, check=True)
                config = [*pulumi, "config", "set", "failMode"]
                subprocess.run([*config, old_mode], env=shell, capture_output=True, check=True)
                commands["pulumi preview"] = [[*pulumi, "preview"]]
                commands["pulumi config set and up"] = [[*config, mode], [*pulumi, "up", "--yes", "--skip-preview"]]
            for name, steps in commands.items():
                times.setdefault(name, []).append(sum(seconds(step, shell) for step in steps))
        medians = {name: statistics.median(runs[1:]) for name, runs in times.items()}  # the first run fills caches
        baseline = medians.pop("aws lambda update-function-configuration")
        print(f"flip: aws lambda update-function-configuration {baseline:.2f} s")
        for name, duration in medians.items():
            print(f"  {name} {duration:.2f} s: {duration / baseline:.2f} times as long")
        if pulumi:
            print(f"  of which the CLI's start {median(['pulumi', 'version'], shell):.2f} s, "
                  f"the provider's {median([PYTHON, '-c', PLUGIN_START], shell):.2f} s, "
                  f"the program's, to its first registration, {median([PYTHON, '-c', PROGRAM_START], shell):.2f} s, "
                  f"pip for the language host {median([PYTHON, '-m', 'pip', '--version'], shell):.2f} s "
                  f"+ {median([PYTHON, '-m', 'pip', 'list', '--format', 'json'], shell):.2f} s, "
                  f"AWS's response {median_of_api(shell):.2f} s")  # fmt: skip


PLUGIN_START = """
import subprocess
with subprocess.Popen(["pulumi-resource-aws"], stdout=subprocess.PIPE) as plugin:
    plugin.stdout.readline()
    plugin.kill()
"""

PROGRAM_START = """
import os, runpy, pulumi
class Stop(pulumi.runtime.Mocks):
    def new_resource(self, args): os._exit(0)
    def call(self, args): os._exit(0)
pulumi.runtime.set_mocks(Stop(), project="incident-sandbox", stack="app")
runpy.run_path("__main__.py")
"""


def median_of_api(shell: dict[str, str]) -> float:
    """Return the median time of the emulator's update of the function, for a client that exists already."""
    session = boto3.Session(shell["AWS_ACCESS_KEY_ID"], shell["AWS_SECRET_ACCESS_KEY"], region_name=shell["AWS_REGION"])
    client = session.client("lambda", endpoint_url=shell["AWS_ENDPOINT_URL"], verify=shell["AWS_CA_BUNDLE"])
    durations = []
    for turn in range(9):
        started = time.monotonic()
        variables = {"FAIL_MODE": "true" if turn % 2 else "false"}
        client.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": variables})
        durations.append(time.monotonic() - started)
    return statistics.median(durations)


@contextlib.contextmanager
def deployed() -> Iterator[tuple[Path, dict[str, str]]]:
    """Provide a checkout whose emulator has the app deployed, and the environment of a shell with `local env`."""
    with tempfile.TemporaryDirectory() as scratch:
        checkout = copy_project(Path(scratch) / "checkout")
        sandbox = [PYTHON, str(checkout / "sandbox")]
        try:
            subprocess.run([*sandbox, "rehearse", "--engine", "embedded", "--keep"], capture_output=True, check=True)
            shell = shell_with_env(checkout)
            shell.pop("PYTHONPYCACHEPREFIX", None)  # bytecode beside its modules, as in a user's shell
            yield checkout, shell
        finally:
            subprocess.run([*sandbox, "local", "stop"], capture_output=True, check=False)


def rehearse() -> None:
    """Measure a rehearsal on each available engine, with the virtual environment installed."""
    for engine in ["embedded"] + (["pulumi"] if shutil.which("pulumi") else []):
        runs = [seconds([*SANDBOX, "rehearse", "--engine", engine]) for _ in range(4)][1:]
        print(f"rehearse: {engine} {statistics.median(runs):.1f} s")


def handler() -> None:
    """Measure how much importing the handler adds to the start of a process."""
    python = [PYTHON, "-I", "-B", "-c"]
    path = f"import sys; sys.path.insert(0, {str(ROOT / 'handler')!r})"
    difference = median([*python, f"{path}; import main"]) - median([*python, path])
    print(f"handler: its import takes {1000 * difference:.0f} ms")


def dependencies() -> None:
    """Print the size on disk of the installed distributions, in MB."""
    sizes: dict[str, float] = {}
    for distribution in importlib.metadata.distributions():
        files = distribution.files or []
        size = sum(path.stat().st_size for file in files if (path := Path(str(file.locate()))).is_file())
        sizes[distribution.metadata["Name"]] = size / 1e6
    print(f"dependencies: {sum(sizes.values()):.0f} MB in {len(sizes)} distributions; the largest:")
    for name, megabytes in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"  {megabytes:6.1f} MB  {name}")


def first_use() -> None:
    """Measure a rehearsal in a fresh copy, including the download of the dependencies that pip has not cached."""
    with tempfile.TemporaryDirectory() as scratch:
        clone = copy_files(Path(scratch) / "clone")
        rehearsal = [
            getattr(sys, "_base_executable", PYTHON),
            str(clone / "sandbox"),
            "rehearse",
            "--engine",
            "embedded",
        ]
        first = seconds(rehearsal)
        second = seconds(rehearsal)
    print(f"first use: {first:.1f} s from clone to the end of the rehearsal, {second:.1f} s the second time")


HISTORY_UPDATES = 1500


def truth() -> None:
    """Measure finding the last incident of a stack in a long history, against the start of the command."""
    with deployed() as (checkout, shell):
        lengthen_history(shell, HISTORY_UPDATES)
        start = median([PYTHON, "-c", "import cli.truth"], shell)
        command = [PYTHON, str(checkout / "sandbox"), "truth", "--stack", "app"]
        whole = statistics.median([timed(command, shell) for _ in range(9)][1:])
        print(f"truth: {whole:.2f} s, of which {start:.2f} s are the interpreter's start and imports; of a history of "
              f"more than {HISTORY_UPDATES} updates")  # fmt: skip
        for name, expression in (("the last incident", "next(found)"), ("every incident", "list(found)")):
            runs = [find(expression, shell) for _ in range(3)]
            duration = statistics.median(float(run[0]) for run in runs)
            print(f"  finding {name} {duration:.2f} s: {duration / start:.2f} times as long as the start; "
                  f"{runs[0][1]} S3 GETs, {runs[0][2]} lists")  # fmt: skip


FIND = """
import time
from ops.incidents import incident
from ops.stacks import backend
state, calls = backend.current(), []
state._s3.meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
started = time.monotonic()
found = incident.find(state, "app")
{expression}
print(time.monotonic() - started, calls.count("GetObject"), calls.count("ListObjectsV2"))
"""


def find(expression: str, shell: dict[str, str]) -> list[str]:
    """Return how long it took to find incidents, and how many GETs and lists of S3 that made."""
    command = [PYTHON, "-c", FIND.format(expression=expression)]
    return subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True).stdout.split()


def lengthen_history(shell: dict[str, str], count: int) -> None:
    """Add updates that changed nothing, one a minute, before all others of stack app."""
    session = boto3.Session(shell["AWS_ACCESS_KEY_ID"], shell["AWS_SECRET_ACCESS_KEY"], region_name=shell["AWS_REGION"])
    s3 = session.client("s3", endpoint_url=shell["AWS_ENDPOINT_URL"], verify=shell["AWS_CA_BUNDLE"])
    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=".pulumi/history/incident-sandbox/app/")["Contents"]
    keys = sorted(item["Key"] for item in listed)
    folder, _, file = keys[-1].rpartition("/")
    last = file.partition(".")[0]
    oldest = round(time.time()) - 60 * 2 * count
    for ending in ("history.json", "checkpoint.json"):
        content = s3.get_object(Bucket=bucket, Key=f"{folder}/{last}.{ending}")["Body"].read()
        for number in range(count):
            at = oldest + 60 * number
            entry = content
            if ending == "history.json":
                entry = json.dumps({**json.loads(content), "startTime": at, "endTime": at + 20}).encode()
            s3.put_object(Bucket=bucket, Key=f"{folder}/app-{at}{'0' * 9}.{ending}", Body=entry)


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Return how long a command took whose exit status does not matter."""
    started = time.monotonic()
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return time.monotonic() - started


def median(command: list[str], environment: dict[str, str] | None = None) -> float:
    return statistics.median([seconds(command, environment) for _ in range(9)][1:])


def seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - started
