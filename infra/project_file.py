"""Pulumi.yaml and the stack files, read as Pulumi reads them.

Pulumi's reader is gopkg.in/yaml.v3: YAML 1.2's booleans (`yes` is a text), no key twice, UTF-8 or UTF-16.
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/workspace/loaders.go
"""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.resolver import VersionedResolver

from infra.errors import ProjectFileError


class _Constructor(SafeConstructor):
    """Makes values of YAML's texts; a number with a leading 0 is octal to Pulumi's reader."""

    def construct_yaml_int(self, node: Any) -> int:
        text = self.construct_scalar(node).replace("_", "")
        return int(text, 8) if re.fullmatch(r"[-+]?0[0-7]+", text) else super().construct_yaml_int(node)


class _Resolver(VersionedResolver):
    """Tells types of YAML's texts by YAML 1.2, whatever a %YAML directive says."""

    processing_version = (1, 2)


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)


def read(path: Path) -> dict[str, Any]:
    """Return a file's mapping, empty where the file is.

    Raises ProjectFileError when it cannot be read, or is no mapping.
    """
    try:
        content = path.read_bytes()
        if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            content.decode("utf-8")
        reader = YAML(typ="safe", pure=True)
        reader.Constructor = _Constructor
        reader.Resolver = _Resolver
        value = reader.load(content)
    except OSError as error:
        raise ProjectFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ProjectFileError(
            f"{path} is not in UTF-8 (line {line}), which Pulumi reads alone: save it in UTF-8"
        ) from None
    except MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ProjectFileError(f"{path} is not YAML that Pulumi reads: {where}{_one_line(error.problem)}") from None
    except (YAMLError, RecursionError, ValueError, TypeError) as error:
        raise ProjectFileError(f"{path} is not YAML that Pulumi reads: {_one_line(error)}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProjectFileError(f"{path} is a YAML {type(value).__name__}: it must be a mapping, as `pulumi new` makes")
    return value


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())
