"""Patches of the emulator replace what they expect, and refuse anything else by name."""

from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

import pytest

from local_aws.emulator import patches
from local_aws.emulator.patches import Patch
from local_aws.errors import LocalAwsError


@pytest.fixture
def module() -> ModuleType:
    """A module with two functions, as one of ministack's."""

    def double(value: int) -> int:
        return 2 * value

    def negate(value: int, *, twice: bool = False) -> int:
        return value if twice else -value

    fake = ModuleType("ministack.services.fake")
    vars(fake).update(double=double, negate=negate)
    return fake


def plus_one(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: original(*arguments) + 1


def test_functions_are_replaced_by_what_is_made_from_the_originals(module: ModuleType) -> None:
    patches.install(Patch(module, "double", "value", plus_one), Patch(module, "negate", "value twice", plus_one))

    assert (module.double(3), module.negate(3)) == (7, -2)


@pytest.mark.parametrize(
    ("function", "parameters", "difference"),
    [
        ("negate", "value", "takes (value, twice), and its patch expects (value)"),
        ("negate", "number twice", "takes (value, twice), and its patch expects (number, twice)"),
        ("halve", "value scale", "is missing, and its patch expects (value, scale)"),
    ],
)
def test_a_function_that_does_not_fit_is_named_with_both_versions_and_nothing_is_replaced(
    function: str, parameters: str, difference: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "version", lambda distribution: f"99 of {distribution}")
    before = dict(vars(module))

    with pytest.raises(LocalAwsError) as error:
        patches.install(Patch(module, "double", "value", plus_one), Patch(module, function, parameters, plus_one))

    assert f"ministack.services.fake.{function} {difference}" in str(error.value)
    assert "ministack 99 of ministack is installed" in str(error.value)
    assert f"pins {patches.pinned_version()}" in str(error.value)
    assert vars(module) == before


def test_the_installed_ministack_is_the_pinned_one() -> None:
    assert patches.pinned_version() == version("ministack")
