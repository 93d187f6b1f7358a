"""`./sandbox incident`: is one on in a stack? Whoever is about to change it should know."""

import argparse
from typing import Any

from ops import backend


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox incident",
        description="Tell whether an incident is on in a stack, by its state: whether its function is deployed with "
        "failMode true. Exit 0: none is on. 1: one is. 2: it could not be told.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    return parser


def main(argv: list[str]) -> int:
    stack = arguments().parse_args(argv).stack
    found = backend.current()
    resources = found.resources(stack)
    if not resources:
        print(f"stack {stack}: not deployed")
        return 0
    if not any(is_failing(resource) for resource in resources):
        print(f"stack {stack}: no incident is on")
        return 0
    last = found.last_update(stack)
    since = f", since {last['time']}: {last['message']}" if last else ""
    print(f"stack {stack}: an incident is on{since}")
    return 1


def is_failing(resource: dict[str, Any]) -> bool:
    """Whether a resource of a stack's state is a function that was deployed to fail.

    By what was done with the function and not by the stack's output failMode, which an interrupted update leaves as it
    was.
    """
    environment = (resource.get("inputs") or {}).get("environment") or {}
    return (environment.get("variables") or {}).get("FAIL_MODE") == "true"
