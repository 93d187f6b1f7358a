"""Runs of the Pulumi CLI by ./sandbox."""

import os
import sys
import time
from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.stacks.automation import Cli


def test_the_plugins_of_a_killed_cli_are_ended(tmp_path: Path) -> None:
    """Plugins have their own process groups and would wait minutes for their engine."""
    pid = tmp_path / "pid"
    plugin = f"import os, time; os.setpgid(0, 0); open('{pid}', 'w').write(str(os.getpid())); time.sleep(60)"
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(
        f"""#!/bin/sh
{sys.executable} -c "{plugin}" >{tmp_path}/out 2>&1 &
while ! [ -s {pid} ]; do sleep 0.01; done
kill -9 $$
"""
    )
    pulumi.chmod(0o755)
    cli = Cli.__new__(Cli)
    cli.command = str(pulumi)

    with pytest.raises(UsageError, match=r"`pulumi up` was killed \(signal 9\): run again"):
        cli.run(["up"], str(tmp_path), {})

    deadline = time.monotonic() + 10
    while is_running(int(pid.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
