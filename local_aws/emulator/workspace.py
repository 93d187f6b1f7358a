"""A folder that is the project to Pulumi, but for its stack files: what a local run writes into those stays there."""

import shutil
from pathlib import Path

from ops.project import ROOT

LINKED = ("Pulumi.yaml", "__main__.py", "infra", "handler", ".venv")


def make(folder: Path) -> None:
    """Link the program into the folder, and copy the stack files that it has not got."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        (folder / name).unlink(missing_ok=True)  # as in an archive that was made by hand
        (folder / name).symlink_to(ROOT / name)
    for stack_file in ROOT.glob("Pulumi.*.yaml"):
        if not (folder / stack_file.name).exists():
            shutil.copyfile(stack_file, folder / stack_file.name)
