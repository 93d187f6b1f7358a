"""The workflows, run by `act` on this machine against the emulator, with credentials that the deploy and preview roles
give to tokens such as GitHub's.

Third-party actions have stand-ins in `actions/`, and `gh` and `sleep` have some here. act knows no environments: the
token's subject is made from what the workflow's file says of the job's. The tests are one story, in their order.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.names import PROJECT, AppNames, state_bucket
from local_aws.emulator import process
from local_aws.emulator.iam import DECISIONS
from local_aws.emulator.process import Emulator
from local_aws.engine.choice import choose
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from tests.local.conftest import REGION, load
from tests.support.checkouts import copy_files

REPOSITORY = "octo-org/octo-repo"
JOBS = github.Jobs(f"repo:{REPOSITORY}", "sandbox")
APP = AppNames("app")
HISTORY = f".pulumi/history/{PROJECT}/app/"
WORKFLOWS = Path(".github/workflows")
STAND_INS = {
    "actions/cache": "cache",
    "actions/setup-python": "setup_python",
    "aws-actions/configure-aws-credentials": "aws_credentials",
    "pulumi/actions": "pulumi",
}
FLIP = "| update | app-function-lambda | `aws:lambda/function:Function` | environment |\n\n11 unchanged."
RUN = "https://github.com/octo-org/octo-repo/actions/runs/4711"


def unchanged(checkout: Path) -> None:
    """No change to a checkout."""


@dataclass
class Run:
    """What a run of a workflow did."""

    held: bool
    log: str
    summary: str


class GitHub:
    """Runs workflows, each on a fresh checkout, and issues their jobs' tokens."""

    def __init__(self, emulator: Emulator, folder: Path, variables: dict[str, str]) -> None:
        self.emulator = emulator
        self.folder = folder
        self.variables = variables
        self.subject = ""
        (folder / "tools").mkdir()
        self.tool("gh", f'echo "$*" > {folder}/comment; cat >> {folder}/comment')
        outer = self

        class Tokens(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.headers["Authorization"].lower() == "bearer of-the-job"
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"value": github.token(outer.subject)}).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.tokens = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
        threading.Thread(target=self.tokens.serve_forever, daemon=True).start()

    def tool(self, name: str, script: str) -> None:
        """Put a program before those of the machine."""
        file = self.folder / "tools" / name
        file.write_text(f"#!/usr/bin/env bash\n{script}\n")
        file.chmod(0o755)

    def run(
        self,
        workflow: str,
        event: str = "workflow_dispatch",
        payload: dict[str, Any] | None = None,
        subject: str | None = None,
        change: Callable[[Path], None] = unchanged,
        **inputs: str,
    ) -> Run:
        """Run a workflow on a checkout with a change of the test's own."""
        checkout = copy_files(self.folder / f"run-{len(list(self.folder.glob('run-*.json')))}")
        change(checkout)
        app = checkout / WORKFLOWS / "app.yml"
        app.write_text(re.sub(r" +queue: .*\n", "", app.read_text()))  # which act's schema does not have yet
        git = ["git", "-C", str(checkout), "-c", "user.name=o", "-c", "user.email=o@example.com"]
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=m"]):
            subprocess.run([*git, *command], check=True)
        self.subject = subject or self._subject(checkout)
        event_file = checkout.with_suffix(".json")
        event_file.write_text(json.dumps({**(payload or {}), "inputs": inputs}))
        home = checkout.with_suffix(".home")
        home.mkdir()
        settings = {
            "input": inputs,
            "var": self.variables,
            "env": self._environment(),
            "local-repository": stand_ins(checkout),
        }
        act = subprocess.Popen(
            [
                str(Path(sys.prefix) / "bin" / "act"),
                event,
                f"--workflows={checkout / WORKFLOWS / workflow}.yml",
                f"--eventpath={event_file}",
                f"--directory={checkout}",
                "--platform=ubuntu-24.04=-self-hosted",
                "--actor=octocat",
                "--no-cache-server",
                "--json",
                *(f"--{kind}={name}={value}" for kind, named in settings.items() for name, value in named.items()),
            ],
            env={"HOME": str(home), "PATH": settings["env"]["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        (self.folder / "act.pid").write_text(str(act.pid))
        try:
            told, _ = act.communicate(timeout=150)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(act.pid, signal.SIGKILL)
            shutil.rmtree(checkout)
            shutil.rmtree(home, ignore_errors=True)
        lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        summaries = [line["content"] for line in lines if line.get("command") == "summary"]
        return Run(act.returncode == 0, "\n".join(str(line["msg"]).rstrip() for line in lines), "".join(summaries))

    def _subject(self, checkout: Path) -> str:
        environment = yaml.safe_load((checkout / WORKFLOWS / "app.yml").read_text())["jobs"]["app"]["environment"]
        assert environment == "${{ vars.DEPLOY_ENVIRONMENT || 'sandbox' }}"
        return github.Jobs(JOBS.prefix, self.variables["DEPLOY_ENVIRONMENT"]).deployment

    def _environment(self) -> dict[str, str]:
        """What a runner has of its own, and what makes the clients speak to the emulator; no credentials."""
        local = self.emulator.pulumi_environment()
        kept = (
            "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE", "NO_PROXY", "no_proxy", "PULUMI_HOME", "PULUMI_SKIP_UPDATE_CHECK",
        )  # fmt: skip
        return {
            **{name: local[name] for name in kept},
            "PATH": f"{self.folder}/tools:{local['PATH']}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "4711",
            "VENV": sys.prefix,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{self.tokens.server_address[1]}/?of=job",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        }


def stand_ins(checkout: Path) -> dict[str, str]:
    """The folders of the stand-ins, by the commits of the actions that are used; act brings checkout's own."""
    texts = [file.read_text() for file in (checkout / ".github").rglob("*.yml")]
    used = {name for text in texts for name in re.findall(r"uses: ([\w-]+/[\w-]+@\w+)", text)}
    return {
        f"https://github.com/{name}": str(checkout / "tests/cli/actions" / STAND_INS[name.split("@")[0]])
        for name in used
        if not name.startswith("actions/checkout@")
    }


def install_plugin(emulator: Emulator) -> None:
    """Put our provider where a restored cache has the real one, so that nothing is downloaded."""
    plugins = Path(emulator.pulumi_environment()["PULUMI_HOME"]) / "plugins"
    folder = plugins / f"resource-aws-v{version('pulumi-aws')}"
    folder.mkdir(parents=True)
    (folder / "pulumi-resource-aws").symlink_to(process.PLUGINS / "pulumi-resource-aws")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    """A repository whose account has been bootstrapped."""
    folder = tmp_path_factory.mktemp("github")
    with process.running(REGION) as emulator:
        with pytest.MonkeyPatch.context() as patch:
            load(patch, emulator.pulumi_environment())
            outputs = choose("embedded", emulator).bootstrap(REPOSITORY, "bootstrap").outputs
        variables = {**outputs["githubVariables"]["repository"], **outputs["githubVariables"]["environment"]}
        install_plugin(emulator)
        variables["PULUMI_BACKEND_URL"] = emulator.pulumi_environment()["PULUMI_BACKEND_URL"]  # with its endpoint
        hub = GitHub(emulator, folder, variables)
        try:
            yield hub
        finally:
            hub.tokens.shutdown()
            hub.tokens.server_close()


@pytest.fixture
def aws(hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    load(monkeypatch, hub.emulator.environment())
    clients = Aws()
    yield clients
    clients.close()


def preview(hub: GitHub, head: str = REPOSITORY, change: Callable[[Path], None] = unchanged) -> Run:
    """A pull request's run; its tests are those that this is one of, so they are left out."""

    def without_tests(checkout: Path) -> None:
        change(checkout)
        tests = checkout / WORKFLOWS / "tests.yml"
        text = tests.read_text()
        assert text.count("- run: ") == 2
        tests.write_text(re.sub("- run: .*", "- run: echo tested", text))

    payload = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
    found = hub.run("preview", "pull_request", payload, subject=JOBS.pull_request, change=without_tests)
    assert found.log.count("tested") >= 2
    return found


def retention(checkout: Path) -> None:
    """A change of two resources."""
    stack_file = checkout / "Pulumi.app.yaml"
    stack_file.write_text(stack_file.read_text() + "  incident-sandbox:logRetentionDays: 30\n")


def fail_mode(aws: Aws) -> str:
    """What the function is deployed with, as AWS has it."""
    found = aws.client("lambda").get_function_configuration(FunctionName=APP.function)
    return str(found["Environment"]["Variables"]["FAIL_MODE"])


def make(aws: Aws, fail_mode: str) -> None:
    """Change the function behind everybody's back."""
    client, function = aws.client("lambda"), {"FunctionName": APP.function}
    client.update_function_configuration(**function, Environment={"Variables": {"FAIL_MODE": fail_mode}})
    client.get_waiter("function_updated_v2").wait(**function, WaiterConfig={"Delay": 1})


def sessions(hub: GitHub) -> set[str]:
    """Names of the sessions that AWS was called in."""
    lines = (hub.emulator.directory / DECISIONS).read_text().splitlines()
    principals = {json.loads(line)["principal"] for line in lines}
    return {principal.rpartition("/")[2] for principal in principals if ":assumed-role/" in principal}


def last_message(aws: Aws) -> str:
    """Of the stack's history."""
    s3, bucket = aws.client("s3"), state_bucket(process.ACCOUNT, REGION)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=HISTORY)["Contents"]]
    last = max(key for key in keys if key.endswith(".history.json"))
    return str(json.loads(s3.get_object(Bucket=bucket, Key=last)["Body"].read())["message"])


def test_a_missing_variable_is_named_with_how_to_set_it(hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(hub.variables, "AWS_DEPLOY_ROLE_ARN")

    found = hub.run("rollback-lambda", stack="app")

    assert not found.held
    assert "The variable AWS_DEPLOY_ROLE_ARN is missing: run ./sandbox bootstrap again" in found.summary


def test_a_job_in_no_environment_gets_no_role(hub: GitHub) -> None:
    found = hub.run("deploy-lambda", "push", subject=f"{JOBS.prefix}:ref:refs/heads/main")

    assert not found.held
    assert "assumerolewithwebidentity" in found.log.lower().replace("_", "")


def test_before_there_is_a_stack_the_plan_says_so(hub: GitHub) -> None:
    found = preview(hub)

    assert found.held, found.log
    assert "There is no such stack yet: deploy-lambda makes it." in (hub.folder / "comment").read_text()


def test_a_push_deploys_the_healthy_scenario(hub: GitHub, aws: Aws) -> None:
    found = hub.run("deploy-lambda", "push")

    assert found.held, found.log
    assert fail_mode(aws) == "false"
    assert last_message(aws) == f"deploy-lambda by octocat, {RUN}"
    assert sessions(hub) >= {"deploy-4711"}
    assert found.summary.startswith("## deploy-lambda by octocat, ")
    assert found.summary.count("\n| create |") == 12
    assert "| ok | requests | 5 in a row: 200 and status healthy | 5 in a row: 200 healthy (5 times)" in found.summary
    assert "- API: https://127.0.0.1" in found.summary
    assert "#/functions/incident-sandbox-app)" in found.summary
    assert "log-group/$252Faws$252Flambda$252Fincident-sandbox-app)" in found.summary
    assert "#alarmsV2:alarm/incident-sandbox-app-api-5xx)" in found.summary


def test_a_pull_request_gets_its_plan_as_one_comment(hub: GitHub, aws: Aws) -> None:
    before = last_message(aws)

    found = preview(hub, change=retention)

    assert found.held, found.log
    comment = (hub.folder / "comment").read_text()
    assert comment.startswith("pr comment 7 --edit-last --create-if-none --body-file -\n### What this would change")
    assert "no incident is active" in comment
    assert "~ retentionInDays: 14 => 30" in comment
    assert "~ 2 to update" in comment
    assert comment.split("\n", 1)[1].strip() == found.summary.strip()
    assert last_message(aws) == before


def test_a_fork_gets_the_tests_and_why_there_is_no_plan(hub: GitHub) -> None:
    found = preview(hub, head="somebody/octo-repo")

    assert found.held, found.log
    assert "GitHub gives a pull request from a fork no OIDC token" in found.summary
    assert "Run Main Plan" not in found.log


def test_an_injection_on_a_sick_system_stops_at_the_first_check(hub: GitHub, aws: Aws) -> None:
    make(aws, "true")
    before = last_message(aws)

    found = hub.run("inject-failure", stack="app", minutes="5")

    make(aws, "false")
    assert not found.held
    assert "Failure - Main Healthy before" in found.log
    assert "| **no** | requests | 5 in a row: 200 and status healthy | wrong 500" in found.summary
    assert last_message(aws) == before


def test_an_injection_deploys_nothing_else(hub: GitHub, aws: Aws) -> None:
    before = last_message(aws)

    found = hub.run("inject-failure", stack="app", minutes="0", change=retention)

    assert not found.held
    assert "This commit has changes that are not deployed" in found.summary
    assert (fail_mode(aws), last_message(aws)) == ("false", before)


@pytest.mark.parametrize("stack", ["bootstrap", "organization/incident-sandbox/app", "--help"])
def test_a_stack_goes_by_its_plain_name_and_is_not_bootstrap(stack: str, hub: GitHub) -> None:
    found = hub.run("deploy-lambda", stack=stack)

    assert not found.held
    assert f"stack is '{stack}': it must be an app stack's plain name" in found.summary


def test_an_injection_is_left_until_rollback(hub: GitHub, aws: Aws) -> None:
    found = hub.run("inject-failure", stack="app", minutes="0")

    assert found.held, found.log
    assert fail_mode(aws) == "true"
    assert last_message(aws) == f"inject-failure by octocat, {RUN}"
    assert found.summary.count(FLIP) == 1
    healthy, failing = found.summary.index("stack app is healthy"), found.summary.index("stack app is failing")
    assert healthy < found.summary.index(FLIP) < failing


def test_a_push_during_an_incident_does_not_end_it(hub: GitHub, aws: Aws) -> None:
    found = hub.run("deploy-lambda", "push")

    assert not found.held
    assert "An incident is active in the stack app since 20" in found.summary
    assert f"inject-failure by octocat, {RUN}. Nothing was changed. End it with the workflow" in found.summary
    assert fail_mode(aws) == "true"


def test_a_rollback_ends_it_and_a_second_changes_nothing(hub: GitHub, aws: Aws) -> None:
    first = hub.run("rollback-lambda", stack="app")
    second = hub.run("rollback-lambda", stack="app")

    assert first.held, first.log
    assert second.held, second.log
    assert fail_mode(aws) == "false"
    assert first.summary.count(FLIP) == 1
    assert "No resource was changed.\n\n12 unchanged." in second.summary
    for found in (first, second):
        assert "| ok | alarm incident-sandbox-app-api-5xx | OK | OK |" in found.summary


def test_an_injection_with_a_time_is_rolled_back_also_when_the_run_is_cancelled(hub: GitHub, aws: Aws) -> None:
    slept = hub.folder / "slept"
    hub.tool("sleep", f'echo "$*" > {slept}; kill -INT "$(cat {hub.folder}/act.pid)"; exec /bin/sleep 60')

    found = hub.run("inject-failure", stack="app", minutes="90")

    assert slept.read_text() == "90m\n"
    assert fail_mode(aws) == "false"
    assert last_message(aws) == f"rollback of inject-failure by octocat, {RUN}"
    assert found.summary.count(FLIP) == 2
    assert found.summary.count("stack app is healthy") + found.summary.count("requests are healthy") == 2


def test_an_injection_with_a_time_is_rolled_back_also_when_its_check_fails(hub: GitHub, aws: Aws) -> None:
    def impatient(checkout: Path) -> None:
        workflow = checkout / WORKFLOWS / "app.yml"
        text = workflow.read_text()
        assert text.count('--expect "$EXPECTED" --json') == 1
        workflow.write_text(text.replace('--expect "$EXPECTED" --json', "--expect healthy --timeout 1 --json"))

    hub.tool("sleep", "exit 1")

    found = hub.run("inject-failure", stack="app", minutes="90", change=impatient)

    assert not found.held
    assert "Failure - Main Check" in found.log
    assert "Run Main Leave it" not in found.log
    assert fail_mode(aws) == "false"
    assert last_message(aws) == f"rollback of inject-failure by octocat, {RUN}"


@pytest.mark.parametrize("minutes", ["301", "-1"])
def test_an_injection_is_not_left_for_longer_than_a_job_may_take(minutes: str, hub: GitHub) -> None:
    found = hub.run("inject-failure", stack="app", minutes=minutes)

    assert not found.held
    assert f"minutes is '{minutes}': it must be a whole number from 0 to 300" in found.summary


def test_a_destruction_needs_the_stack_s_name(hub: GitHub, aws: Aws) -> None:
    found = hub.run("destroy", stack="app", confirmation="App")

    assert not found.held
    assert "confirmation is 'App': to destroy the stack app, type its name." in found.summary
    assert fail_mode(aws) == "false"


def test_a_destruction_leaves_bootstrap(hub: GitHub, aws: Aws) -> None:
    found = hub.run("destroy", stack="app", confirmation="app")

    assert found.held, found.log
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert found.summary.count("\n| delete |") == 12
    assert "| ok | stack app | no resources | none |" in found.summary
    assert "| ok | bootstrap | its state in the bucket | there |" in found.summary

    rollback = hub.run("rollback-lambda", stack="app")

    assert not rollback.held
    assert "The stack app is not deployed. Nothing was changed." in rollback.summary
    assert aws.client("lambda").list_functions()["Functions"] == []
