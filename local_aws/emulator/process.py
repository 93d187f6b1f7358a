"""The emulator as a child process: on a port of its own, over TLS, with IAM enforced, gone when we are gone."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import names
from local_aws.emulator import archive, workspace
from local_aws.errors import LocalAwsError
from ops import folder_locks
from ops.project import ROOT
from ops.stacks import layout

ACCOUNT = "111122223333"  # AWS's own example account, so that nobody mistakes it for theirs
ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""The account's root. The emulator checks every caller's signature but this one's."""

CLOCK_SCALE = 60
"""How many times faster than AWS's the stand-in's clock runs: an alarm's period of 60 s lasts 1 s."""

START_DEADLINE_SECONDS = 60
STOP_DEADLINE_SECONDS = 10
PLUGINS = ROOT / "local_aws" / "provider" / "bin"
KEPT = "kept"
"""In an emulator's directory: what survives its stop when it persists."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    `directory` goes when it does: log, certificate, the functions' files, and in `kept` what survives a stop when there
    is a folder to survive in.
    """

    directory: Path
    url: str
    region: str

    def environment(self) -> dict[str, str]:
        """What makes every AWS client speak to this emulator as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.directory / "ca.pem"),
            **ROOT_CREDENTIALS,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
            # No file of the person's own may add a profile, a role or another endpoint.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def pulumi_environment(self) -> dict[str, str]:
        """What the Pulumi CLI needs besides: its state, the local provider, and the project with stack files to spare.

        Includes environment().
        """
        path = os.environ.get("PATH", os.defpath)
        return {
            **self.environment(),
            "PATH": path if path.startswith(f"{PLUGINS}:") else f"{PLUGINS}:{path}",
            "PULUMI_BACKEND_URL": layout.bucket_url(names.state_bucket(ACCOUNT, self.region), self.region, self.url),
            # The person's own login and selected stack stay as they are.
            "PULUMI_HOME": str(self.directory / KEPT / "pulumi"),
            # As if every command had --cwd: https://github.com/pulumi/pulumi/pull/20868
            "PULUMI_OPTION_CWD": str(self.workspace),
            # A stack that the embedded engine made has its secrets provider in its state, and in no file.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "INCIDENT_SANDBOX_HOME": str(self.directory / KEPT / "home"),
        }

    @property
    def workspace(self) -> Path:
        """The project as Pulumi runs it here: see workspace.py."""
        return self.directory / KEPT / "workspace"


@dataclass(frozen=True)
class Child(Emulator):
    """An emulator that this process has started."""

    process: subprocess.Popen[str]

    def keep(self) -> None:
        """Let it outlive this process."""
        assert self.process.stdin is not None
        self.process.stdin.write("keep\n")
        self._close_pipes()

    def stop(self) -> None:
        """Stop it and everything it started; its directory goes with it."""
        self._close_pipes()
        try:
            self.process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _close_pipes(self) -> None:
        """Standard input's end is what tells the child to end."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


@contextlib.contextmanager
def running(region: str, port: int = 0, persist: Path | None = None) -> Iterator[Child]:
    """An emulator for the length of a `with` block; stopped however the block ends, unless it was told to keep."""
    emulator = start(region, port, persist)
    try:
        wait_until_ready(emulator)
        yield emulator
    finally:
        if emulator.process.stdin is not None and not emulator.process.stdin.closed:
            emulator.stop()


def start(region: str, port: int = 0, persist: Path | None = None) -> Child:
    """Start an emulator on a loopback port, 0 for a free one. It answers once `wait_until_ready` has returned.

    With a folder `persist` it goes on where the last one there was stopped, on the same port unless told otherwise.

    Raises LocalAwsError when the port or the folder cannot be had.
    """
    asked = port
    locked: list[int] = []
    directory = Path(tempfile.mkdtemp(prefix="incident-sandbox-"))
    kept = directory / KEPT
    try:
        kept.mkdir()
        locked.append(folder_locks.hold(directory))
        if persist:
            locked.append(archive.hold(persist))
            last = archive.restore(persist, kept, region)
            port = port or last
        workspace.make(kept / "workspace")
        with _listener(port, saved=port != asked) as listener:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            process = _spawn(directory, listener, region, persist, locked)
        record = {"url": url, "region": region, "pid": process.pid, "persist": persist and str(persist)}
        (kept / archive.RECORD).write_text(json.dumps(record))
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        for descriptor in locked:
            os.close(descriptor)
    return Child(directory, url, region, process)


def _listener(port: int, *, saved: bool) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except BaseException as error:
        listener.close()
        if isinstance(error, OSError):
            raise LocalAwsError(
                f"port {port} cannot be had on this machine ({error.strerror}): "
                + (
                    "it is the one that was saved, and is in the stacks' outputs; free it, or choose another with "
                    "--port and then `pulumi refresh` or `./sandbox local refresh` the stacks, and `up` them"
                    if saved
                    else "choose another with --port, or leave --port out for a free one"
                )
            ) from None
        if isinstance(error, OverflowError):
            raise LocalAwsError(f"--port {port}: a port is a number from 0 to 65535; 0 is any free one") from None
        raise
    return listener


def _spawn(
    directory: Path, listener: socket.socket, region: str, persist: Path | None, locked: list[int]
) -> subprocess.Popen[str]:
    """Start the child. It inherits the socket, and the locks, which are then held as long as it lives."""
    arguments = [str(listener.fileno()), str(directory), *([str(persist)] if persist else [])]
    with (directory / "emulator.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "local_aws.emulator.server", *arguments],
            cwd=ROOT,
            env=_environment(directory, listener.getsockname()[1], region, bool(persist)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            pass_fds=[listener.fileno(), *locked],
            start_new_session=True,
        )


def wait_until_ready(emulator: Child) -> None:
    """Wait for the emulator to say that it serves.

    Raises LocalAwsError, with the end of its log, when it ends or stays silent for START_DEADLINE_SECONDS.
    """
    assert emulator.process.stdout is not None
    readable, _, _ = select.select([emulator.process.stdout], [], [], START_DEADLINE_SECONDS)
    if readable and emulator.process.stdout.readline() == "ready\n":
        return
    log = (emulator.directory / "emulator.log").read_text(errors="replace").strip()
    raise LocalAwsError(f"the emulator did not start; the end of its log: {json.dumps(log[-600:])}")


def _environment(directory: Path, port: int, region: str, persistent: bool) -> Mapping[str, str]:
    """The child's whole environment: nothing of this shell's gets in, because functions inherit it."""
    (directory / "tmp").mkdir()
    kept = {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / KEPT / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / KEPT / "s3"),
    }
    return {
        **(kept if persistent else {}),
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "TMPDIR": str(directory / "tmp"),
        **{name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ},
        **ROOT_CREDENTIALS,
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "localhost",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": region,
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(directory / "server.pem"),
        "MINISTACK_SSL_KEY": str(directory / "server.key"),
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Functions run as processes; and the emulator's sweep for stray containers must not see anybody's Docker.
        "LAMBDA_EXECUTOR": "local",
        "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
    }
