"""The project as Pulumi runs it locally: links to the program, and copies of the stack files, which runs change."""

import shutil
from pathlib import Path

from ops.project import ROOT

LINKED = ("Pulumi.yaml", "__main__.py", "infra", "handler", ".venv")


def create(folder: Path) -> None:
    """Link the program into the folder, and copy the stack files that it does not have."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        (folder / name).unlink(missing_ok=True)  # an archive that was packed by hand has links
        (folder / name).symlink_to(ROOT / name)
    for stack_file in ROOT.glob("Pulumi.*.yaml"):
        if not (folder / stack_file.name).exists():
            shutil.copyfile(stack_file, folder / stack_file.name)
