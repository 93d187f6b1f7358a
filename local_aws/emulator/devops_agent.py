"""A stand-in for AWS DevOps Agent: `devops-agent` of botocore, signed as `aidevops`, at paths of its own.

Read and not tried against AWS: everything. Requests are checked by botocore's model, and responses are read by it; the
journal's records have the shapes that others published. What is guessed, agent_spaces.py says.

It investigates with evaluation's runbook, in a thread, with a role that may read what `observer` may. An agent space
needs no creation: any id is one, and the id says how the service behaves in it, alone or before a hyphen (`linked`,
`linked-2`). `agent_spaces.BEHAVIOURS` has the ids; any other behaves well.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator
from ministack import app
from ministack.core import iam_actions, router

from local_aws.emulator import agent_spaces, patches
from local_aws.emulator.agent_spaces import OPERATIONS, ServiceError
from local_aws.emulator.patches import Patch

SERVICE = "aidevops"


def install(directory: Path) -> None:
    """Add the service to the emulator. Call once per process, before iam.install, whose patches build on these.

    Raises LocalAwsError when a function of ministack has another signature than its patch expects.
    """
    patches.install(
        Patch(iam_actions, "extract_iam_action", "service method path headers body query_params", _naming_actions),
        Patch(
            iam_actions,
            "extract_resource_arn",
            "service method path headers body query_params region account_id",
            _naming_spaces,
        ),
        Patch(app, "_reset_all_state", "", _resetting),
    )
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    router.SERVICE_PATTERNS[SERVICE] = {"host_patterns": [], "path_patterns": []}
    app.SERVICE_HANDLERS[SERVICE] = functools.partial(_handle, directory)


def _naming_actions(extract: Callable[..., Any]) -> Callable[..., Any]:
    def extract_action(service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        if service != SERVICE:
            return extract(service, method, path, headers, body, query_params)
        call = _find(method, path)
        return f"{SERVICE}:{call.operation.name if call else 'Unknown'}"

    return extract_action


def _naming_spaces(extract: Callable[..., Any]) -> Callable[..., Any]:
    """An agent space by its ARN, for all actions but GetAccountUsage: SAR, list_awsdevopsagentservice."""

    def extract_arn(service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any, region: str,
                    account_id: str) -> Any:  # fmt: skip
        if service != SERVICE:
            return extract(service, method, path, headers, body, query_params, region, account_id)
        call = _find(method, path)
        space = call.labels.get("agentSpaceId") if call else None
        return f"arn:aws:{SERVICE}:{region}:{account_id}:agentspace/{space}" if space else "*"

    return extract_arn


def _resetting(reset: Callable[..., Any]) -> Callable[..., Any]:
    def reset_all() -> None:
        agent_spaces.reset()
        reset()

    return reset_all


class _Call(NamedTuple):
    operation: OperationModel
    labels: dict[str, str]


@functools.cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("devops-agent", "service-2"), "devops-agent")


@functools.cache
def _routes() -> list[tuple[str, re.Pattern[str], OperationModel]]:
    operations = [_model().operation_model(name) for name in OPERATIONS]
    return [
        (operation.http["method"], re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", operation.http["requestUri"])),
         operation)
        for operation in operations
    ]  # fmt: skip


def _find(method: str, path: str) -> _Call | None:
    for verb, pattern, operation in _routes():
        if verb == method and (match := pattern.fullmatch(path)):
            return _Call(operation, {name: unquote(value) for name, value in match.groupdict().items()})
    return None


async def _handle(
    directory: Path, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any
) -> tuple[int, dict[str, str], bytes]:
    call = _find(method, path)
    try:
        if call is None:
            raise ServiceError("ResourceNotFoundException", f"{method} {path} is no operation of this stand-in")
        parameters = {**(json.loads(body) if body else {}), **call.labels}
        known = call.operation.input_shape
        assert known is not None  # each operation has parameters, or an empty structure
        error = ParamValidator().validate(parameters, known)
        if error.has_errors():
            raise ServiceError("ValidationException", error.generate_report().replace("\n", "; "))
        with agent_spaces.lock:
            agent_spaces.misbehave(call.operation.name, parameters.get("agentSpaceId", ""))
            response = OPERATIONS[call.operation.name](parameters)
            written = _written(response)  # before a thread goes on with the task
        if call.operation.name == "CreateBacklogTask":
            from local_aws.emulator import investigation  # its imports are half of the emulator's start

            investigation.start(
                agent_spaces.tasks[response["task"]["taskId"]], directory, app.extract_region(dict(headers))
            )
        return call.operation.http["responseCode"], {"Content-Type": "application/json"}, written
    except (ServiceError, ValueError) as error:
        name, message = error.args if isinstance(error, ServiceError) else ("ValidationException", "not JSON")
        shape = _model().shape_for(name)
        status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
        reply = {"Content-Type": "application/json", "x-amzn-errortype": name}
        return status, reply, json.dumps({"message": message}).encode()


def _written(response: dict[str, Any]) -> bytes:
    """Backlog times are ISO 8601 in the model, and the journal's are epoch seconds."""

    def task_times(value: Any) -> Any:
        times = {name: datetime.fromtimestamp(value[name], timezone.utc).isoformat()
                 for name in ("createdAt", "updatedAt")}  # fmt: skip
        return {**value, **times}

    if "task" in response:
        response = {**response, "task": task_times(response["task"])}
    if "tasks" in response:
        response = {**response, "tasks": [task_times(task) for task in response["tasks"]]}
    return json.dumps(response).encode()
