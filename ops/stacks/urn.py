"""What a resource's URN says: urn:pulumi:STACK::PROJECT::PARENT_TYPES$TYPE::NAME.

https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
"""

from typing import NamedTuple

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:aws"


class Urn(NamedTuple):
    """A URN's parts; `qualified_type` has the types of the parents before the resource's own."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Urn":
        stack, project, qualified_type, name = text.split("::", 3)
        return cls(stack.removeprefix("urn:pulumi:"), project, qualified_type, name)

    @property
    def type(self) -> str:
        return self.qualified_type.split("$")[-1]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def is_in_aws(type: str) -> bool:
    """Whether AWS has resources of this type: components, stacks and providers are Pulumi's alone."""
    return type.startswith("aws:")


def type_of(urn: str) -> str:
    """The resource's own type."""
    return Urn.parse(urn).type


def name_of(urn: str) -> str:
    """The resource's name in the program."""
    return Urn.parse(urn).name


def subject(urn: str) -> str:
    """The resource for people: its type and its name."""
    parsed = Urn.parse(urn)
    return f"{parsed.type} {parsed.name}"
