"""Run the real program with the SDK's mocks and record what it registers."""

import asyncio
import contextvars
import runpy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks
from pulumi.runtime.stack import Stack, run_pulumi_func

ROOT = Path(__file__).resolve().parent.parent.parent

ACCOUNT = "123456789012"
REGION = "eu-west-1"


@dataclass
class Registered:
    """A resource as the program registered it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    depends_on: list[str]
    """Names of all its dependencies, explicit or through a value."""


@dataclass
class Recording:
    """The resources and outputs of a run of the program."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of_type(self, type: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type == type]

    def resource(self, type: str, name_part: str = "") -> Registered:
        """Return the only resource of this type and part of a name."""
        (resource,) = [resource for resource in self.of_type(type) if name_part in resource.name]
        return resource


class _Aws(mocks.Mocks):
    """Returns outputs as AWS would: a distinct id and ARN for each resource."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        physical = args.inputs.get("name") or args.inputs.get("bucket") or args.name
        outputs = {
            **args.inputs,
            "arn": f"arn:aws:mock:::{physical}",
            "keyId": f"{args.name}-key-id",
            "invokeArn": f"arn:aws:mock:::invoke/{physical}",
            "executionArn": f"arn:aws:execute-api:::{args.name}",
            "invokeUrl": f"https://{args.name}.example/",
        }
        return f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getPartition:getPartition": {"partition": "aws"},
            "aws:index/getRegion:getRegion": {"region": REGION},
        }[args.token], []


class _Monitor(mocks.MockMonitor):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_Aws())
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:
        if request.type != "pulumi:pulumi:Stack":
            self._recording.resources.append(
                Registered(
                    request.type,
                    request.name,
                    json_format.MessageToDict(request.object),
                    request.parent,
                    request.protect,
                    request.retainOnDelete,
                    request.deleteBeforeReplace,
                    [urn.split("::")[-1] for urn in request.dependencies],
                )
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def run(config: dict[str, str], stack: str = "app") -> Recording:
    """Run `__main__.py` anew with this configuration, whose keys are in the project's namespace."""
    recording = Recording()
    contextvars.Context().run(_run, config, stack, recording)
    return recording


def _run(config: dict[str, str], stack: str, recording: Recording) -> None:
    async def program() -> None:
        asyncio.get_running_loop().set_default_executor(executor)
        mocks.set_mocks(_Aws(), project="incident-sandbox", stack=stack, preview=False, monitor=_Monitor(recording))
        await run_pulumi_func(lambda: _discard(runpy.run_path(str(ROOT / "__main__.py"))))
        root = pulumi.runtime.get_root_resource()
        assert isinstance(root, Stack)
        recording.outputs = await pulumi.Output.all(**root.outputs).future() or {}

    pulumi.runtime.set_all_config({f"incident-sandbox:{key}": value for key, value in config.items()})
    # The SDK's mock monitor opens an event loop in each thread that calls it and never closes it. Use one thread.
    executor = ThreadPoolExecutor(1)
    executor.submit(asyncio.set_event_loop, loop := asyncio.new_event_loop()).result()
    try:
        asyncio.run(program())
    finally:
        loop.close()


def _discard(_: object) -> None:
    return None
