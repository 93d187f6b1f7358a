"""GET / of the HTTP API. Standard library only; this file alone is the function's package.

What it logs, raises and answers states a symptom, never its cause: whoever investigates must find that elsewhere.
"""

import json
import os
import time
from typing import Any


class RequestError(Exception):
    """The request could not be served."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of payload format 2.0.

    Raises RequestError when this deployment cannot serve requests; API Gateway then answers 5xx.
    """
    if os.environ.get("FAIL_MODE") == "true":
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
    """One JSON line in the shape Lambda's own JSON log records have."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"timestamp": now, "level": level, "message": message, "requestId": context.aws_request_id, **fields}
    print(json.dumps(record), flush=True)
