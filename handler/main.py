"""Handle `GET /` of the HTTP API. Standard library only: this file and scenario.py are the function's package.

Its logs, errors and responses state a symptom, never the cause, which an investigator must find elsewhere.
"""

import json
import os
import time
from typing import Any

try:
    from handler import scenario
except ImportError:  # in Lambda both files are at the top
    import scenario  # type: ignore[import-not-found, no-redef]


class RequestError(Exception):
    """The request could not be served."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond to one request of payload format 2.0.

    Raises RequestError when this deployment cannot serve requests; API Gateway then responds with 5xx.
    """
    if scenario.is_failing(os.environ):
        log("ERROR", "request could not be served", context, path=event.get("rawPath", ""))
        raise RequestError("request could not be served")
    body = {
        "status": "healthy",
        "function": context.function_name,
        "version": context.function_version,
        "region": os.environ.get("AWS_REGION", ""),
        "requestId": context.aws_request_id,
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body),
    }


def log(level: str, message: str, context: Any, **fields: str) -> None:
    """Print one JSON line in the format of Lambda's own JSON log records."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"timestamp": now, "level": level, "message": message, "requestId": context.aws_request_id, **fields}
    print(json.dumps(record), flush=True)
