"""The syntax of a policy document."""

import json
from typing import TypedDict

Condition = dict[str, dict[str, str | list[str]]]


class Statement(TypedDict, total=False):
    """One statement of a policy document."""

    Sid: str
    Effect: str
    Principal: str | dict[str, str | list[str]]
    Action: str | list[str]
    Resource: str | list[str]
    Condition: Condition


def document(*statements: Statement) -> str:
    """Return the JSON text of a policy with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
