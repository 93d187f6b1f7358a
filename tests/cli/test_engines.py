"""Two engines, one truth."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.provider.core import Provider
from local_aws.provider.resource import Aws
from ops.stacks.urn import PROVIDER_TYPE
from tests.cli.conftest import Shell, emulator_of
from tests.local.conftest import load
from tests.support.checkouts import copy_project

# What is not compared: times, where in the program a resource is declared, which the embedded engine does not note,
# and what AWS makes up for each resource anew.
UNCOMPARED = {"created", "modified", "sourcePosition", "stackTrace"}
MADE_UP = {"uniqueId", "policyId"}


def test_both_engines_make_the_same_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rehearses the whole lifecycle on an emulator of its own: the records, the states and AWS are compared."""
    records, states, found = [], [], []
    for engine in ("embedded", "pulumi"):
        checkout, record = copy_project(tmp_path / engine), tmp_path / f"{engine}.json"
        with emulator_of(checkout, "rehearse", "--engine", engine, "--keep", "--json", str(record)):
            load(monkeypatch, Shell(checkout).environment)
            state = [resource for stack in ("bootstrap", "app") for resource in resources(checkout, stack)]
            aws = Aws()
            states.append(comparable(state, aws))
            found.append(comparable(in_aws(state, aws), aws))
            records.append(json.loads(record.read_text()))
            aws.close()

    assert [record["engine"]["name"] for record in records] == ["embedded", "pulumi"]
    assert outcomes(records[0]) == outcomes(records[1])
    assert states[0].keys() == states[1].keys()
    for urn in states[0]:
        assert (urn, states[0][urn]) == (urn, states[1][urn])
        assert (urn, found[0].get(urn)) == (urn, found[1].get(urn))


def resources(checkout: Path, stack: str) -> list[dict[str, Any]]:
    state = json.loads(Shell(checkout).pulumi("stack", "export", "--stack", stack))
    return list(state["deployment"]["resources"])


def in_aws(state: list[dict[str, Any]], aws: Aws) -> list[dict[str, Any]]:
    """The resources with what AWS itself answers for their outputs."""
    provider = Provider(aws)
    return [
        {**one, "outputs": provider.read(one["type"], one["id"], one["outputs"])}
        for one in state
        if one["type"].startswith("aws:")
    ]


def outcomes(record: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Each step: did it hold, what it changed in how many, and which inputs of which."""
    found = []
    for step in record["steps"]:
        update = step.get("update", {})
        changed = sorted((one["urn"], one["operation"], one["changed"]) for one in update.get("steps", []))
        found.append((step["name"], step["passed"], update.get("changes"), changed))
    return found


def comparable(state: list[dict[str, Any]], aws: Aws) -> dict[str, Any]:
    """The resources by their URNs, with names in place of the ids and the address that are this emulator's own."""
    text = json.dumps([_plain(one) for one in state if one["type"] != PROVIDER_TYPE])
    port = aws.endpoint.rpartition(":")[2]
    text = text.replace(f":{port}", ":PORT")
    for one in state:
        if one["custom"]:
            text = text.replace(one["id"], f"id of {one['urn'].split('::')[-1]}")
    return {one["urn"]: one for one in json.loads(text)}


def _plain(resource: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in resource.items() if key not in UNCOMPARED and value not in ([], {})}
    plain["provider"] = resource.get("provider", "").rpartition("::")[0]  # without its id, which the engine makes up
    plain["dependencies"] = sorted(resource.get("dependencies", []))
    plain["propertyDependencies"] = {
        name: sorted(urns) for name, urns in resource.get("propertyDependencies", {}).items() if urns
    }
    for key in ("inputs", "outputs"):
        plain[key] = {
            name: _archive(value) if name == "code" else value
            for name, value in resource.get(key, {}).items()
            if name not in MADE_UP
        }
    return plain


def _archive(value: dict[str, Any]) -> dict[str, str]:
    """The files of an archive; the CLI's states mark archives and assets as such, with hashes."""
    return {name: asset["text"] for name, asset in value["assets"].items()}
