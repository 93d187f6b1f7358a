"""./sandbox status: whether an incident is active, by a stack's state."""

from pathlib import Path
from typing import Any

import pytest

import cli.status
from ops.errors import UsageError
from ops.stacks import trust
from ops.stacks.backend import Backend

LAST_UPDATE = {"message": "inject-failure by octocat\n::error::x", "time": "2026-11-23 21:00:00 UTC"}


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The `resources` that the backend returns, and the file of `outputs` that a workflow's step writes."""
    state: dict[str, Any] = {"resources": None, "outputs": tmp_path / "outputs"}
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state?region=eu-west-1")
    monkeypatch.setenv("GITHUB_OUTPUT", str(state["outputs"]))
    monkeypatch.setattr(Backend, "resources", lambda self, stack: state["resources"])
    monkeypatch.setattr(Backend, "last_update", lambda self, stack: LAST_UPDATE)
    monkeypatch.setattr(Backend, "stacks", lambda self: ["blue"])
    monkeypatch.setattr(Backend, "_objects", lambda self, prefix: iter(()))
    monkeypatch.setattr(trust, "refuse_foreign_bucket", lambda *_: None)
    return state


def outputs(state: dict[str, Any]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in state["outputs"].read_text().splitlines())


@pytest.mark.parametrize(
    ("variables", "code"), [({"FAIL_MODE": "true"}, 1), ({"FAIL_MODE": "false"}, 0), ({}, 0), (None, 0)]
)
def test_an_incident_is_active_when_fail_mode_is_deployed(
    variables: dict[str, Any] | None, code: int, state: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    environment = variables and {"variables": variables}
    function = {"type": "aws:lambda/function:Function", "inputs": {"environment": environment}}
    state["resources"] = [{"type": "pulumi:pulumi:Stack"}, function]

    assert cli.status.main(["--stack", "app"]) == code

    stdout = capsys.readouterr().out
    assert ("since 2026-11-23 21:00:00 UTC: inject-failure by octocat" in stdout) == bool(code)
    assert outputs(state) == {
        "condition": "deployed",
        "deployed": "true",
        "incident": "true" if code else "false",
        "since": LAST_UPDATE["time"] if code else "",
        "run": "inject-failure by octocat ::error::x" if code else "",
    }


def test_a_destroyed_stack_has_no_incident(state: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    state["resources"] = []

    assert cli.status.main(["--stack", "app"]) == 0
    assert capsys.readouterr().out == "stack app: not deployed\n"
    assert outputs(state)["condition"] == "empty"


def test_a_missing_stack_is_an_error(state: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"--stack app: there is no such stack in s3://state; it has: blue"):
        cli.status.main(["--stack", "app"])
    assert outputs(state)["condition"] == "absent"
