"""The child process: serves the emulator, with the patches, until its parent ends or says otherwise.

`python -m local_aws.emulator.server FD DIRECTORY [PERSIST]`, where FD is a socket that already listens. Prints `ready`
once it serves. Ends, with every process it started and its directory, when standard input closes or on SIGTERM; on
SIGTERM it saves what there is into the folder PERSIST first. A line `keep` on standard input makes it stay when the
input closes.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from local_aws.emulator import archive
from local_aws.emulator.process import KEPT

SHUTDOWN_SECONDS = 1.0
"""How long requests under way may take when it is stopped."""


def main(fd: int, directory: Path, persist: Path | None = None) -> None:
    # Functions inherit the environment, and their bytecode is worth nothing to the next emulator.
    os.environ.pop("PYTHONPYCACHEPREFIX", None)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    signal.signal(signal.SIGTERM, lambda *_: _end(directory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_watch_parent, args=(directory,), daemon=True).start()
    certificate, key = _write_certificate(directory)

    from ministack import app as emulator  # reads its settings when imported, so not before there is a certificate
    from ministack.core import lambda_runtime

    from local_aws.emulator import iam, telemetry

    telemetry.install()
    iam.install(directory)
    config = Config()
    config.bind = [f"fd://{fd}"]
    config.certfile, config.keyfile = str(certificate), str(key)
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    config.graceful_timeout = SHUTDOWN_SECONDS

    async def run() -> None:
        stopping = asyncio.Event()
        if persist is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        # Without a trigger of its own hypercorn would take SIGTERM for itself.
        serving = asyncio.create_task(serve(_announcing(emulator.app), config, shutdown_trigger=stopping.wait))
        alarms = asyncio.create_task(telemetry.evaluate_alarms_forever())

        async def end_functions() -> None:
            """The emulator ends when its requests have, and does not let go of one whose function is under way."""
            await stopping.wait()
            await asyncio.sleep(SHUTDOWN_SECONDS)
            await asyncio.to_thread(lambda_runtime.reset)

        functions = asyncio.create_task(end_functions())
        ended, _ = await asyncio.wait({serving, alarms}, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
        alarms.cancel()
        functions.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())  # and not asyncio.run: that waits for every function that is under way
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second stop must not end the save that the first began
    assert persist is not None
    try:
        archive.save(directory / KEPT, persist)
    except BaseException:  # the directory stays, and `local stop` says so
        traceback.print_exc()
        os.killpg(0, signal.SIGKILL)
    _end(directory)


def _announcing(app: Any) -> Any:
    """The app, saying `ready` on standard output once it has started up."""

    async def announcing(scope: Any, receive: Any, send: Any) -> None:
        async def announce(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                print("ready", flush=True)

        await app(scope, receive, announce if scope["type"] == "lifespan" else send)

    return announcing


def _write_certificate(directory: Path) -> tuple[Path, Path]:
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate, key = directory / "server.pem", directory / "server.key"
    server.private_key_pem.write_to_path(str(key))
    for part in server.cert_chain_pems:
        part.write_to_path(str(certificate), append=True)
    return certificate, key


def _watch_parent(directory: Path) -> None:
    if sys.stdin.readline() != "keep\n":
        _end(directory)


def _end(directory: Path) -> NoReturn:
    """State is in memory, so there is nothing to shut down in order: take the whole process group away."""
    shutil.rmtree(directory, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))
