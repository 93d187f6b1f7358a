"""The emulator that stays: one to a checkout, found again by the link `.local` to its directory."""

import contextlib
import json
import os
import shlex
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from local_aws.emulator import archive
from local_aws.emulator.process import KEPT, Child, Emulator
from local_aws.errors import LocalAwsError
from ops import folder_locks
from ops.project import ROOT

LINK = ROOT / ".local"
STOP_DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class RunningEmulator:
    """The emulator of this checkout: its process, and the folder that it is saved in when it is stopped, if any."""

    emulator: Emulator
    pid: int
    persist: str | None

    def stop(self) -> None:
        """Stop it, and return when it is gone, saved first if it is to be.

        Raises LocalAwsError when it could not be saved, or does not end.
        """
        directory = self.emulator.directory
        with contextlib.suppress(ProcessLookupError):  # another stop was there first
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_DEADLINE_SECONDS
        while folder_locks.is_held(directory):
            if time.monotonic() > deadline:
                raise LocalAwsError(f"the emulator (pid {self.pid}) has not ended after {STOP_DEADLINE_SECONDS} s: "
                                    f"see {directory / 'emulator.log'}")  # fmt: skip
            time.sleep(0.02)
        if self.persist and directory.exists():
            raise LocalAwsError(
                f"the emulator is stopped and could not be saved in {self.persist}, which is as it was: see "
                f"{directory / 'emulator.log'}; what it had is in {directory / KEPT}, and "
                f"{shlex.join(['tar', '-cf', f'{self.persist}/{archive.ARCHIVE}', '-C', str(directory / KEPT), '.'])} "
                "saves it by hand"
            )


def find() -> RunningEmulator | None:
    """The running emulator of this checkout, or None."""
    directory = LINK.resolve()
    if not LINK.is_symlink() or not folder_locks.is_held(directory):
        return None
    try:
        record = json.loads((directory / KEPT / archive.RECORD).read_text())
    except FileNotFoundError:  # it is just ending
        return None
    return RunningEmulator(Emulator(directory, record["url"], record["region"]), record["pid"], record["persist"])


def get() -> RunningEmulator:
    """The running emulator of this checkout.

    Raises LocalAwsError when there is none.
    """
    running = find()
    if running is None:
        raise LocalAwsError("no emulator of this checkout is running: start one with `./sandbox local start`, or "
                            "`./sandbox rehearse --keep` for one with the app deployed")  # fmt: skip
    return running


@contextlib.contextmanager
def reserved() -> Iterator[None]:
    """Reserve the checkout while an emulator is started that is to stay: two at once would not find each other.

    Raises LocalAwsError when there is one already.
    """
    lock = folder_locks.hold(ROOT, wait=True)
    try:
        if LINK.exists() and not LINK.is_symlink():
            raise LocalAwsError(f"{LINK} is in the way, where the link to the running emulator goes: move it away")
        if (running := find()) is not None:
            raise LocalAwsError(
                f"an emulator of this checkout is running at {running.emulator.url}: use it (see `./sandbox local "
                "status`), or stop it with `./sandbox local stop`"
            )
        yield
    finally:
        os.close(lock)


def register(emulator: Child) -> None:
    """Make an emulator the one of this checkout. It outlives this process from here on."""
    staged = LINK.with_name(f"{LINK.name}.new")
    staged.unlink(missing_ok=True)
    staged.symlink_to(emulator.directory)
    staged.replace(LINK)
    emulator.keep()
