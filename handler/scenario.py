"""The settings of the service, by its environment variables.

`SURFACES` is the one place in the project for what makes an incident: the program sets the variable, the handler reads
it, and the truth of an incident is derived from it. A surface is what an investigator can see of it.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Surface(NamedTuple):
    """A variable, the value with which the service is healthy, and the one with which every request fails."""

    variable: str
    healthy: str
    failing: str


SURFACES = {
    "named": Surface("FAIL_MODE", "false", "true"),
    "plain": Surface("PRICE_SOURCE", "catalog", "legacy"),
}


def is_failing(variables: Mapping[str, str]) -> bool:
    """Whether a service with these variables fails."""
    return any(variables.get(surface.variable) == surface.failing for surface in SURFACES.values())
