"""The child process: serves the emulator, with the patches, until its parent ends or detaches it.

`python -m local_aws.emulator.server FD DIRECTORY [PERSIST]`, where FD is a socket that already listens. Prints `ready`
once it serves. Ends when standard input closes or on SIGTERM, stops every process that it started, and deletes its
directory; on SIGTERM it saves itself into the folder PERSIST first. After a line `detach` on standard input it does not
end when the input closes.
"""

import asyncio
import json
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
from local_aws.emulator.process import PERSISTENT, ROOT_KEY

SHUTDOWN_SECONDS = 1.0
"""How long running requests may take when the emulator is stopped."""
DELETIONS = 20


def main(fd: int, directory: Path, persist: Path | None = None) -> None:
    # Functions inherit the environment, and the next emulator cannot use their bytecode.
    os.environ.pop("PYTHONPYCACHEPREFIX", None)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.umask(0o077)  # the certificate's key, the archive and the functions' files are the owner's alone
    signal.signal(signal.SIGTERM, lambda *_: _end(directory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_watch_parent, args=(directory,), daemon=True).start()
    certificate, key = _write_certificate(directory)

    from ministack import app as emulator  # reads its settings, and the certificate, when imported
    from ministack.core import lambda_runtime

    from local_aws.emulator import clock, cloudtrail, devops_agent, door, environments, iam, telemetry

    clock.install(directory)
    environments.install()
    telemetry.install()
    devops_agent.install(directory)
    iam.install(directory)
    cloudtrail.install()
    app = door.install(emulator.app, json.loads((directory / ROOT_KEY).read_text()))
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
        # Without a shutdown trigger hypercorn would handle SIGTERM itself.
        serving = asyncio.create_task(serve(_with_ready_line(app), config, shutdown_trigger=stopping.wait))
        alarms = asyncio.create_task(telemetry.evaluate_alarms_forever())

        async def end_functions() -> None:
            """End running functions: the emulator waits for its requests, and a request for its function."""
            await stopping.wait()
            await asyncio.sleep(SHUTDOWN_SECONDS)
            await asyncio.to_thread(lambda_runtime.reset)

        ending = asyncio.create_task(end_functions())
        done, _ = await asyncio.wait({serving, alarms}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        alarms.cancel()
        ending.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())  # not asyncio.run, which waits for every running function
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second stop must not interrupt the save
    assert persist is not None
    try:
        archive.save(directory / PERSISTENT, persist)
    except BaseException:  # the directory stays, and `local stop` reports it
        traceback.print_exc()
        os.killpg(0, signal.SIGKILL)
    _end(directory)


def _with_ready_line(app: Any) -> Any:
    """Return the app, extended to print `ready` on standard output once it has started up."""

    async def run_app(scope: Any, receive: Any, send: Any) -> None:
        async def announce(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                print("ready", flush=True)

        await app(scope, receive, announce if scope["type"] == "lifespan" else send)

    return run_app


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
    if sys.stdin.readline() != "detach\n":
        _end(directory)


def _end(directory: Path) -> NoReturn:
    """Kill the whole process group. State is in memory, so no orderly shutdown is needed."""
    for _ in range(DELETIONS):  # a function that begins just now writes into it
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            break
    os.killpg(0, signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))
