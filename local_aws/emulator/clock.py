"""The emulator's clock: what AWS measures in minutes lasts seconds here.

Alarms' periods are in telemetry.py. Here are schedules, the update of a function, and pauses of a function's own.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.services import eventbridge, lambda_svc

from local_aws.emulator import patches
from local_aws.emulator.patches import Patch
from local_aws.emulator.process import CLOCK_SCALE

TICK_SECONDS = 0.1
FUNCTION_SITE = Path(__file__).resolve().parent / "function_site"


def install(directory: Path) -> None:
    """Patch the emulator, and set what the processes of functions inherit. Call once, before it serves.

    Raises LocalAwsError when a function of ministack has another signature than its patch expects.
    """
    patches.install(
        Patch(eventbridge, "_parse_rate_seconds", "expr", _scaled),
        Patch(lambda_svc, "_execute_function_with_config_scope", "func event", _one_at_a_time),
    )
    eventbridge._SCHEDULER_TICK_INTERVAL = TICK_SECONDS
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY /= CLOCK_SCALE
    os.environ.update(
        CLOCK_SCALE=str(CLOCK_SCALE),
        PYTHONPATH=str(FUNCTION_SITE),
        # The client function requests the API by its public URL, whose certificate is the emulator's own.
        SSL_CERT_FILE=str(directory / "ca.pem"),
    )


def _scaled(parse: Callable[..., Any]) -> Callable[..., Any]:
    def parse_scaled(expression: str) -> float | None:
        seconds = parse(expression)
        return None if seconds is None else seconds / CLOCK_SCALE

    return parse_scaled


def _one_at_a_time(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Skip a schedule's invocation of a function while the one before it runs.

    On AWS the client is done long before its next minute. On a busy machine it is not within the second that a minute
    lasts here, and a second invocation is a second process: more and more of them would make all of them slower.
    """
    running: set[str] = set()

    def execute_unless_running(func: dict[str, Any], event: Any) -> Any:
        if not (isinstance(event, dict) and event.get("detail-type") == "Scheduled Event"):
            return execute(func, event)
        arn = str(func["config"]["FunctionArn"])
        if arn in running:
            return None
        running.add(arn)
        try:
            return execute(func, event)
        finally:
            running.discard(arn)

    return execute_unless_running
