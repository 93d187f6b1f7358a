"""The Pulumi CLI and the embedded engine have the same results."""

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

# Not compared: times; the position in the program, which the embedded engine does not record; ids that AWS generates.
UNCOMPARED = {"created", "modified", "sourcePosition", "stackTrace"}
GENERATED = {"uniqueId", "policyId"}


def test_both_engines_create_the_same_state_and_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rehearses the whole lifecycle on its own emulator; records, states and AWS are compared."""
    records, states, actual = [], [], []
    for engine in ("embedded", "pulumi"):
        checkout, record = copy_project(tmp_path / engine), tmp_path / f"{engine}.json"
        with emulator_of(checkout, "sandbox", "rehearse", "--engine", engine, "--keep", "--json", str(record)):
            load(monkeypatch, Shell(checkout).environment)
            state = [resource for stack in ("bootstrap", "app") for resource in resources(checkout, stack)]
            aws = Aws()
            states.append(comparable(state, aws))
            actual.append(comparable(in_aws(state, aws), aws))
            records.append(json.loads(record.read_text()))
            aws.close()

    assert [record["engine"]["name"] for record in records] == ["embedded", "pulumi"]
    assert outcomes(records[0]) == outcomes(records[1])
    assert states[0].keys() == states[1].keys()
    for urn in states[0]:
        assert (urn, states[0][urn]) == (urn, states[1][urn])
        assert (urn, actual[0].get(urn)) == (urn, actual[1].get(urn))


def resources(checkout: Path, stack: str) -> list[dict[str, Any]]:
    state = json.loads(Shell(checkout).pulumi("stack", "export", "--stack", stack))
    return list(state["deployment"]["resources"])


def in_aws(state: list[dict[str, Any]], aws: Aws) -> list[dict[str, Any]]:
    """Return the resources with the outputs that AWS has now."""
    provider = Provider(aws)
    return [
        {**resource, "outputs": provider.read(resource["type"], resource["id"], resource["outputs"])}
        for resource in state
        if resource["type"].startswith("aws:")
    ]


def outcomes(record: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return for each step whether it passed, the counts of changes, and the changed inputs by resource."""
    steps = []
    for step in record["steps"]:
        update = step.get("update", {})
        changed = sorted((change["urn"], change["operation"], change["changed"]) for change in update.get("steps", []))
        steps.append((step["name"], step["passed"], update.get("changes"), changed))
    return steps


def comparable(state: list[dict[str, Any]], aws: Aws) -> dict[str, Any]:
    """Return the resources by URN, with names instead of ids and without the emulator's port."""
    text = json.dumps([_plain(resource) for resource in state if resource["type"] != PROVIDER_TYPE])
    port = aws.endpoint.rpartition(":")[2]
    text = text.replace(f":{port}", ":PORT")
    for resource in state:
        if resource["custom"]:
            text = text.replace(resource["id"], f"id of {resource['urn'].split('::')[-1]}")
    return {resource["urn"]: resource for resource in json.loads(text)}


def _plain(resource: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in resource.items() if key not in UNCOMPARED and value not in ([], {})}
    plain["provider"] = resource.get("provider", "").rpartition("::")[0]  # without its id, which the engine generates
    plain["dependencies"] = sorted(resource.get("dependencies", []))
    plain["propertyDependencies"] = {
        name: sorted(urns) for name, urns in resource.get("propertyDependencies", {}).items() if urns
    }
    for key in ("inputs", "outputs"):
        plain[key] = {
            name: _archive(value) if name == "code" else value
            for name, value in resource.get(key, {}).items()
            if name not in GENERATED
        }
    return plain


def _archive(value: dict[str, Any]) -> dict[str, str]:
    """Return the files of an archive, without the signatures and hashes that the CLI adds."""
    return {name: asset["text"] for name, asset in value["assets"].items()}
