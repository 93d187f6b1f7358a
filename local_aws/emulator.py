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

from local_aws.errors import LocalAwsError

ACCOUNT = "111122223333"  # AWS's own example account, so that nobody mistakes it for theirs
ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""The account's root. The emulator checks every caller's signature but this one's."""

CLOCK_SCALE = 60
"""How many times faster than AWS's the stand-in's clock runs: an alarm's period of 60 s lasts 1 s."""

START_DEADLINE_SECONDS = 60
STOP_DEADLINE_SECONDS = 10
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Emulator:
    """A running emulator. Its state is in memory; `directory` holds its log, certificate and the function's files."""

    process: subprocess.Popen[str]
    directory: Path
    url: str
    region: str

    def environment(self) -> dict[str, str]:
        """What makes every AWS client, and the Pulumi CLI, speak to this emulator as the account's root."""
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

    def backend_url(self, bucket: str) -> str:
        """Pulumi's URL of a state bucket in this emulator."""
        return f"s3://{bucket}?region={self.region}&endpoint={self.url}&s3ForcePathStyle=true"

    def keep(self) -> None:
        """Let it outlive this process, until somebody stops it by its process id."""
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
def running(region: str, port: int = 0) -> Iterator[Emulator]:
    """An emulator for the length of a `with` block; stopped however the block ends, unless it was told to keep."""
    emulator = start(region, port)
    try:
        wait_until_ready(emulator)
        yield emulator
    finally:
        if emulator.process.stdin is not None and not emulator.process.stdin.closed:
            emulator.stop()


def start(region: str, port: int = 0) -> Emulator:
    """Start an emulator on a loopback port, 0 for a free one. It answers once `wait_until_ready` has returned.

    Raises LocalAwsError when the port cannot be had.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalAwsError(
                f"port {port} cannot be had on this machine ({error.strerror}): choose another with --port, "
                "or leave --port out for a free one"
            ) from None
        except OverflowError:
            raise LocalAwsError(f"--port {port}: a port is a number from 0 to 65535; 0 is any free one") from None
        listener.listen(128)
        port = listener.getsockname()[1]
        directory = Path(tempfile.mkdtemp(prefix="incident-sandbox-"))
        try:
            with (directory / "emulator.log").open("w") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "local_aws.server", str(listener.fileno()), str(directory)],
                    cwd=ROOT,
                    env=_environment(directory, port, region),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                )
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
    return Emulator(process, directory, f"https://127.0.0.1:{port}", region)


def wait_until_ready(emulator: Emulator) -> None:
    """Wait for the emulator to say that it serves.

    Raises LocalAwsError, with the end of its log, when it ends or stays silent for START_DEADLINE_SECONDS.
    """
    assert emulator.process.stdout is not None
    readable, _, _ = select.select([emulator.process.stdout], [], [], START_DEADLINE_SECONDS)
    if readable and emulator.process.stdout.readline() == "ready\n":
        return
    log = (emulator.directory / "emulator.log").read_text(errors="replace").strip()
    raise LocalAwsError(f"the emulator did not start; the end of its log: {json.dumps(log[-600:])}")


def _environment(directory: Path, port: int, region: str) -> Mapping[str, str]:
    """The child's whole environment: nothing of this shell's gets in, because functions inherit it."""
    (directory / "tmp").mkdir()
    return {
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
