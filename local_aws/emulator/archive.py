"""What `--persist FOLDER` keeps from one emulator to the next: one archive, replaced as a whole when one is stopped.

An emulator that is killed leaves the archive as it was. So the folder always holds AWS, Pulumi's state and the stack
files of one and the same moment.
"""

import json
import os
import shutil
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from local_aws.errors import LocalAwsError
from ops import folder_locks

ARCHIVE = "emulator.tar"
STAGED = f".{ARCHIVE}"
RECORD = "emulator.json"
"""In what is kept: the emulator's `url` and `region`, the `pid` of its process, and the folder it persists in."""


def hold(folder: Path) -> int:
    """Hold the folder, made where it is not there yet, for one emulator alone; return the lock's descriptor.

    Raises LocalAwsError when another emulator has it, or it is not one to write to, or holds something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise LocalAwsError(f"--persist {folder}: is not yours to write to; name a folder that is")
        names = {path.name for path in folder.iterdir()} - {STAGED}
        if names and ARCHIVE not in names:
            raise LocalAwsError(
                f"--persist {folder}: holds {min(names)}, which is no emulator's; name an empty folder, or that of an "
                "earlier emulator"
            )
        return folder_locks.hold(folder)
    except BlockingIOError:
        raise LocalAwsError(
            f"--persist {folder}: another emulator is running on it; stop that one, or name another folder"
        ) from None
    except OSError as error:
        raise LocalAwsError(
            f"--persist {folder}: cannot be used ({error.strerror}); name a folder that is yours"
        ) from None


def restore(folder: Path, kept: Path, region: str) -> int:
    """Put what the last emulator kept into `kept`; return the port that it had, 0 when there was none.

    Raises LocalAwsError when that cannot be read, or was in another region.
    """
    archive = folder / ARCHIVE
    if not archive.exists():
        return 0
    try:
        shutil.unpack_archive(archive, kept)
        record = json.loads((kept / RECORD).read_text())
        port, saved_region = urlsplit(record["url"]).port or 0, record["region"]
    except (OSError, shutil.ReadError, tarfile.TarError, ValueError, KeyError) as error:
        raise LocalAwsError(f"{archive} cannot be read ({error}): remove it, or name another folder") from None
    if saved_region != region:
        raise LocalAwsError(
            f"--persist {folder}: has an emulator of {saved_region}, and Pulumi.app.yaml says {region}; name another "
            f"folder, or set aws:region to {saved_region}"
        )
    return port


def save(kept: Path, folder: Path) -> None:
    """Replace what the folder holds. Links are left out: they lead into the checkout, and are made anew."""
    staged = folder / STAGED
    try:
        with tarfile.open(staged, "w") as archive:
            archive.add(kept, ".", filter=lambda member: None if member.issym() else member)
        with staged.open("rb") as written:
            os.fsync(written.fileno())
        staged.replace(folder / ARCHIVE)
    except BaseException:
        staged.unlink(missing_ok=True)  # on a full disk it would be in the way of a second try
        raise
