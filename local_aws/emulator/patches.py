"""Replace functions of ministack, after a check that each still has the signature that its patch expects."""

import inspect
import re
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any, NamedTuple

from local_aws.errors import LocalAwsError
from ops.project import ROOT

Function = Callable[..., Any]


class Patch(NamedTuple):
    """One function of a module of ministack, or of a class, the names of the parameters that it has, separated by
    spaces, and the maker of its replacement, which gets the original."""

    module: ModuleType | type
    function: str
    parameters: str
    make_replacement: Callable[[Function], Function]


def install(*patches: Patch) -> None:
    """Replace the functions, all or none.

    Raises LocalAwsError when ministack has no such function, or one with other parameters.
    """
    originals = [_original(patch) for patch in patches]
    for patch, original in zip(patches, originals, strict=True):
        setattr(patch.module, patch.function, patch.make_replacement(original))


def pinned_version() -> str:
    """Return the version of ministack that requirements.txt pins."""
    pin = re.search(r"^ministack==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pin is not None
    return pin[1]


def _original(patch: Patch) -> Function:
    function: Function | None = getattr(patch.module, patch.function, None)
    expected = patch.parameters.replace(" ", ", ")
    if function is None:
        raise _error(patch, f"is missing, and its patch expects ({expected})")
    actual = ", ".join(inspect.signature(function).parameters)
    if actual != expected:
        raise _error(patch, f"takes ({actual}), and its patch expects ({expected})")
    return function


def _error(patch: Patch, difference: str) -> LocalAwsError:
    return LocalAwsError(
        f"{patch.module.__name__}.{patch.function} {difference}: ministack {version('ministack')} is installed, and "
        f"this project pins {pinned_version()}; install the pinned version, or adapt the patch to the new one"
    )
