"""What people report in public of Pulumi, boto3 and their like, tried on the embedded engine and the emulator."""

import getpass
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_aws.emulator import archive, process, registry
from local_aws.emulator.process import Emulator
from local_aws.engine.embedded import EmbeddedEngine
from local_aws.engine.stack import Stack
from local_aws.engine.store import Folder
from local_aws.errors import LocalAwsError
from local_aws.provider.resource import Aws
from ops import folder_locks
from ops.errors import UsageError
from tests.local.conftest import REGION
from tests.support.checkouts import copy_project

STATE = ".pulumi/stacks/demo/dev.json"
PROGRAM = """
import pulumi, pulumi_aws as aws
aws.cloudwatch.LogGroup("first", name="/first")
pulumi.export("failMode", pulumi.Config().get("failMode"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project ä"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: demo\nconfig:\n  failMode: {type: boolean, default: false}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "state")


def engine(folder: Path, aws: Aws, store: Folder) -> EmbeddedEngine:
    return EmbeddedEngine(folder, "dev", aws, store)


def change(store: Folder, key: str, value: Any) -> None:
    """Set a key of the log group in the state."""
    state = json.loads(store.get(STATE) or b"")
    state["checkpoint"]["latest"]["resources"][-1][key] = value
    store.put(STATE, json.dumps(state).encode())


@pytest.mark.parametrize(("text", "value"), [("failMode: true", "true"), ("demo:failMode: True", "true"),
                                             ("failMode: yes", "yes"), ("failMode:", "")])  # fmt: skip
def test_a_program_gets_the_value_that_the_cli_passes(
    text: str, value: str, folder: Path, aws: Aws, store: Folder
) -> None:
    """pulumi#8603, pulumi#18632"""
    (folder / "Pulumi.dev.yaml").write_text(f"config:\n  {text}\n")

    assert engine(folder, aws, store).up().outputs["failMode"] == value


@pytest.mark.parametrize("key", ["external", "pendingReplacement", "delete", "importID"])
def test_what_the_engine_does_not_know_of_a_resource_it_refuses(
    key: str, folder: Path, aws: Aws, store: Folder
) -> None:
    """pulumi#16629, pulumi#2015"""
    engine(folder, aws, store).up()
    change(store, key, True)
    before = store.get(STATE)

    for operation in ("up", "preview", "refresh", "destroy", "resources"):
        with pytest.raises(LocalAwsError, match=rf"first has {key} in the state.*use the Pulumi CLI"):
            getattr(engine(folder, aws, store), operation)()

    assert store.get(STATE) == before
    assert len(aws.client("logs").describe_log_groups()["logGroups"]) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b'{"version": 3', "is not JSON"),
        (b"null", "is not a JSON object"),
        (b'{"version": 3}', "checkpoint is no object"),
        (b'{"version": 4, "checkpoint": {}}', "has checkpoint version 4"),
    ],
)
def test_a_state_that_is_not_whole_is_named(
    content: bytes, message: str, folder: Path, aws: Aws, store: Folder
) -> None:
    store.put(STATE, content)

    with pytest.raises(LocalAwsError, match=rf"dev\.json.*{message}"):
        engine(folder, aws, store).up()
    assert store.get(STATE) == content


def test_a_compressed_state_is_not_passed_over(folder: Path, aws: Aws, store: Folder) -> None:
    """pulumi#5469: `up` would make every resource a second time."""
    engine(folder, aws, store).up()
    store.put(f"{STATE}.gz", gzip.compress(store.get(STATE) or b""))
    store.delete(STATE)

    with pytest.raises(LocalAwsError, match=r"dev\.json\.gz is a compressed state.*use the Pulumi CLI"):
        engine(folder, aws, store).up()


def test_a_resource_that_the_state_has_twice_is_not_lost(folder: Path, aws: Aws, store: Folder) -> None:
    """pulumi#20251"""
    engine(folder, aws, store).up()
    state = json.loads(store.get(STATE) or b"")
    resources = state["checkpoint"]["latest"]["resources"]
    resources.append(resources[-1])
    store.put(STATE, json.dumps(state).encode())

    with pytest.raises(LocalAwsError, match="first twice"):
        engine(folder, aws, store).up()


def test_what_the_cli_leaves_out_of_a_resource_is_not_needed(folder: Path, aws: Aws, store: Folder) -> None:
    engine(folder, aws, store).up()
    state = json.loads(store.get(STATE) or b"")
    for resource in state["checkpoint"]["latest"]["resources"]:
        for key in ("created", "modified", "dependencies", "propertyDependencies"):
            resource.pop(key, None)
    store.put(STATE, json.dumps(state).encode())

    assert engine(folder, aws, store).up().changes == {"same": 2}


def test_a_lock_that_is_not_whole_is_named_and_can_be_released(folder: Path, aws: Aws, store: Folder) -> None:
    store.put(".pulumi/locks/organization/demo/dev/1.json", b"")

    with pytest.raises(UsageError, match=r"1\.json is not a lock that Pulumi wrote"):
        engine(folder, aws, store).up()
    assert engine(folder, aws, store).cancel() == 1
    engine(folder, aws, store).up()


def test_a_user_that_the_machine_does_not_know_can_lock(store: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible#68007"""

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)

    with Stack(store, "demo", "dev").lock():
        (key,) = store.keys(".pulumi/locks/")
        assert json.loads(store.get(key) or b"")["username"] == str(os.getuid())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_such_a_user_without_a_home_is_told_what_to_set(root: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import getpass, pwd, ops.project as p, ops.errors as e\n"
        "os.setuid(54321)\n"
        "try: p.home()\n"
        "except e.UsageError as error: print(error)"
    )
    nobody = {name: value for name, value in os.environ.items() if name not in ("HOME", "USER", "LOGNAME")}

    result = subprocess.run([sys.executable, "-c", code, str(root)], env=nobody, capture_output=True, text=True)

    assert result.stdout == "this user has no home folder: set HOME to a folder that is yours, and run again\n"


def test_a_record_of_an_emulator_that_is_not_whole_is_named(
    started: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "emulator"
    (directory / process.PERSISTENT).mkdir(parents=True)
    directory.chmod(0o700)
    (directory / process.PERSISTENT / archive.RECORD).write_text('{"url":')
    (tmp_path / ".local").symlink_to(directory)
    monkeypatch.setattr(registry, "LINK", tmp_path / ".local")
    lock = folder_locks.hold(directory)
    try:
        with pytest.raises(LocalAwsError, match=r"emulator\.json is not the record of an emulator"):
            registry.find()
    finally:
        os.close(lock)


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\0" * 10240])
def test_an_archive_that_is_not_whole_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / archive.ARCHIVE).write_bytes(content)

    with pytest.raises(LocalAwsError, match=r"emulator\.tar cannot be read"):
        archive.restore(tmp_path, tmp_path / "target", REGION)


def test_a_rehearsal_passes_in_odd_folders_with_few_descriptors_and_the_c_locale(tmp_path: Path) -> None:
    checkout = copy_project(tmp_path / "a b ü")
    scratch = tmp_path / "t m p"
    scratch.mkdir()
    (tmp_path / "link").symlink_to(checkout)
    (checkout / ".git").write_text("gitdir: /nowhere/worktrees/copy\n")
    for file in (file for file in checkout.rglob("*") if file.is_file() and ".venv" not in file.parts):
        file.chmod(0o600)  # nothing can be executed, as where /home is mounted so, and after `umask 077`
    sandbox = f"'{sys.executable}' sandbox"
    command = f"""set -e; umask 077; ulimit -n 128
        {sandbox} rehearse --engine embedded --keep
        trap "{sandbox} local stop" EXIT
        eval "$({sandbox} local env)"
        {sandbox} check --stack app --expect healthy"""
    shell = {"TMPDIR": str(scratch), "HOME": "/proc/none", "LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "Nowhere/X"}

    result = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path / "link", env={**os.environ, **shell}, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "stack app is healthy" in result.stdout
    assert list(scratch.iterdir()) == []
