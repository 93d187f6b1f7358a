"""The emulator as a child process: on its own port, over TLS, with IAM enforced. It ends when its parent ends."""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import string
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

ACCOUNT = "111122223333"  # AWS's example account, which nobody takes for their own
ROOT_KEY = "root-key.json"
"""A file in an emulator's directory: the access key of the account's root, made at each start. Only its owner can read
it, and it is outside `persistent`, so no archive has it."""

CLOCK_SCALE = 60
"""How many times faster than AWS's the telemetry patch's clock runs: an alarm's period of 60 s lasts 1 s."""

START_DEADLINE_SECONDS = 60
STOP_DEADLINE_SECONDS = 10
PLUGINS = ROOT / "local_aws" / "provider" / "bin"
PERSISTENT = "persistent"
"""The folder in an emulator's directory that is saved when the emulator stops and has a folder to persist in."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    `directory` is deleted when it stops. It has the log, the certificate and the functions' files, and in `persistent`
    what is saved before.
    """

    directory: Path
    url: str
    region: str

    @property
    def root_credentials(self) -> dict[str, str]:
        """Return the access key of the account's root as the variables of AWS's clients."""
        return dict(json.loads((self.directory / ROOT_KEY).read_text()))

    @property
    def token_secret(self) -> str:
        """Return the secret that signs the tokens that the emulator takes for GitHub's."""
        return self.root_credentials["AWS_SECRET_ACCESS_KEY"]

    def environment(self) -> dict[str, str]:
        """Return the variables with which every AWS client calls this emulator as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.directory / "ca.pem"),
            **self.root_credentials,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Some services put a prefix before the host's name, as `dp.`, and 127.0.0.1 takes none.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
            # The user's own files must not add a profile, a role or another endpoint.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def pulumi_environment(self) -> dict[str, str]:
        """Return environment() and what Pulumi's CLI needs besides: its backend, the local provider, the workspace."""
        path = os.environ.get("PATH", os.defpath)
        return {
            **self.environment(),
            "PATH": path if path.startswith(f"{PLUGINS}:") else f"{PLUGINS}:{path}",
            "PULUMI_BACKEND_URL": layout.bucket_url(names.state_bucket(ACCOUNT, self.region), self.region, self.url),
            # The user's own login and selected stack stay unchanged.
            "PULUMI_HOME": str(self.directory / PERSISTENT / "pulumi"),
            # As if every command had --cwd: https://github.com/pulumi/pulumi/pull/20868
            "PULUMI_OPTION_CWD": str(self.workspace),
            # The embedded engine writes a new stack's secrets provider into its state, and into no file.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "INCIDENT_SANDBOX_HOME": str(self.directory / PERSISTENT / "home"),
        }

    def replace_environment(self) -> None:
        """Make this process's AWS and Pulumi the emulator's, whatever the shell has."""
        for name in list(os.environ):
            if name.startswith(("AWS_", "PULUMI_")):
                del os.environ[name]
        os.environ.update(self.pulumi_environment())

    @property
    def workspace(self) -> Path:
        """Return the folder of the project as Pulumi runs it here: see workspace.py."""
        return self.directory / PERSISTENT / "workspace"


@dataclass(frozen=True)
class Child(Emulator):
    """An emulator that this process started."""

    process: subprocess.Popen[str]

    def detach(self) -> None:
        """Let it run on when this process ends."""
        assert self.process.stdin is not None
        self.process.stdin.write("detach\n")
        self._close_pipes()

    def stop(self) -> None:
        """Stop it and every process that it started, and delete its directory."""
        self._close_pipes()
        try:
            self.process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _close_pipes(self) -> None:
        """Close the pipes; the child ends when its standard input does."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


@contextlib.contextmanager
def running(region: str, port: int = 0, persist: Path | None = None) -> Iterator[Child]:
    """Run an emulator during a `with` block, and stop it however the block ends, unless it was detached."""
    emulator = start(region, port, persist)
    try:
        wait_until_ready(emulator)
        yield emulator
    finally:
        if emulator.process.stdin is not None and not emulator.process.stdin.closed:
            emulator.stop()


def start(region: str, port: int = 0, persist: Path | None = None) -> Child:
    """Start an emulator on a loopback port, 0 for a free one. It serves once `wait_until_ready` has returned.

    With a folder `persist` it starts from what the last emulator saved there, and on that one's port if `port` is 0.

    Raises LocalAwsError when the port or the folder is unavailable.
    """
    saved_port = 0
    locks: list[int] = []
    directory = Path(tempfile.mkdtemp(prefix="emulator-"))
    persistent = directory / PERSISTENT
    try:
        persistent.mkdir()
        write_private(directory / ROOT_KEY, json.dumps(_new_root_key()))
        locks.append(folder_locks.hold(directory))
        if persist:
            locks.append(archive.lock(persist))
            saved_port = archive.restore(persist, persistent, region)
        workspace.create(persistent / "workspace")
        with _listener(port or saved_port, is_saved=not port and bool(saved_port)) as listener:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            process = _spawn(directory, listener, region, persist, locks)
        record = {"url": url, "region": region, "pid": process.pid, "persist": persist and str(persist)}
        write_private(persistent / archive.RECORD, json.dumps(record))
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        for descriptor in locks:
            os.close(descriptor)
    return Child(directory, url, region, process)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, or replace it; no other user can open it in between."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _new_root_key() -> dict[str, str]:
    """Return an access key in AWS's form:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes"""
    identifier = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    return {"AWS_ACCESS_KEY_ID": f"AKIA{identifier}", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}


def _listener(port: int, *, is_saved: bool) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except BaseException as error:
        listener.close()
        if isinstance(error, OSError):
            raise LocalAwsError(
                f"port {port} is unavailable on this machine ({error.strerror}): "
                + (
                    "it is the saved emulator's, and part of the stacks' outputs; free it, or choose another with "
                    "--port and then `pulumi refresh` or `./sandbox local refresh` the stacks, and `up` them"
                    if is_saved
                    else "choose another with --port, or leave --port out for a free one"
                )
            ) from None
        if isinstance(error, OverflowError):
            raise LocalAwsError(f"--port {port}: a port is a number from 0 to 65535; use 0 for any free one") from None
        raise
    return listener


def _spawn(
    directory: Path, listener: socket.socket, region: str, persist: Path | None, locks: list[int]
) -> subprocess.Popen[str]:
    """Start the child. It inherits the socket, and the locks, which it holds as long as it lives."""
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
            pass_fds=[listener.fileno(), *locks],
            start_new_session=True,
        )


def wait_until_ready(emulator: Child) -> None:
    """Wait until the emulator reports that it serves.

    Raises LocalAwsError, with the end of its log, when it ends or has not reported within START_DEADLINE_SECONDS.
    """
    assert emulator.process.stdout is not None
    readable, _, _ = select.select([emulator.process.stdout], [], [], START_DEADLINE_SECONDS)
    if readable and emulator.process.stdout.readline() == "ready\n":
        return
    log = (emulator.directory / "emulator.log").read_text(errors="replace").strip()
    raise LocalAwsError(f"the emulator did not start; the end of its log: {json.dumps(log[-600:])}")


def _environment(directory: Path, port: int, region: str, is_persistent: bool) -> Mapping[str, str]:
    """Return the child's whole environment. This shell's own variables are left out, because functions inherit it."""
    (directory / "tmp").mkdir()
    persistence = {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / PERSISTENT / "aws"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / PERSISTENT / "s3"),
    }
    return {
        **(persistence if is_persistent else {}),
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "TMPDIR": str(directory / "tmp"),
        **{name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ},
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
        # Functions run as processes. The emulator's cleanup of stray containers must not reach the user's Docker.
        "LAMBDA_EXECUTOR": "local",
        "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
    }
