"""The archive that `--persist FOLDER` saves for the next emulator. It is replaced as a whole when an emulator stops.

A killed emulator leaves the archive unchanged. So the folder always has AWS's resources, Pulumi's state and the stack
files of the same moment.
"""

import errno
import json
import os
import tarfile
import time
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from local_aws.emulator import workspace
from local_aws.errors import LocalAwsError
from ops import folder_locks

ARCHIVE = "emulator.tar"
STAGED = f".{ARCHIVE}"
ATTEMPTS = 5
PAUSE_SECONDS = 0.2
RECORD = "emulator.json"
"""A file in the archive: the emulator's `url` and `region`, the `pid` of its process, and its `persist` folder."""


def lock(folder: Path) -> int:
    """Lock the folder for one emulator, and create it if it is missing; return the lock's descriptor.

    Raises LocalAwsError when another emulator has locked it, when it is not writable, or when it has other files.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise LocalAwsError(f"--persist {folder}: you may not write to it; name a folder that you may write to")
        names = {path.name for path in folder.iterdir()} - {STAGED}
        if names and ARCHIVE not in names:
            raise LocalAwsError(
                f"--persist {folder}: has {min(names)}, which no emulator saved; name an empty folder, or that of an "
                "earlier emulator"
            )
        return folder_locks.hold(folder)
    except BlockingIOError:
        raise LocalAwsError(
            f"--persist {folder}: another emulator uses it; stop that one, or name another folder"
        ) from None
    except OSError as error:
        raise LocalAwsError(f"--persist {folder}: cannot be used ({error.strerror}); name another folder") from None


def restore(folder: Path, target: Path, region: str) -> int:
    """Unpack the last emulator's archive into `target`; return that emulator's port, or 0 when there is no archive.

    Raises LocalAwsError when the archive cannot be read, is of another region, or has a member that no emulator saved;
    then nothing is unpacked.
    """
    archive = folder / ARCHIVE
    if not archive.exists():
        return 0
    try:
        _unpack(archive, target)
        record = json.loads((target / RECORD).read_text())
        port, saved_region = urlsplit(record["url"]).port or 0, record["region"]
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise LocalAwsError(f"{archive} cannot be read ({error}): remove it, or name another folder") from None
    if saved_region != region:
        raise LocalAwsError(
            f"--persist {folder}: was saved in {saved_region}, and Pulumi.app.yaml has {region}; name another "
            f"folder, or set aws:region to {saved_region}"
        )
    return port


def _unpack(archive: Path, target: Path) -> None:
    """Unpack an archive, which may be anybody's: only folders and files, and only below `target`."""
    with tarfile.open(archive, "r:") as opened:
        # https://docs.python.org/3.12/library/tarfile.html#tarfile-extraction-filter: without it, before Python 3.10.12
        # and 3.11.4, the check below is the only one.
        opened.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        members = [member for member in opened.getmembers() if not _is_workspace_link(member)]
        for member in members:
            if rule := _broken_rule(member):
                raise LocalAwsError(
                    f"{archive}: its member {member.name!r} {rule}, and an emulator saves only folders and files of "
                    "its own; nothing is unpacked; remove the archive, or name another folder"
                )
        opened.extractall(target, members)


def _is_workspace_link(member: tarfile.TarInfo) -> bool:
    """Return whether it is a link that an archive packed by hand has; it is created again, and never unpacked."""
    path = PurePosixPath(member.name)
    return member.issym() and path.parent == PurePosixPath("workspace") and path.name in workspace.LINKED


def _broken_rule(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "leads out of the folder"
    return "" if member.isdir() or member.isreg() else "is a link or a device"


def save(source: Path, folder: Path) -> None:
    """Replace the archive. Links are left out: they lead into the checkout, and workspace.py creates them again.

    Again, where a file was replaced or cut while it was read: a function that was under way may end as late.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _save(source, folder)
            break
        except OSError as error:
            was_changed = error.errno in (errno.ENOENT, None)  # tarfile's own errors have no number
            if not was_changed or attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_SECONDS)


def _save(source: Path, folder: Path) -> None:
    staged = folder / STAGED
    staged.unlink(missing_ok=True)  # another's link, or a killed emulator's file that others can read
    try:
        with (
            open(os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file,
            tarfile.open(fileobj=file, mode="w") as archive,
        ):
            archive.add(source, ".", filter=lambda member: None if member.issym() else member)
        with staged.open("rb") as written:
            os.fsync(written.fileno())
        staged.replace(folder / ARCHIVE)
    except BaseException:
        staged.unlink(missing_ok=True)  # on a full disk it would leave no space for another try
        raise
