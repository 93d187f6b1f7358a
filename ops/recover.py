"""`./sandbox recover`: settles what a killed update left open, so that the next one neither fails nor makes anything
twice."""

import argparse

from ops import automation, backend, pending, project
from ops.automation import Events, Pulumi
from ops.errors import UsageError
from ops.report import Report

UNREFRESHED = "settled by ./sandbox, and not refreshed since"
"""An init error. It stays with its resource until a refresh has read that, through a run that is killed before its
refresh: `pulumi stack import` keeps init errors, and no pending operations."""

MESSAGE = "./sandbox recover"  # in the history of the refresh


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox recover",
        description="After an update was killed: find out in AWS what became of the operations that were under way, "
        "and make the stack's state say so. Let go of the killed run's lock first, with `pulumi cancel`.",
    )
    parser.add_argument("--stack", default="app", help="the stack (app)")
    return parser


def main(argv: list[str]) -> int:
    stack = arguments().parse_args(argv).stack
    found = backend.current()
    if found.resources(stack) is None:
        raise found.has_not(stack)
    for lock in found.locks(stack):
        raise UsageError(
            f"stack {stack} is locked by {lock}: if that run is gone, `pulumi cancel --stack {stack}` first"
        )
    folder = project.folder()
    pulumi = Pulumi(automation.cli(), folder, {})
    lines = Report()
    if not settle(pulumi, stack, project.region(folder, stack), lines):
        lines.line(f"stack {stack}: nothing is pending")
        return 0
    events = Events()
    with automation.told(events):
        pulumi.stack(stack).refresh(message=MESSAGE, on_event=events)
    lines.line(f"stack {stack}: recovered; its state is what AWS has")
    return 0


def settle(pulumi: Pulumi, stack: str, region: str, lines: Report) -> bool:
    """Settle a stack's pending operations, telling each; return whether the stack has to be refreshed.

    The state then names every resource there is, with what it should be: a refresh makes that what it is. It has to be,
    too, when a run before this one has settled operations and was interrupted before its refresh was done.
    """
    state = pulumi.export_state(stack)
    deployment = state["deployment"]
    if not deployment.get("pending_operations"):
        return any(UNREFRESHED in one.get("initErrors", []) for one in deployment.get("resources") or [])
    settled = pending.settle(deployment, region)
    for one in settled:
        lines.line(f"  {one.sentence}")
    urns = {one.urn for one in settled if one.outcome in ("adopted", "left")}
    for resource in deployment["resources"]:
        if resource["urn"] in urns and not resource.get("delete"):
            resource["initErrors"] = [UNREFRESHED]
    pulumi.import_state(stack, state)
    return True
