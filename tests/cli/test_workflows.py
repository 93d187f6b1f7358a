"""The workflows, run by `act` against the emulator, with sessions of the deploy and preview roles for tokens like
GitHub's.

`actions/` has replacements for third-party actions; `gh` and `sleep` are replaced here. act has no environments: the
subject of the token is built from the environment in the workflow's file. The tests depend on their order.
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

from evaluation.campaign.files import CampaignFolder, Status, Verdict
from evaluation.statistics import summarize
from infra.names import PROJECT, AppNames, state_bucket
from local_aws.emulator import process
from local_aws.emulator.iam import DECISIONS
from local_aws.emulator.process import Emulator
from local_aws.engine.choice import choose
from local_aws.provider.resource import Aws
from local_aws.rehearsal import github
from ops.project import read_yaml
from tests.local.conftest import REGION, load
from tests.support.checkouts import copy_files

REPOSITORY = "octo-org/octo-repo"
JOBS = github.Jobs(f"repo:{REPOSITORY}", "production")
APP = AppNames("app")
HISTORY = f".pulumi/history/{PROJECT}/app/"
STATE = f".pulumi/stacks/{PROJECT}/app."
WORKFLOWS = Path(".github/workflows")
ACTIONS = {
    "actions/cache": "cache",
    "actions/download-artifact": "download_artifact",
    "actions/setup-python": "setup_python",
    "actions/upload-artifact": "upload_artifact",
    "aws-actions/configure-aws-credentials": "aws_credentials",
    "pulumi/actions": "pulumi",
}
FLIP = "| update | app-function-lambda | `aws:lambda/function:Function` | environment |\n\n18 unchanged."
SPACES = [f"arn:aws:aidevops:{REGION}:{process.ACCOUNT}:agentspace/{name}" for name in ("string-1", "markdown-2")]
CAMPAIGN: dict[str, Any] = {
    "agent": "devops-agent",
    "trials": "2",
    "stacks": "app plain",
    "spaces": " ".join(SPACES),
    "max_usd": "50",
}
UNUSED = ("docs", "benchmarks", "unit", "local", "terraform", "support")
"""Folders that no workflow needs here; each job copies all files."""

RUN = "https://github.com/octo-org/octo-repo/actions/runs/4711"


def unchanged(checkout: Path) -> None:
    """No change to a checkout."""


@dataclass
class Run:
    """The outcome of a workflow run."""

    succeeded: bool
    log: str
    summary: str


class GitHub:
    """Runs workflows, each on a new checkout, and issues the tokens of their jobs."""

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
                token = github.token(outer.subject, emulator.token_secret)
                self.wfile.write(json.dumps({"value": token}).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.tokens = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
        threading.Thread(target=self.tokens.serve_forever, daemon=True).start()

    def tool(self, name: str, script: str) -> None:
        """Put a program first on PATH."""
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
        """Run a workflow on a new checkout, with a change by the test."""
        number = len(list(self.folder.glob("run-*.json")))
        checkout = copy_files(self.folder / f"run-{number}", *UNUSED)
        change(checkout)
        for name in ("app", "evaluate"):
            file = checkout / WORKFLOWS / f"{name}.yml"
            file.write_text(re.sub(r" +queue: .*\n", "", file.read_text()))  # act's schema does not have it yet
        # act asks for a commit, and copies every file of the repository, and each of git's, into every job.
        git = ["git", "-C", str(checkout), "-c", "user.name=o", "-c", "user.email=o@example.com"]
        for command in (["init", "--quiet", "--template="], ["commit", "--quiet", "--allow-empty", "--message=m"]):
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
            "local-repository": local_actions(checkout),
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
            output, _ = act.communicate(timeout=150)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(act.pid, signal.SIGKILL)
            shutil.rmtree(checkout)
            shutil.rmtree(home, ignore_errors=True)
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        summaries = [line["content"] for line in lines if line.get("command") == "summary"]
        return Run(act.returncode == 0, "\n".join(str(line["msg"]).rstrip() for line in lines), "".join(summaries))

    def _subject(self, checkout: Path) -> str:
        environment = read_yaml(checkout / WORKFLOWS / "app.yml")["jobs"]["app"]["environment"]
        assert environment == "${{ vars.DEPLOY_ENVIRONMENT || 'production' }}"
        return github.Jobs(JOBS.prefix, self.variables["DEPLOY_ENVIRONMENT"]).deployment

    def _environment(self) -> dict[str, str]:
        """Return the environment of a runner, with the settings of the emulator's clients and without credentials."""
        local = self.emulator.pulumi_environment()
        copied = (
            "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE", "AWS_DISABLE_HOST_PREFIX_INJECTION", "NO_PROXY", "no_proxy", "PULUMI_HOME",
            "PULUMI_SKIP_UPDATE_CHECK",
        )  # fmt: skip
        return {
            **{name: local[name] for name in copied},
            "PATH": f"{self.folder}/tools:{local['PATH']}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "4711",
            "VENV": sys.prefix,
            "ARTIFACTS": str(self.folder / "artifacts"),
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{self.tokens.server_address[1]}/?of=job",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        }


def local_actions(checkout: Path) -> dict[str, str]:
    """Return the folder of the replacement of each used action, by commit; act itself replaces actions/checkout."""
    texts = [file.read_text() for file in (checkout / ".github").rglob("*.yml")]
    used = {name for text in texts for name in re.findall(r"uses: ([\w-]+/[\w-]+@\w+)", text)}
    return {
        f"https://github.com/{name}": str(checkout / "tests/cli/actions" / ACTIONS[name.split("@")[0]])
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
            bootstrap = emulator.workspace / "Pulumi.bootstrap.yaml"
            bootstrap.write_text(bootstrap.read_text() + f"  incident-sandbox:agentSpaceArns: {','.join(SPACES)}\n")
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
    """Run preview for a pull request, without its tests, which include this test."""

    def without_tests(checkout: Path) -> None:
        change(checkout)
        tests = checkout / WORKFLOWS / "tests.yml"
        text = tests.read_text()
        assert text.count("- run: ") == 2
        tests.write_text(re.sub("- run: .*", "- run: echo tested", text))

    payload = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
    run = hub.run("preview", "pull_request", payload, subject=JOBS.pull_request, change=without_tests)
    assert run.log.count("tested") >= 2
    return run


def replace_in(checkout: Path, workflow: str, old: str, new: str) -> None:
    """Change what stands once in a workflow."""
    file = checkout / WORKFLOWS / f"{workflow}.yml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def retention(checkout: Path) -> None:
    """Change a setting of two resources."""
    stack_file = checkout / "Pulumi.app.yaml"
    stack_file.write_text(stack_file.read_text() + "  incident-sandbox:logRetentionDays: 30\n")


def fail_mode(aws: Aws) -> str:
    """Return the value that the function has in AWS."""
    configuration = aws.client("lambda").get_function_configuration(FunctionName=APP.function)
    return str(configuration["Environment"]["Variables"]["FAIL_MODE"])


def change_fail_mode(aws: Aws, fail_mode: str) -> None:
    """Change the function outside Pulumi."""
    client = aws.client("lambda")
    client.update_function_configuration(FunctionName=APP.function, Environment={"Variables": {"FAIL_MODE": fail_mode}})
    client.get_waiter("function_updated_v2").wait(FunctionName=APP.function, WaiterConfig={"Delay": 1})


def sessions(hub: GitHub) -> set[str]:
    """Return the names of the role sessions that called AWS."""
    lines = (hub.emulator.directory / DECISIONS).read_text().splitlines()
    principals = {json.loads(line)["principal"] for line in lines}
    return {principal.rpartition("/")[2] for principal in principals if ":assumed-role/" in principal}


def last_message(aws: Aws) -> str:
    """Return the message of the last update in the stack's history."""
    s3, bucket = aws.client("s3"), state_bucket(process.ACCOUNT, REGION)
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=HISTORY)["Contents"]]
    last = max(key for key in keys if key.endswith(".history.json"))
    return str(json.loads(s3.get_object(Bucket=bucket, Key=last)["Body"].read())["message"])


def test_the_error_for_a_missing_variable_says_how_to_set_it(hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(hub.variables, "AWS_DEPLOY_ROLE_ARN")

    run = hub.run("rollback-lambda", stack="app")

    assert not run.succeeded
    assert "The variable AWS_DEPLOY_ROLE_ARN is missing: run ./sandbox bootstrap again" in run.summary


def test_a_job_without_environment_gets_no_role(hub: GitHub) -> None:
    run = hub.run("deploy-lambda", "push", subject=f"{JOBS.prefix}:ref:refs/heads/main")

    assert not run.succeeded
    assert "assumerolewithwebidentity" in run.log.lower().replace("_", "")


def test_a_plan_without_a_stack_says_so(hub: GitHub) -> None:
    run = preview(hub)

    assert run.succeeded, run.log
    assert "There is no such stack yet: deploy-lambda makes it." in (hub.folder / "comment").read_text()


def test_a_push_deploys_the_healthy_scenario(hub: GitHub, aws: Aws) -> None:
    run = hub.run("deploy-lambda", "push")

    assert run.succeeded, run.log
    assert fail_mode(aws) == "false"
    assert last_message(aws) == f"deploy-lambda by octocat, {RUN}"
    assert sessions(hub) >= {"deploy-4711"}
    assert run.summary.startswith("## deploy-lambda by octocat, ")
    assert run.summary.count("```mermaid") == 1
    assert run.summary.count("\n| create |") == 19
    assert "| ok | requests | 5 in a row: 200 and status healthy | 5 in a row: 200 healthy (5 times)" in run.summary
    assert "- API: https://127.0.0.1" in run.summary
    assert "#/functions/storefront-app-handler)" in run.summary
    assert "log-group/$252Faws$252Flambda$252Fstorefront-app-handler)" in run.summary
    assert "#alarmsV2:alarm/storefront-app-api-5xx)" in run.summary


def test_a_pull_request_gets_its_plan_as_a_single_comment(hub: GitHub, aws: Aws) -> None:
    before = last_message(aws)

    run = preview(hub, change=retention)

    assert run.succeeded, run.log
    comment = (hub.folder / "comment").read_text()
    assert comment.startswith("pr comment 7 --edit-last --create-if-none --body-file -\n### What this would change")
    assert "no incident is active" in comment
    assert "~ retentionInDays: 14 => 30" in comment
    assert "~ 3 to update" in comment
    assert comment.split("\n", 1)[1].strip() == run.summary.strip()
    assert last_message(aws) == before


def test_a_pull_request_from_a_fork_gets_tests_and_an_explanation_instead_of_a_plan(hub: GitHub) -> None:
    run = preview(hub, head="somebody/octo-repo")

    assert run.succeeded, run.log
    assert "GitHub gives a pull request from a fork no OIDC token" in run.summary
    assert "Run Main Plan" not in run.log


def test_an_injection_into_a_failing_app_stops_at_the_first_check(hub: GitHub, aws: Aws) -> None:
    change_fail_mode(aws, "true")
    before = last_message(aws)

    def impatient(checkout: Path) -> None:
        replace_in(checkout, "app", "--expect healthy --timeout 30", "--expect healthy --timeout 2")

    run = hub.run("inject-failure", stack="app", minutes="5", change=impatient)

    change_fail_mode(aws, "false")
    assert not run.succeeded
    assert "Failure - Main Healthy before" in run.log
    assert "| **no** | requests | 5 in a row: 200 and status healthy | wrong 500" in run.summary
    assert last_message(aws) == before


def test_an_injection_deploys_no_other_change(hub: GitHub, aws: Aws) -> None:
    before = last_message(aws)

    run = hub.run("inject-failure", stack="app", minutes="0", change=retention)

    assert not run.succeeded
    assert "This commit has changes that are not deployed" in run.summary
    assert (fail_mode(aws), last_message(aws)) == ("false", before)


def test_a_deployment_without_the_state_of_what_is_there_makes_nothing_twice(hub: GitHub, aws: Aws) -> None:
    s3, bucket = aws.client("s3"), state_bucket(process.ACCOUNT, REGION)
    (key,) = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=STATE)["Contents"]
              if item["Key"].endswith((".json", ".json.gz"))]  # fmt: skip
    state = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)

    run = hub.run("deploy-lambda", stack="app")

    s3.put_object(Bucket=bucket, Key=key, Body=state)
    assert not run.succeeded
    assert "The state of the stack app has no resources, and AWS has some of it." in run.summary
    assert f"function:{APP.function}" in run.summary
    assert len(aws.client("apigatewayv2").get_apis()["Items"]) == 1


def test_an_injection_stays_until_rollback(hub: GitHub, aws: Aws) -> None:
    run = hub.run("inject-failure", stack="app", minutes="0")

    assert run.succeeded, run.log
    assert fail_mode(aws) == "true"
    assert last_message(aws) == f"inject-failure by octocat, {RUN}"
    assert run.summary.count(FLIP) == 1
    healthy, failing = run.summary.index("stack app is healthy"), run.summary.index("stack app is failing")
    assert healthy < run.summary.index(FLIP) < failing


def test_a_push_during_an_incident_does_not_end_it(hub: GitHub, aws: Aws) -> None:
    run = hub.run("deploy-lambda", "push")

    assert not run.succeeded
    assert "An incident is active in the stack app since 20" in run.summary
    assert f"inject-failure by octocat, {RUN}. Nothing was changed. End it with the workflow" in run.summary
    assert fail_mode(aws) == "true"


def test_a_rollback_ends_the_incident_and_a_second_changes_nothing(hub: GitHub, aws: Aws) -> None:
    first = hub.run("rollback-lambda", stack="app")
    second = hub.run("rollback-lambda", stack="app")

    assert first.succeeded, first.log
    assert second.succeeded, second.log
    assert fail_mode(aws) == "false"
    assert first.summary.count(FLIP) == 1
    assert "No resource was changed.\n\n19 unchanged." in second.summary
    for run in (first, second):
        assert "| ok | alarm storefront-app-api-5xx | OK | OK |" in run.summary
        assert run.summary.count("```mermaid") == 1
    assert "| Onset: requests begin to fail |" in first.summary


def test_a_timed_injection_is_rolled_back_when_the_run_is_cancelled(hub: GitHub, aws: Aws) -> None:
    slept = hub.folder / "slept"
    hub.tool("sleep", f'echo "$*" > {slept}; kill -INT "$(cat {hub.folder}/act.pid)"; exec /bin/sleep 60')

    run = hub.run("inject-failure", stack="app", minutes="90")

    assert slept.read_text() == "90m\n"
    assert fail_mode(aws) == "false"
    assert last_message(aws) == f"rollback of inject-failure by octocat, {RUN}"
    assert run.summary.count(FLIP) == 2
    assert run.summary.count("stack app is healthy") + run.summary.count("requests are healthy") == 2


def test_a_timed_injection_is_rolled_back_when_its_check_fails(hub: GitHub, aws: Aws) -> None:
    def impatient(checkout: Path) -> None:
        replace_in(checkout, "app", '--expect "$EXPECTED" --json', "--expect healthy --timeout 1 --json")

    hub.tool("sleep", "exit 1")

    run = hub.run("inject-failure", stack="app", minutes="90", change=impatient)

    assert not run.succeeded
    assert "Failure - Main Check" in run.log
    assert "Run Main Leave it" not in run.log
    assert fail_mode(aws) == "false"
    assert last_message(aws) == f"rollback of inject-failure by octocat, {RUN}"


def test_a_campaign_is_a_job_for_each_stack_and_a_report_of_all(hub: GitHub, aws: Aws) -> None:
    deployed = hub.run("deploy-lambda", stack="plain")
    assert deployed.succeeded, deployed.log

    def without_pauses(checkout: Path) -> None:
        replace_in(checkout, "evaluate", " --yes\n", " --yes --pause 0 --poll 0.2\n")

    run = hub.run("evaluate", change=without_pauses, **CAMPAIGN)

    assert run.succeeded, run.log
    campaign = CampaignFolder(hub.folder / "artifacts" / "report" / "devops-agent")
    shards = [
        CampaignFolder(hub.folder / "artifacts" / f"campaign-{stack}" / "devops-agent") for stack in ("app", "plain")
    ]
    assert [{trial.stack for trial in shard.trials()} for shard in shards] == [{"app"}, set()], (
        "a block is on one stack"
    )
    assert campaign.campaign().seed == 4711
    assert summarize(campaign.results()) == summarize([*shards[0].results(), *shards[1].results()])
    verdicts = [result.verdict for result in campaign.results() if result.trial.status is Status.DONE]
    assert verdicts == [Verdict.PASS] * 2, list(campaign.results())
    assert "**devops-agent named the true cause in " in run.summary
    assert fail_mode(aws) == "false"
    assert sessions(hub) >= {"deploy-4711"}


def test_destroy_needs_the_name_of_the_stack(hub: GitHub, aws: Aws) -> None:
    run = hub.run("destroy", stack="app", confirmation="App")

    assert not run.succeeded
    assert "confirmation is 'App': to destroy the stack app, type its name." in run.summary
    assert fail_mode(aws) == "false"


def test_destroy_leaves_bootstrap(hub: GitHub, aws: Aws) -> None:
    plain = hub.run("destroy", stack="plain", confirmation="plain")
    run = hub.run("destroy", stack="app", confirmation="app")

    assert plain.succeeded, plain.log
    assert run.succeeded, run.log
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert run.summary.count("\n| delete |") == 19
    assert "| ok | stack app | no resources | none |" in run.summary
    assert "| ok | bootstrap | its state in the bucket | there |" in run.summary

    rollback = hub.run("rollback-lambda", stack="app")

    assert not rollback.succeeded
    assert "The stack app is not deployed. Nothing was changed." in rollback.summary
    assert aws.client("lambda").list_functions()["Functions"] == []
