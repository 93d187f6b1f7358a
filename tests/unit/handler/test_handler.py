"""The handler, called as a function."""

import json
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from handler import main

EVENT = {"rawPath": "/", "version": "2.0"}
CAUSES = ("fail_mode", "failmode", "inject", "simulat", "sandbox", "synthetic", "chaos")


@dataclass
class Context:
    function_name: str = "storefront-app-handler"
    function_version: str = "$LATEST"
    aws_request_id: str = "8f5d4c1e"


@pytest.mark.parametrize("value", [None, "false", "", "TRUE", "1", "yes"])
def test_any_value_except_true_is_healthy(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("FAIL_MODE", raising=False)
    else:
        monkeypatch.setenv("FAIL_MODE", value)

    response = main.handle(EVENT, Context())

    assert response["statusCode"] == 200
    assert response["headers"]["content-type"] == "application/json"
    assert json.loads(response["body"])["status"] == "healthy"


def test_a_healthy_response_names_its_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAIL_MODE", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    body = json.loads(main.handle(EVENT, Context())["body"])

    assert body == {
        "status": "healthy",
        "function": "storefront-app-handler",
        "version": "$LATEST",
        "region": "eu-west-1",
        "requestId": "8f5d4c1e",
    }


def test_a_failing_request_logs_one_error_and_raises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIL_MODE", "true")

    with pytest.raises(main.RequestError):
        main.handle(EVENT, Context())

    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert record["level"] == "ERROR"
    assert record["requestId"] == "8f5d4c1e"
    assert record["path"] == "/"


def test_telemetry_never_names_the_cause(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An investigator reads logs, stack traces and responses: none may name the cause."""
    monkeypatch.setenv("FAIL_MODE", "true")
    context = Context(function_name="any-name")
    try:
        main.handle(EVENT, context)
    except main.RequestError as error:
        trace = "".join(traceback.format_exception(error)[1:])
        # Lambda's own trace has only the frames of the function: none of this test, and no path of the checkout.
        raised = "".join(
            line for line in trace.splitlines(keepends=True) if "tests/" not in line and "/handler/" not in line
        )
    telemetry = capsys.readouterr().out + raised
    monkeypatch.delenv("FAIL_MODE")
    telemetry += main.handle(EVENT, context)["body"]

    assert [word for word in CAUSES if word in telemetry.lower()] == []


def test_the_package_needs_only_the_standard_library(root: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(root / 'handler')!r}); import main"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", program], check=True)
