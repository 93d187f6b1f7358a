"""Both engines on one stack: each continues after the other, and after a killed run.

Each test leaves the app healthy.
"""

import json
import signal
import time

import pytest

from infra import names
from local_aws.emulator.process import ACCOUNT
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.stack import LockedError, Stack
from local_aws.engine.store import Bucket
from local_aws.provider.resource import Aws
from tests.cli.conftest import Shell
from tests.support.killing import killing

BUCKET = names.state_bucket(ACCOUNT, "eu-west-1")
UP = ("up", "--yes", "--skip-preview", "--stack", "app")
LOCKED = "the stack is currently locked by 1 lock(s)"


@pytest.fixture
def store(aws: Aws) -> Bucket:
    return Bucket(aws, BUCKET)


@pytest.fixture
def stack(store: Bucket) -> Stack:
    return Stack(store, names.PROJECT, "app")


def fail_mode(aws: Aws) -> str:
    """Return the value that the function has."""
    configuration = aws.client("lambda").get_function_configuration(FunctionName="storefront-app-handler")
    return str(configuration["Environment"]["Variables"]["FAIL_MODE"])


def pending(deployed: Shell) -> list[str]:
    state = json.loads(deployed.pulumi("stack", "export", "--stack", "app"))
    return [operation["type"] for operation in state["deployment"].get("pending_operations") or []]


def test_both_engines_update_one_stack_and_respect_each_others_lock(
    deployed: Shell, aws: Aws, store: Bucket, stack: Stack
) -> None:
    embedded = EmbeddedEngine(deployed.workspace, "app", aws, store)
    deployed.pulumi("preview", "--stack", "app", "--expect-no-changes", "--refresh")
    with stack.lock():
        assert LOCKED in deployed.run(*UP).stderr
    embedded.set_config("failMode", "true")
    embedded.up("embedded: inject")
    deployed.pulumi("config", "set", "failMode", "true", "--stack", "app")
    deployed.pulumi("preview", "--stack", "app", "--expect-no-changes")
    deployed.pulumi("config", "set", "failMode", "false", "--stack", "app")
    deployed.pulumi(*UP, "--message", "CLI: roll back")

    assert embedded.outputs()["failMode"] is False
    embedded.set_config("failMode", "false")
    assert embedded.up("embedded: nothing").changed == ()
    history = json.loads(deployed.pulumi("stack", "history", "--json", "--stack", "app"))
    assert [entry["message"] for entry in history[:3]] == ["embedded: nothing", "CLI: roll back", "embedded: inject"]
    store.put(
        f".pulumi/locks/organization/{names.PROJECT}/app/of-a-cli.json",
        b'{"pid": 7, "username": "ci", "hostname": "runner", "timestamp": "2026-01-01T00:00:00Z"}',
    )
    with pytest.raises(LockedError, match="locked by ci@runner"):
        embedded.up()
    deployed.pulumi("cancel", "--yes", "--stack", "app")
    assert embedded.destroy().changes == {"delete": 26}
    assert embedded.up().changes == {"create": 26}


def test_the_second_of_two_concurrent_updates_stops_and_nothing_is_lost(
    deployed: Shell, aws: Aws, store: Bucket
) -> None:
    deployed.pulumi("config", "set", "failMode", "true", "--stack", "app")
    with deployed.start(*UP) as first:
        deadline = time.monotonic() + 30
        while not store.keys(".pulumi/locks/"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        second = deployed.run(*UP)
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)

    assert second.returncode != 0
    assert LOCKED in second.stderr
    assert "pulumi cancel" in second.stderr
    assert first.returncode == 0
    assert fail_mode(aws) == "true"
    deployed.pulumi("config", "set", "failMode", "false", "--stack", "app")
    deployed.pulumi(*UP)


@pytest.mark.parametrize("engine", ["pulumi", "embedded"])
def test_a_killed_update_is_reported_and_repaired(engine: str, deployed: Shell, aws: Aws) -> None:
    """AWS has made the change, and the state does not have it."""
    deployed.pulumi("config", "set", "failMode", "true", "--stack", "app")
    killed = deployed.run(*UP, **deployed.kill_at("after 1 engine"))
    assert killed.returncode == -signal.SIGKILL
    assert pending(deployed) == ["updating"]
    assert fail_mode(aws) == "true"
    assert LOCKED in deployed.run(*UP).stderr

    if engine == "pulumi":
        deployed.pulumi("cancel", "--yes", "--stack", "app")
        stdout = deployed.pulumi(*UP)
        assert "app-function-lambda, interrupted while updating" in stdout
    else:
        deployed.sandbox("local", "cancel")
        stdout = deployed.sandbox("local", "up").stdout
        assert "update of aws:lambda/function:Function app-function-lambda: a refresh makes the state right" in stdout

    assert pending(deployed) == []
    deployed.pulumi("config", "set", "failMode", "false", "--stack", "app")
    deployed.pulumi(*UP)
    assert fail_mode(aws) == "false"


def test_a_killed_create_is_recovered_and_nothing_is_created_twice(deployed: Shell, aws: Aws, store: Bucket) -> None:
    """Without recovery, the CLI would create a second API and leave the operation pending."""
    deployed.sandbox("local", "destroy")
    with killing(deployed.checkout, deployed.environment) as kill:
        assert kill(BUCKET, "app", "up", "after", "CreateApi", {})

    locked = deployed.sandbox("recover", "--stack", "app")
    assert locked.returncode == 2
    assert "if it is gone, release its lock with `pulumi cancel --stack app`" in locked.stderr
    deployed.pulumi("cancel", "--yes", "--stack", "app")
    recovered = deployed.sandbox("recover", "--stack", "app")

    assert recovered.returncode == 0, recovered.stderr
    assert "create of aws:apigatewayv2/api:Api app-api-api: AWS has it, taken into the state" in recovered.stdout
    deployed.pulumi(*UP)
    assert len(aws.client("apigatewayv2").get_apis()["Items"]) == 1
    deployed.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "app")
    assert "stack app: nothing is pending" in deployed.sandbox("recover", "--stack", "app").stdout
