"""The workflow files against a linter, GitHub's schemas and this project's rules."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ops.project import read_yaml, stack_config
from ops.stacks.automation import MINIMUM_VERSION

NAMES = ("app", "deploy-lambda", "destroy", "evaluate", "inject-failure", "preview", "rollback-lambda", "tests")
CHANGING = {"deploy-lambda", "destroy", "inject-failure", "rollback-lambda"}


def run(program: str, *arguments: str, root: Path) -> None:
    """Run a checker that must report nothing."""
    command = [str(Path(sys.prefix) / "bin" / program), *arguments]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def workflow(root: Path, name: str) -> dict[Any, Any]:
    return read_yaml(root / ".github" / "workflows" / f"{name}.yml")


def jobs(root: Path, name: str) -> list[dict[str, Any]]:
    return list(workflow(root, name)["jobs"].values())


def test_the_tests_name_every_workflow(root: Path) -> None:
    assert sorted(file.stem for file in (root / ".github" / "workflows").iterdir()) == list(NAMES)


def test_zizmor_reports_nothing(root: Path) -> None:
    run("zizmor", "--offline", "--no-progress", ".github", root=root)


@pytest.mark.parametrize(
    ("schema", "files"), [("github-workflows", "workflows/*.yml"), ("github-actions", "actions/*/action.yml"),
                          ("dependabot", "dependabot.yml")]
)  # fmt: skip
def test_files_match_githubs_schemas(schema: str, files: str, root: Path) -> None:
    paths = [str(file) for file in (root / ".github").glob(files)]

    run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths, root=root)


def test_every_action_is_pinned_to_a_commit_and_names_its_version(root: Path) -> None:
    uses = [line for file in (root / ".github").rglob("*.yml") for line in re.findall(r"uses: (.*)", file.read_text())]

    wrong = [
        use for use in uses if not re.fullmatch(r"\./\.github/\S+|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)
    ]

    assert wrong == []
    assert len(uses) > 10


@pytest.mark.parametrize("name", NAMES)
def test_a_job_has_a_time_limit_and_only_the_permissions_that_it_names(name: str, root: Path) -> None:
    assert workflow(root, name)["permissions"] == {}
    for job in jobs(root, name):
        assert "permissions" in job
        assert "uses" in job or "timeout-minutes" in job
        assert set(job["permissions"]) <= {"contents", "id-token", "pull-requests"}
        assert job["permissions"].get("contents", "read") == "read"


def test_jobs_that_run_a_pull_requests_code_cannot_write_to_github(root: Path) -> None:
    for name in ("preview", "tests"):
        for job in jobs(root, name):
            writes = {scope for scope, access in job["permissions"].items() if access == "write"} - {"id-token"}
            assert not writes or not any("uses" in step for step in job["steps"])


def test_all_changes_of_a_stack_are_made_by_one_job_or_a_campaigns_and_queued(root: Path) -> None:
    (job,) = jobs(root, "app")
    campaign = workflow(root, "evaluate")["jobs"]["trials"]

    queue = {"cancel-in-progress": False, "queue": "max"}  # by default a newer run cancels a waiting run
    assert job["concurrency"] == {"group": "app-stack-${{ inputs.stack }}", **queue}
    assert campaign["concurrency"] == {"group": "app-stack-${{ matrix.stack }}", **queue}
    for name in NAMES:
        calls = [job["with"]["operation"] for job in jobs(root, name) if job.get("uses", "").endswith("/app.yml")]
        assert calls == ([name] if name in CHANGING else [])


def test_jobs_run_in_the_environment_that_their_role_trusts(root: Path) -> None:
    """The subject of a job's token names the job's environment or, without one, the pull request."""
    (app,) = jobs(root, "app")
    schema = read_yaml(root / "Pulumi.yaml")["config"]["incident-sandbox:githubEnvironment"]

    for job in (app, workflow(root, "evaluate")["jobs"]["trials"]):
        assert job["environment"] == f"${{{{ vars.DEPLOY_ENVIRONMENT || '{schema['default']}' }}}}"
    assert "environment" not in workflow(root, "preview")["jobs"]["plan"]


def test_the_versions_of_pulumi_s_parts_are_in_the_lock_alone(root: Path) -> None:
    """The CLI and its AWS plugin have the versions of the SDKs, which requirements.txt has."""
    texts = "".join(file.read_text() for file in (root / ".github").rglob("*.yml"))
    lock = dict(re.findall(r"^([\w-]+)==(\S+)", (root / "requirements.txt").read_text(), re.MULTILINE))

    assert re.findall(r"pulumi-version: (.*)", texts) == ["${{ steps.versions.outputs.pulumi }}"]
    assert re.findall(r"plugin install (.*)", texts) == ['resource aws "$VERSION"']
    assert lock["pulumi"] not in texts
    assert lock["pulumi-aws"] not in texts
    assert MINIMUM_VERSION.parse(lock["pulumi"]) >= MINIMUM_VERSION
    assert version("pulumi") == lock["pulumi"]
    assert version("pulumi-aws") == lock["pulumi-aws"]


def test_no_secret_is_needed(root: Path) -> None:
    texts = [file.read_text() for file in (root / ".github").rglob("*.yml")]

    assert "secrets." not in "".join(texts)
    assert "secrets: inherit" not in "".join(texts)


def test_the_committed_stack_file_is_healthy(root: Path) -> None:
    config = stack_config(root, "app")

    assert config["incident-sandbox:failMode"] is False


def test_a_timed_injection_ends_before_its_job_and_its_rollback_has_fresh_credentials(root: Path) -> None:
    inject = workflow(root, "inject-failure")["jobs"]
    (app,) = jobs(root, "app")
    steps = {step.get("name"): step for step in app["steps"]}
    names = list(steps)

    assert "> 300" in inject["inputs"]["steps"][-1]["run"]
    assert inject["inject"]["with"]["timeout"] >= 300 + 45
    assert names.index("Credentials for the rollback") == names.index("Roll back") - 1
    for name in ("Credentials for the rollback", "Roll back"):
        assert steps[name]["if"] == "always() && inputs.minutes > 0 && steps.update.outcome != 'skipped'"
    assert steps["Roll back"]["run"].startswith("exec .github/roll-back.sh")


def test_a_campaigns_job_leaves_its_stack_healthy_and_what_it_has_kept(root: Path) -> None:
    steps = {step.get("name"): step for step in workflow(root, "evaluate")["jobs"]["trials"]["steps"]}
    names = list(steps)

    assert names.index("Trials") < names.index("Credentials for the rollback") == names.index("Roll back") - 1
    for name in ("Credentials for the rollback", "Roll back"):
        assert steps[name]["if"].startswith("always() && steps.trials.outcome != 'success'")
    assert steps["Roll back"]["run"].startswith("exec .github/roll-back.sh")
    assert steps["Keep the shard"]["if"].startswith("always()")
    assert "pulumi cancel" in (root / ".github" / "roll-back.sh").read_text()


def test_a_cancelled_run_signals_the_engine_itself(root: Path) -> None:
    """GitHub signals the step's process, which is the shell unless the last command replaces it with `exec`."""
    (app,) = jobs(root, "app")
    runs = {step.get("name"): step.get("run", "") for step in app["steps"]}

    for name in ("Healthy before", "Update", "Check", "Leave it", "Destroy", "Gone"):
        last = runs[name].replace("\\\n", "").splitlines()[-1]
        assert last.strip().startswith("exec ")


def test_a_shards_money_has_a_decimal_point_in_every_locale(root: Path, tmp_path: Path) -> None:
    """https://github.com/noonghunna/club-3090/pull/160: a runner of one's own may have another locale."""
    awk = tmp_path / "awk"
    awk.write_text("#!/bin/sh\necho $LC_ALL\n")
    awk.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(tmp_path / "output"),
                   "LC_ALL": "de_DE.UTF-8", "AGENT": "command", "TRIALS": "4", "STACKS": "a b", "SPACES": "",
                   "MAX_USD": "1.5"}  # fmt: skip

    subprocess.run([root / ".github" / "shards.sh"], env=environment, check=True)

    assert "max_usd=C\n" in (tmp_path / "output").read_text()


def test_a_plan_runs_after_the_tests(root: Path) -> None:
    assert workflow(root, "preview")["jobs"]["plan"]["needs"] == "tests"


def test_a_push_deploys_only_changes_of_deployed_files(root: Path) -> None:
    paths = workflow(root, "deploy-lambda")["on"]["push"]["paths"]

    for path in paths:
        assert list(root.glob(path)), path
    assert {"handler/**", "infra/**", "__main__.py", "Pulumi.app.yaml"} <= set(paths)


MAIN = {"TRIALS": "2", "STACKS": "app plain", "SPACES": "one two", "MAX_USD": "50", "AGENT": "devops-agent"}


@pytest.mark.parametrize(
    ("name", "job", "step", "inputs", "stopped"),
    [
        *(("app", "app", "Name of the stack", {"STACK": stack}, "") for stack in ("app", "blue_2", "a" * 28)),
        *(
            ("app", "app", "Name of the stack", {"STACK": stack}, f"stack is '{stack}': it must be an app stack's")
            for stack in ("bootstrap", "organization/incident-sandbox/app", "--help", "", "a" * 29, "app\nplain")
        ),
        *(("inject-failure", "inputs", "Minutes", {"MINUTES": minutes}, "") for minutes in ("0", "30", "300")),
        *(
            ("inject-failure", "inputs", "Minutes", {"MINUTES": minutes}, f"minutes is '{minutes}': it must be a whole")
            for minutes in ("301", "-1", "07", "1.5", "", "3$(date)")
        ),
        ("evaluate", "plan", "Shards", MAIN, ""),
        ("evaluate", "plan", "Shards", MAIN | {"TRIALS": "23"}, "trials is '23': it must be a number from 1 to 22"),
        ("evaluate", "plan", "Shards", MAIN | {"STACKS": "app bootstrap"}, "stacks has 'bootstrap'"),
        ("evaluate", "plan", "Shards", MAIN | {"SPACES": "one"}, "spaces has 1 agent spaces for 2 stacks"),
        ("evaluate", "plan", "Shards", MAIN | {"MAX_USD": "a lot"}, "max_usd is 'a lot'"),
    ],
)
def test_an_input_is_checked_by_the_step_that_reads_it_first(
    name: str, job: str, step: str, inputs: dict[str, str], stopped: str, root: Path, tmp_path: Path
) -> None:
    """The step's own commands; tests/cli/test_workflows.py shows that a run ends with them."""
    (script,) = [one["run"] for one in workflow(root, name)["jobs"][job]["steps"] if one.get("name") == step]
    summary = tmp_path / "summary"
    summary.touch()
    files = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(tmp_path / "output")}

    result = subprocess.run(
        ["bash", "-e", "-c", script], cwd=root, env={"PATH": os.environ["PATH"], **files, **inputs}, check=False
    )

    assert result.returncode == (1 if stopped else 0)
    assert stopped.replace("\n", " ") in summary.read_text()
    assert bool(summary.read_text()) is bool(stopped)
