"""Recovery of a stack whose update was killed: resolve its pending operations by asking AWS, then refresh."""

import os
import shlex
import socket
from pathlib import Path

from ops.console import Console
from ops.errors import UsageError
from ops.stacks import pending_operations, urn
from ops.stacks.automation import Pulumi, as_usage_error
from ops.stacks.backend import Backend
from ops.stacks.events import Events
from ops.stacks.layout import Lock

MESSAGE = "./sandbox recover"
"""In the history of the refresh."""

UNREFRESHED = "its last update was interrupted, and it has not been refreshed since"
"""Noted in the state with a resource that a refresh has to bring up to date; a refresh removes it."""


def recover(pulumi: Pulumi, backend: Backend, stack: str, region: str, console: Console) -> None:
    """Make a stack's state what AWS has.

    Raises UsageError when another run holds the stack, or something has to be decided by a person.
    """
    if locks := backend.locks(stack):
        raise UsageError(
            f"stack {stack} is locked by {locks[0]}: wait for it to end, or, if it is gone, release its lock with "
            f"`pulumi cancel --stack {stack}`"
        )
    if not resolve(pulumi, stack, region, console):
        console.line(f"stack {stack}: nothing is pending")
        return
    events = Events(lambda step: console.line(f"  {step.op.value:8} {urn.subject(step.urn)}"))
    with as_usage_error(events):
        pulumi.stack(stack).refresh(message=MESSAGE, on_event=events)
    console.line(f"stack {stack}: recovered; its state is what AWS has")


def resolve(pulumi: Pulumi, stack: str, region: str, console: Console) -> bool:
    """Resolve a stack's pending operations and print each; return whether the stack needs a refresh.

    The state then names every resource there is, with what it should be; a refresh makes that what it is. It is also
    needed when an earlier run has resolved operations and was interrupted before its refresh was done.
    """
    state = pulumi.export_state(stack)
    deployment = state["deployment"]
    if not deployment.get("pending_operations"):
        resources = deployment.get("resources") or []
        return any(UNREFRESHED in resource.get("initErrors", []) for resource in resources)
    resolved = pending_operations.resolve(deployment, region)
    for operation in resolved:
        console.line(f"  {operation.sentence}")
    unrefreshed = {operation.urn for operation in resolved if operation.outcome in ("adopted", "refresh")}
    for resource in deployment["resources"]:
        if resource["urn"] in unrefreshed and not resource.get("delete"):
            resource["initErrors"] = [UNREFRESHED]
    pulumi.import_state(stack, state)
    return True


def release(pulumi: Pulumi, stack: str, locks: list[Lock]) -> None:
    """Release a stack's locks, whose runs, on this machine, are gone.

    Raises UsageError when one is not.
    """
    for lock in locks:
        if lock.hostname != socket.gethostname() or _is_alive(lock.pid):
            backend = pulumi.environment.get("PULUMI_BACKEND_URL")
            setting = f"PULUMI_BACKEND_URL={shlex.quote(backend)} " if backend else ""
            raise UsageError(
                f"stack {stack} is being updated by {lock}: wait for it to end, or, if it is gone, release its lock "
                f"with `{setting}pulumi cancel --stack {stack}`"
            )
    if locks:
        pulumi.cancel(stack)


def is_held_here(locks: list[Lock]) -> bool:
    """Whether a run on this machine is updating the stack."""
    return any(lock.hostname == socket.gethostname() and _is_alive(lock.pid) for lock in locks)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # Where the first process is no init, as in many containers, orphans that have ended stay as zombies.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
