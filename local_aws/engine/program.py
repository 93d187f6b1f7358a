"""Run the project's program in this process, as Pulumi's Python language host runs it in a process of its own."""

import asyncio
import contextvars
import logging
import runpy
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, resource_pb2

from local_aws.errors import LocalAwsError
from local_aws.provider.resource import Props
from local_aws.provider.wire import from_struct, return_field, to_struct
from ops.stacks.urn import STACK_TYPE, Urn

PARALLEL = 8
"""How many registrations run at once; each still waits for those that it depends on."""


class Deployment(Protocol):
    """What a program needs of a deployment. Called from several threads at once."""

    def register(self, urn: str, request: Any) -> tuple[str, Props]:
        """Deploy one resource; return its id ("" when it is not known yet) and its state."""
        ...

    def register_outputs(self, urn: str, outputs: Props) -> None: ...

    def invoke(self, token: str, args: Props) -> Props: ...

    def stop(self) -> None:
        """Start no further operations, and return when the running ones have ended."""
        ...


def run(
    main: Path, project: str, stack: str, config: Mapping[str, str], deployment: Deployment, *, preview: bool
) -> None:
    """Run the program against a deployment.

    Raises what the program raises: pulumi.RunError for a user's mistake.
    """
    raised: list[BaseException] = []

    def run_in_thread() -> None:
        try:
            # SDK settings are context variables: a fresh context for each run keeps the runs apart.
            contextvars.Context().run(_run, main, project, stack, config, deployment, preview)
        except BaseException as error:
            raised.append(error)

    # In a thread of its own, because an interrupt is raised in the main thread, and inside the SDK's event loop it
    # could leave the loop waiting forever. Here the program's thread is abandoned.
    thread = threading.Thread(target=run_in_thread, name="program", daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        deployment.stop()
        raise
    if raised:
        raise raised[0]


def _run(
    main: Path, project: str, stack: str, config: Mapping[str, str], deployment: Deployment, preview: bool
) -> None:
    async def in_stack() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(PARALLEL))
        await pulumi.runtime.run_in_stack(lambda: _ignore(runpy.run_path(str(main), run_name="__main__")))

    pulumi.runtime.set_all_config(dict(config))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=project,
            stack=stack,
            monitor=_Monitor(project, stack, deployment),
            engine=_Engine(),
            parallel=PARALLEL,
            dry_run=preview,
            organization="organization",
            root_directory=str(main.parent),
        )
    )
    # A failed program leaves futures that nobody awaits; like the language host, silence asyncio's errors about them.
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        asyncio.run(in_stack())
    finally:
        logger.setLevel(level)


def _ignore(_: object) -> None:
    return None


class _Monitor:
    """The part of Pulumi's resource monitor that the SDK calls for this project's program."""

    def __init__(self, project: str, stack: str, deployment: Deployment) -> None:
        self._project = project
        self._stack = stack
        self._deployment = deployment

    def GetDeploymentInfo(self, request: Any) -> Any:
        # Accept secrets, so that they arrive marked and can be refused, rather than be written in plain text.
        return resource_pb2.DeploymentInfo(supportedFeatures=[resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS])

    def RegisterResource(self, request: Any) -> Any:
        types = request.type
        if request.parent and (parent_types := Urn.parse(request.parent).qualified_type) != STACK_TYPE:
            types = f"{parent_types}${types}"
        urn = str(Urn(self._stack, self._project, types, request.name))
        id, state = self._deployment.register(urn, request)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id, object=to_struct(state))

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self._deployment.register_outputs(request.urn, from_struct(request.outputs))
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:
        result = self._deployment.invoke(request.tok, from_struct(request.args))
        return resource_pb2.ResourceInvokeResponse(**return_field(result))

    def SignalAndWaitForShutdown(self, request: Any) -> Any:
        return empty_pb2.Empty()

    def __getattr__(self, name: str) -> Any:
        def refuse(request: Any) -> Any:
            raise LocalAwsError(f"the program calls {name} of Pulumi's engine, which the embedded engine does not "
                                "have; run it with the Pulumi CLI")  # fmt: skip

        return refuse


class _Engine:
    """The engine service, which receives the program's log messages."""

    def Log(self, request: Any) -> Any:
        if request.severity >= engine_pb2.WARNING:
            logging.getLogger("pulumi").warning(request.message)
        return empty_pb2.Empty()
