"""The types of pulumi_aws are checked wherever infra uses them: mypy reads no module of it that is not listed."""

import ast
import re
from pathlib import Path


def used(folder: Path) -> set[str]:
    """Return the attributes of pulumi_aws that the modules of a folder use."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in folder.rglob("*.py")]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "aws"
    }


def test_mypy_reads_every_module_of_pulumi_aws_that_infra_uses(root: Path) -> None:
    read = re.findall(r'^    "pulumi_aws\.(\w+)(?:\.\*)?",$', (root / "pyproject.toml").read_text(), re.MULTILINE)

    assert {name.removesuffix("_output") for name in used(root / "infra")} == set(read)
