"""The emulator that runs on after its verb: one per checkout, registered by the link `.local` to its directory."""

import contextlib
import json
import os
import shlex
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws.emulator import archive
from local_aws.emulator.process import PERSISTENT, Child, Emulator
from local_aws.errors import LocalAwsError
from ops import folder_locks
from ops.project import ROOT

LINK = ROOT / ".local"
STOP_DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class RunningEmulator:
    """The emulator of this checkout, its process id, and the folder that it is saved in when it stops, if any."""

    emulator: Emulator
    pid: int
    persist: str | None

    def stop(self) -> None:
        """Stop it, and return when it has ended; it saves itself first if it has a folder to persist in.

        Raises LocalAwsError when it could not be saved, or does not end within STOP_DEADLINE_SECONDS.
        """
        directory = self.emulator.directory
        with contextlib.suppress(ProcessLookupError):  # another stop has ended it already
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_DEADLINE_SECONDS
        while folder_locks.is_held(directory):
            if time.monotonic() > deadline:
                raise LocalAwsError(f"the emulator (pid {self.pid}) has not ended after {STOP_DEADLINE_SECONDS} s: "
                                    f"see {directory / 'emulator.log'}")  # fmt: skip
            time.sleep(0.02)
        if self.persist and directory.exists():
            data = directory / PERSISTENT
            raise LocalAwsError(
                f"the emulator is stopped and could not be saved in {self.persist}, which is unchanged: see "
                f"{directory / 'emulator.log'}; its data is in {data}, and "
                f"{shlex.join(['tar', '-cf', f'{self.persist}/{archive.ARCHIVE}', '-C', str(data), '.'])} "
                "saves it by hand"
            )


def find() -> RunningEmulator | None:
    """Return the running emulator of this checkout, or None."""
    directory = LINK.resolve()
    if not LINK.is_symlink() or not _is_private(directory) or not folder_locks.is_held(directory):
        return None
    path = directory / PERSISTENT / archive.RECORD
    try:
        record = json.loads(path.read_bytes())
        return RunningEmulator(Emulator(directory, record["url"], record["region"]), record["pid"], record["persist"])
    except FileNotFoundError:  # it is ending
        return None
    except (ValueError, KeyError, TypeError):
        raise LocalAwsError(
            f"{path} is not the record of an emulator: it is empty or cut off; end the process that `fuser` names for "
            f"{directory}, and remove {LINK}"
        ) from None


def _is_private(directory: Path) -> bool:
    """Return whether the directory is this user's alone: where the link's is gone, another user may make one."""
    try:
        status = directory.stat()
    except FileNotFoundError:
        return False
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def get() -> RunningEmulator:
    """Return the running emulator of this checkout.

    Raises LocalAwsError when none is running.
    """
    running = find()
    if running is None:
        raise LocalAwsError("no emulator of this checkout is running: start one with `./sandbox local start`, or "
                            "`./sandbox rehearse --keep` for one with the app deployed")  # fmt: skip
    return running


@contextlib.contextmanager
def reserved() -> Iterator[None]:
    """Reserve the checkout while an emulator for it starts: two that start at once would not see each other.

    Raises LocalAwsError when one is running already.
    """
    lock = folder_locks.hold(ROOT, wait=True)
    try:
        if LINK.exists() and not LINK.is_symlink():
            raise LocalAwsError(f"{LINK} exists, and the link to the running emulator needs that name: move it away")
        if (running := find()) is not None:
            raise LocalAwsError(
                f"an emulator of this checkout is running at {running.emulator.url}: use it (see `./sandbox local "
                "status`), or stop it with `./sandbox local stop`"
            )
        yield
    finally:
        os.close(lock)


def register(emulator: Child) -> None:
    """Register an emulator as the one of this checkout, and detach it from this process."""
    staged = LINK.with_name(f"{LINK.name}.new")
    staged.unlink(missing_ok=True)
    staged.symlink_to(emulator.directory)
    staged.replace(LINK)
    emulator.detach()
