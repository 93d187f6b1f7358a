"""The provider as a plugin of the Pulumi CLI, over gRPC.

`pulumi-resource-aws` on PATH runs it. Pulumi calls that an ambient plugin: the CLI uses it in place of the real
provider, with no change to the project. It refuses every endpoint that is not on this machine.

It implements Pulumi's protocol itself, because the property values of `pulumi.provider.experimental` cannot represent
an archive without its contents, which is how the engine sends a state's archives to a provider.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from local_aws.errors import LocalAwsError
from local_aws.provider.core import Provider
from local_aws.provider.resource import Aws
from local_aws.provider.wire import from_struct, return_field, to_struct
from ops.stacks import urn

MAX_MESSAGE_BYTES = 1 << 28


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Translate between Pulumi's protocol and the provider."""

    _provider: Provider

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._provider = Provider(Aws(from_struct(request.args).get("region")))
        # Without acceptSecrets the engine sends plain values, and tracks itself which are secret.
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        result = self._provider.invoke(request.tok, from_struct(request.args))
        return provider_pb2.InvokeResponse(**return_field(result))

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = self._provider.check(urn.type_of(request.urn), from_struct(request.news))
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        diff = self._provider.diff(urn.type_of(request.urn), from_struct(request.olds), from_struct(request.news))
        difference = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if diff.changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=sorted(diff.replaces),
            diffs=sorted(diff.changed),
            hasDetailedDiff=True,
            detailedDiff={
                key: difference(
                    kind=difference.UPDATE_REPLACE if key in diff.replaces else difference.UPDATE, inputDiff=True
                )
                for key in diff.changed
            },
            # The program names every resource, so the old and the new cannot exist at once.
            deleteBeforeReplace=bool(diff.replaces),
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        new = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        id, state = self._provider.create(urn.type_of(request.urn), new)
        return provider_pb2.CreateResponse(id=id, properties=to_struct(state))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        state = self._provider.read(urn.type_of(request.urn), request.id, from_struct(request.properties))
        if state is None:
            return provider_pb2.ReadResponse()
        inputs = {key: state[key] for key in from_struct(request.inputs) if key in state}
        return provider_pb2.ReadResponse(id=request.id, properties=to_struct(state), inputs=to_struct(inputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        old, new = from_struct(request.olds), from_struct(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct({**old, **new}))
        state = self._provider.update(urn.type_of(request.urn), request.id, old, new)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._provider.delete(urn.type_of(request.urn), request.id, from_struct(request.properties))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()


class _Errors(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Send the engine an error's message; without this it would get a line of the traceback."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _with_messages(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


def _with_messages(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def respond(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request, context)
        except LocalAwsError as error:
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    return respond


def main() -> None:
    """Serve on a free loopback port and print its number, as the engine expects of a plugin."""
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=16),
        interceptors=[_Errors()],
        options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def _watch_parent(parent: int) -> None:
    """End with the engine: it stops its plugins, except when it is killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)
