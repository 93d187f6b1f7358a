"""What AWS does by itself and the emulator does not: telemetry of HTTP APIs, and alarms that change their state.

Runs inside the emulator's process and replaces functions of ministack, whose version is pinned: see patches.py.
docs/emulator.md says what remains different from AWS. With these patches:

- an invocation through the API counts in AWS/Lambda's metrics, as a direct one does;
- an API request counts in AWS/ApiGateway's metrics and writes a line into the stage's access log;
- a function error gets AWS's response: 500, `{"message":"Internal Server Error"}`;
- alarms are evaluated by their own dimensions, continuously, in both directions, and by a faster clock;
- a function's update is `InProgress` by that clock, too;
- an API and a stage return their current tags, and not those that they were created with;
- alarms have every field in the query protocol, too, which is what the Go SDK of Terraform's provider speaks.
"""

import asyncio
import contextvars
import functools
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ministack.services import apigateway, cloudwatch, cloudwatch_logs, lambda_svc

from local_aws.emulator import patches, query_protocol
from local_aws.emulator.patches import Patch
from local_aws.emulator.process import CLOCK_SCALE

EVALUATION_INTERVAL_SECONDS = 0.1
EXTRA_PERIODS = 2
"""How many periods more than its own an alarm's range has: in AWS's example; the number is not documented."""

FUNCTION_ERROR = (
    500,
    {"Content-Type": "application/json"},
    b'{"message":"Internal Server Error"}',
)
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html"""


@dataclass
class _Integration:
    """What the function did for one API request."""

    was_called: bool = False
    error: str = ""
    milliseconds: float = 0.0


_integration: contextvars.ContextVar[_Integration | None] = contextvars.ContextVar("integration", default=None)


def install() -> None:
    """Patch the emulator. Call once per process, before it serves.

    Raises LocalAwsError when a function of ministack has another signature than its patch expects.
    """
    patches.install(
        Patch(
            apigateway,
            "_handle_execute_in_scope",
            "api_id stage path method headers body query_params owner_account_id owner_region raw_query_string",
            _recording_requests,
        ),
        Patch(apigateway, "_tag_resource", "resource_arn data", _updating_tags),
        Patch(apigateway, "_untag_resource", "resource_arn tag_keys", _updating_tags),
        Patch(lambda_svc, "_execute_function_with_config_scope", "func event", _recording_invocations),
        Patch(
            lambda_svc,
            "_emit_lambda_logs",
            "func request_id log_text error duration_ms log_source",
            _logging_into_existing_groups,
        ),
        Patch(cloudwatch, "_evaluate_alarm", "alarm", lambda original: _evaluate),
        *(
            Patch(
                cloudwatch,
                function,
                "params cbor_data is_cbor is_json",
                functools.partial(_describing_in_full, operation),
            )
            for operation, function in (
                ("DescribeAlarms", "_describe_alarms"),
                ("DescribeAlarmsForMetric", "_describe_alarms_for_metric"),
            )
        ),
    )


def _recording_requests(execute: Callable[..., Any]) -> Callable[..., Any]:
    async def execute_and_record(api: str, stage: str, path: str, method: str, *rest: Any) -> Any:
        started = time.time()
        integration = _Integration()
        token = _integration.set(integration)
        try:
            response = await execute(api, stage, path, method, *rest)
        finally:
            _integration.reset(token)
        if integration.error:
            response = FUNCTION_ERROR
        _record_request(api, stage, path, method, response, integration, started)
        return response

    return execute_and_record


def _recording_invocations(invoke: Callable[..., Any]) -> Callable[..., Any]:
    def invoke_and_record(function: dict[str, Any], event: dict[str, Any]) -> Any:
        started = time.time()
        result = invoke(function, event)
        integration = _integration.get()
        if integration is not None:  # a direct Invoke is recorded by the emulator
            integration.was_called = True
            integration.milliseconds = (time.time() - started) * 1000
            if result.get("error"):
                integration.error = str(result["body"].get("errorMessage") or "Unhandled")
            lambda_svc._emit_lambda_metrics(
                function["config"]["FunctionName"],
                integration.milliseconds,
                error=bool(integration.error),
                throttle=bool(result.get("throttle")),
            )
        return result

    return invoke_and_record


def _logging_into_existing_groups(write: Callable[..., Any]) -> Callable[..., Any]:
    """Drop the log of a function whose group does not exist: here no function's role may create one."""

    def write_log(function: dict[str, Any], *rest: Any, **options: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
        if group in cloudwatch_logs._log_groups:
            write(function, *rest, **options)

    return write_log


def _updating_tags(change_tags: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Copy changed tags into the record of the API or stage, which is what GetApi and GetStage return."""

    def change_tags_and_record(arn: str, tags: Any) -> Any:
        response = change_tags(arn, tags)
        _, _, api, *stage = arn.split(":")[-1].split("/")
        record = apigateway._stages.get(api, {}).get(stage[1]) if len(stage) == 2 else apigateway._apis.get(api)
        if record is not None:
            record["tags"] = dict(apigateway._api_tags.get(arn, {}))
        return response

    return change_tags_and_record


def _describing_in_full(operation: str, describe: Callable[..., Any]) -> Callable[..., Any]:
    """Describe alarms in the query protocol with every field that the JSON protocol has."""

    def describe_in_full(params: dict[str, Any], data: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, data, is_cbor, is_json)
        status, _, body = describe({}, query_protocol.nested(params), False, True)
        if status != 200:
            return describe(params, data, is_cbor, is_json)
        result = query_protocol.xml(json.loads(body))
        return cloudwatch._xml(200, f"{operation}Response", f"<{operation}Result>{result}</{operation}Result>")

    return describe_in_full


async def evaluate_alarms_forever() -> None:
    """Evaluate the alarms of the emulator's own account and region."""
    while True:
        cloudwatch._evaluate_all_alarms()
        await asyncio.sleep(EVALUATION_INTERVAL_SECONDS)


def _record_request(
    api: str, stage: str, path: str, method: str, response: Any, integration: _Integration, started: float
) -> None:
    status = int(response[0])
    milliseconds = (time.time() - started) * 1000
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    for dimensions in ({"ApiId": api}, {"ApiId": api, "Stage": stage}):
        for metric, value, unit in (
            ("Count", 1, "Count"),
            ("4xx", int(400 <= status < 500), "Count"),
            ("5xx", int(status >= 500), "Count"),
            ("Latency", milliseconds, "Milliseconds"),
            ("IntegrationLatency", integration.milliseconds, "Milliseconds"),
        ):
            cloudwatch.record_metric("AWS/ApiGateway", metric, value, unit, dimensions)

    settings = apigateway._stages.get(api, {}).get(stage, {}).get("accessLogSettings") or {}
    if not settings.get("destinationArn"):
        return
    route = apigateway._match_route(api, method, path)
    values = {
        "requestId": str(uuid.uuid4()),
        "requestTime": datetime.fromtimestamp(started, timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "httpMethod": method,
        "routeKey": route["routeKey"] if route else "-",
        "path": path,
        "status": str(status),
        "responseLatency": str(int(milliseconds)),
        "integrationStatus": "200" if integration.was_called else "-",  # Lambda's own status, not the function's
        "integrationLatency": str(int(integration.milliseconds)),
        "integrationErrorMessage": (
            f"The Lambda function returned the following error: {integration.error}. "
            "Check your Lambda function code and try again."
            if integration.error
            else "-"
        ),
    }
    line = re.sub(r"\$context\.([A-Za-z.]+)", lambda match: json.dumps(values.get(match[1], "-"))[1:-1],
                  settings["format"])  # fmt: skip
    _append_log(settings["destinationArn"].split(":log-group:")[1].removesuffix(":*"), api, line)


def _append_log(group_name: str, stream_name: str, line: str) -> None:
    group = cloudwatch_logs._log_groups.get(group_name)
    if group is None:
        return  # AWS drops the lines of a deleted group, too
    if stream_name not in group["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group_name, "logStreamName": stream_name})
    now = int(time.time() * 1000)
    cloudwatch_logs._append_log_events(
        group["streams"][stream_name], [{"timestamp": now, "message": line, "ingestionTime": now}]
    )


def _evaluate(alarm: dict[str, Any]) -> None:
    """Evaluate an alarm on one metric's basic statistic, once, as AWS does: by the most recent datapoints there are in
    a range of more than its periods; only where these are too few, missing ones are treated as the alarm says.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm["Dimensions"]))
    points = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or []
    now, period = time.time(), alarm["Period"] / CLOCK_SCALE
    breaching, missing = 0, alarm["EvaluationPeriods"]
    for age in range(alarm["EvaluationPeriods"] + EXTRA_PERIODS):
        end = now - age * period
        stats = cloudwatch._calc_stats([point for point in points if end - period < point["Timestamp"] <= end])
        if stats and missing:
            breaching += _breaches(cloudwatch._stat_value(stats, alarm["Statistic"]), alarm)
            missing -= 1
    treatment = alarm["TreatMissingData"]
    if treatment == "breaching":
        breaching += missing
    if breaching >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]):
        _set_state(alarm, "ALARM", f"Threshold Crossed: {breaching} datapoint(s) breached {alarm['Threshold']}.")
    elif missing < alarm["EvaluationPeriods"] or treatment == "notBreaching":
        _set_state(alarm, "OK", f"Threshold Crossed: no datapoint breached {alarm['Threshold']}.")
    elif treatment == "missing":
        _set_state(alarm, "INSUFFICIENT_DATA", "Insufficient Data: no datapoints were received.")


def _breaches(value: float, alarm: dict[str, Any]) -> bool:
    threshold = alarm["Threshold"]
    return bool(
        {
            "GreaterThanOrEqualToThreshold": value >= threshold,
            "GreaterThanThreshold": value > threshold,
            "LessThanThreshold": value < threshold,
            "LessThanOrEqualToThreshold": value <= threshold,
        }[alarm["ComparisonOperator"]]
    )


def _set_state(alarm: dict[str, Any], state: str, reason: str) -> None:
    old_state = alarm["StateValue"]
    if state == old_state:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old_state, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old_state, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
