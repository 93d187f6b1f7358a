"""Send requests to the service's public URL, as its users would. Standard library only: this file alone is the package.

It never fails itself: whatever a request gets is a line of its log.
"""

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

SPACING_SECONDS = 0.5
"""Between two requests of one run. They are not spread over the whole minute, because waiting in a function costs as
much as working, and X-Ray records the first request of each second: docs/account.md has the sums."""

TIMEOUT_SECONDS = 10


def handle(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Send REQUESTS requests to URL and log what each got; return how many got 200, and how many did not."""
    counts = {"ok": 0, "failed": 0}
    for number in range(int(os.environ["REQUESTS"])):
        if number:
            time.sleep(SPACING_SECONDS)
        started = time.time()
        status, error = get(os.environ["URL"])
        counts["ok" if status == 200 else "failed"] += 1
        log(
            "INFO" if status == 200 else "WARN",
            "request sent",
            requestId=context.aws_request_id,
            status=status,
            milliseconds=round((time.time() - started) * 1000),
            sent=round(started, 3),
            **({"error": error} if error else {}),
        )
    return counts


def get(url: str) -> tuple[int, str]:
    """Send one GET; return its status and "", or 0 and what went wrong."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            return int(response.status), ""
    except urllib.error.HTTPError as error:
        return error.code, ""
    except Exception as error:
        return 0, str(error)


def log(level: str, message: str, **fields: Any) -> None:
    """Print one JSON line in the format of Lambda's own JSON log records."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"timestamp": now, "level": level, "message": message, **fields}), flush=True)
