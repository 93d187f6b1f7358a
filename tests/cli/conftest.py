"""Tests with the Pulumi CLI: each has its own checkout and emulator, and a shell that has loaded `local env`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from local_aws.provider.resource import Aws
from tests.local.conftest import load, run_sandbox
from tests.support.checkouts import copy_project, shell_with_env

CLI = shutil.which("pulumi")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CLI is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="the Pulumi CLI is not on PATH"))


class Shell:
    """A shell in a checkout whose emulator runs."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.environment = shell_with_env(checkout)

    @property
    def workspace(self) -> Path:
        return Path(self.environment["PULUMI_OPTION_CWD"])

    def kill_at(self, call: str) -> dict[str, str]:
        """Return settings that make the provider kill at a call; killing_plugin.py has their meaning."""
        folder = self.workspace.parent / "killing"
        folder.mkdir(exist_ok=True)
        plugin = folder / "pulumi-resource-aws"
        plugin.write_text(f"#!/bin/sh\ncd {self.checkout} && exec {sys.executable} -m tests.support.killing_plugin\n")
        plugin.chmod(0o755)
        return {"KILL_AT": call, "PATH": f"{folder}:{self.environment['PATH']}"}

    def pulumi(self, *arguments: str) -> str:
        """Run a command that must succeed; return its stdout."""
        result = self.run(*arguments)
        assert result.returncode == 0, f"pulumi {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.checkout,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that the test will signal."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.checkout,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def steps(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the steps of a preview that change a resource."""
        preview = json.loads(self.pulumi("preview", "--json", *arguments))
        return [step for step in preview["steps"] if step["op"] != "same"]

    def sandbox(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_sandbox(self.checkout, *arguments, **{**self.environment, **environment})


@pytest.fixture
def shell(project_copy: Path) -> Iterator[Shell]:
    """A shell with an empty emulator."""
    with emulator_of(project_copy, "sandbox", "local", "start"):
        yield Shell(project_copy)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with a healthy app, deployed by the embedded engine, which is faster; one for each module."""
    checkout = copy_project(tmp_path_factory.mktemp("deployed") / "checkout")
    with emulator_of(checkout, "-m", "tests.support.keeping"):
        yield Shell(checkout)


@contextmanager
def emulator_of(checkout: Path, *start: str) -> Iterator[None]:
    """Run a checkout's emulator for the duration of a `with` block; `start` are the arguments of Python."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
            patch.delenv(name)
        try:
            started = subprocess.run(
                [sys.executable, *start], cwd=checkout, capture_output=True, text=True, timeout=120, check=False
            )
            assert started.returncode == 0, started.stdout + started.stderr
            yield
        finally:
            run_sandbox(checkout, "local", "stop")
            end_language_hosts(checkout)


def end_language_hosts(checkout: Path) -> None:
    """Kill Pulumi's language hosts, which end only minutes after a test has killed their engine."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            is_host = b"pulumi-language" in (process / "cmdline").read_bytes()
            if is_host and bytes(checkout) in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def aws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Clients of the emulator of the test's shell."""
    name = "deployed" if "deployed" in request.fixturenames else "shell"
    load(monkeypatch, request.getfixturevalue(name).environment)
    clients = Aws()
    yield clients
    clients.close()
