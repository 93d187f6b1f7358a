"""The verdict of a check, with responses and telemetry that the test chooses."""

from collections.abc import Callable
from typing import Any

import pytest

from ops.console import NullConsole
from ops.health import check as module
from ops.health import requests
from ops.health.check import Result, check
from ops.health.requests import Response
from ops.health.telemetry import Telemetry
from ops.health.workload import Workload

HEALTHY = '{"status": "healthy"}'
INVOKER = ("InvokeByHttpApi", "apigateway.amazonaws.com", "arn:aws:execute-api:eu-west-1:1:api/*/*")
WORKLOAD = Workload("https://x/", "api", "function", "/log", "/access", None, ("alarm",), "eu-west-1", "hash",
                    frozenset({INVOKER}))  # fmt: skip


class Fake:
    """Returns the given responses and telemetry; a callable gets the number of the read, so values can change."""

    def __init__(self, status: int = 500, body: str = "", **values: Callable[[int], Any]) -> None:
        self.sent = 0
        self.since: list[tuple[str, float]] = []
        self._status, self._body, self._values = status, body, values
        self._reads: dict[str, int] = {}

    def _read(self, what: str, default: Any) -> Any:
        self._reads[what] = self._reads.get(what, 0) + 1
        value = self._values.get(what)
        return value(self._reads[what]) if value else default

    def send(self, url: str) -> Response:
        self.sent += 1
        return Response(self._read("responses", self._status), self._body, 10, 1_000_000.0)

    def logged_errors(self, since: float) -> int:
        self.since.append(("log", since))
        return int(self._read("logged", 3))

    def errors_metric(self, since: float) -> int:
        self.since.append(("Errors", since))
        return int(self._read("errors", 3))

    def server_errors_metric(self, since: float) -> int:
        self.since.append(("5xx", since))
        return int(self._read("server_errors", 3))

    def alarm_state(self, name: str) -> str:
        return str(self._read("state", "ALARM"))

    def was_in_alarm(self, name: str, since: float) -> bool:
        return bool(self._read("history", False))

    def code_sha256(self) -> str:
        return str(self._read("code", "hash"))

    def invokers(self) -> Any:
        return self._read("invokers", frozenset({INVOKER}))


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(fake: Fake, expect: Any, timeout: float = 0.3) -> Result:
        monkeypatch.setattr(requests, "send", fake.send)
        monkeypatch.setattr(module, "Telemetry", lambda workload: fake)
        return check("app", WORKLOAD, expect, 3, timeout, NullConsole())

    return run


def failed(result: Result) -> list[str]:
    return [observation.name for observation in result.observations if not observation.passed]


def test_failing_means_every_request_the_log_the_metrics_and_the_alarm(run: Run) -> None:
    result = run(Fake(), "failing")

    assert result.passed
    assert result.verdict == "stack app is failing"
    assert [observation.name for observation in result.observations] == [
        "requests", "code", "function policy", "alarm alarm", "errors in /log", "metric Errors", "metric 5xx",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("telemetry", "name"),
    [
        ({"state": lambda _: "OK"}, "alarm alarm"),
        ({"state": lambda _: "INSUFFICIENT_DATA"}, "alarm alarm"),
        ({"logged": lambda _: 2}, "errors in /log"),
        ({"errors": lambda _: 2}, "metric Errors"),
        ({"server_errors": lambda _: 0}, "metric 5xx"),
        ({"code": lambda _: "another"}, "code"),
        ({"code": lambda _: "missing"}, "code"),
        ({"invokers": lambda _: frozenset()}, "function policy"),
        ({"invokers": lambda _: frozenset({INVOKER, ("", "*", "")})}, "function policy"),
    ],
)
def test_what_differs_at_the_deadline_is_named(telemetry: Any, name: str, run: Run) -> None:
    assert failed(run(Fake(**telemetry), "failing")) == [name]


def test_telemetry_may_come_late(run: Run) -> None:
    late = Fake(
        state=lambda read: "ALARM" if read > 2 else "OK",
        logged=lambda read: 3 if read > 1 else 1,
        errors=lambda read: 3 if read > 1 else 0,
    )

    assert run(late, "failing", timeout=5).passed


def test_an_alarm_that_is_ok_again_counts(run: Run) -> None:
    assert run(Fake(state=lambda _: "OK", history=lambda _: True), "failing").passed


@pytest.mark.parametrize("status", [200, 404, 429, 0])
def test_only_a_5xx_is_failing(status: int, run: Run) -> None:
    assert failed(run(Fake(status), "failing")) == ["requests"]


@pytest.mark.parametrize(
    ("status", "body"), [(500, ""), (200, "{}"), (200, "busy"), (200, '"healthy"'), (404, HEALTHY)]
)
def test_only_200_with_status_healthy_is_healthy(status: int, body: str, run: Run) -> None:
    assert failed(run(Fake(status, body), "healthy")) == ["requests"]


def test_early_wrong_responses_of_a_new_api_are_accepted_and_reported(run: Run) -> None:
    new = Fake(body=HEALTHY, responses=lambda request: {1: 404, 2: 500}.get(request, 200), state=lambda _: "OK")

    result = run(new, "healthy", timeout=5)

    assert result.passed
    assert new.sent == 5
    assert result.observations[0].actual.startswith("3 in a row: 200 healthy (3 times); before that 404 ")


def test_right_responses_must_be_consecutive(run: Run) -> None:
    unsteady = Fake(body=HEALTHY, responses=lambda request: 500 if request % 3 == 0 else 200)

    assert failed(run(unsteady, "healthy")) == ["requests"]


def test_healthy_waits_for_the_alarm_to_be_ok_and_accepts_nothing_else(run: Run) -> None:
    assert run(Fake(200, HEALTHY, state=lambda read: "OK" if read > 2 else "ALARM"), "healthy", timeout=5).passed
    assert failed(run(Fake(200, HEALTHY, state=lambda _: "INSUFFICIENT_DATA"), "healthy")) == ["alarm alarm"]


def test_recovering_needs_healthy_requests_and_no_alarm_state_ok_yet(run: Run) -> None:
    late = run(Fake(200, HEALTHY, state=lambda _: "ALARM"), "recovering")
    done = run(Fake(200, HEALTHY, state=lambda _: "OK"), "recovering")
    failing = run(Fake(500), "recovering")

    assert (late.passed, late.verdict) == (True, "stack app: requests are healthy, not yet OK: alarm alarm")
    assert (done.passed, done.verdict) == (True, "stack app is healthy")
    assert (failing.passed, failing.verdict) == (False, "stack app is NOT healthy")
    assert failed(run(Fake(200, HEALTHY, state=lambda _: "missing"), "recovering")) == ["alarm alarm"]


def test_requests_continue_during_the_wait_and_must_get_the_right_response(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRAFFIC_INTERVAL_SECONDS", 0.0)
    late_alarm: Callable[[int], str] = lambda read: "OK" if read > 2 else "ALARM"  # noqa: E731
    steady = Fake(200, HEALTHY, state=late_alarm)
    broken = Fake(body=HEALTHY, responses=lambda request: 200 if request <= 3 else 500, state=late_alarm)

    assert run(steady, "healthy", timeout=5).passed
    assert steady.sent > 3
    assert failed(run(broken, "healthy", timeout=1)) == ["requests"]


def test_telemetry_counts_from_the_first_request_by_the_servers_clock(run: Run) -> None:
    """The first response has the time 1000000 of AWS's clock; the clock of this machine does not matter."""
    fake = Fake()

    run(fake, "failing")

    assert fake.since == [("log", 999_998.99), ("Errors", 999_998.99), ("5xx", 999_998.99)]


class Cloud:
    """CloudWatch Logs and metrics that record the requests they get."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.lines: dict[str, list[str]] = {"/log": [], "/access": []}

    def get_paginator(self, _: str) -> "Cloud":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.requests.append(request)
        first, *rest = self.lines[request["logGroupName"]] or [""]
        events = [{"message": line, "timestamp": 0} for line in (first, *rest)]
        return [{"events": events[:1]}, {"events": []}, {"events": events[1:]}]

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Datapoints": [{"Sum": 4.0}, {"Sum": 3.0}]}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    monkeypatch.setattr(Telemetry, "_logs", cloud)
    monkeypatch.setattr(Telemetry, "_cloudwatch", cloud)
    cloud.lines["/log"] = [
        '{"level": "ERROR", "requestId": "a", "message": "request could not be served"}',
        '{"level": "ERROR", "requestId": "a", "errorType": "RequestError"}',
        '{"level": "INFO", "requestId": "b"}',
        "START RequestId: c",
        '{"level": "ERROR", "requestId": "d"}',
    ]
    cloud.lines["/access"] = ['{"requestId": "e", "status": "500"}', '{"requestId": "f", "status": "200"}']
    return cloud


def test_errors_are_counted_once_per_request_over_all_pages(cloud: Cloud) -> None:
    assert Telemetry(WORKLOAD).logged_errors(1000.5) == 2
    assert cloud.requests == [{"logGroupName": "/log", "startTime": 1_000_500}]


def test_a_metric_counts_whole_minutes_minus_what_the_log_has_from_before(cloud: Cloud) -> None:
    telemetry = Telemetry(WORKLOAD)

    assert telemetry.errors_metric(125.0) == 7 - 2
    assert telemetry.server_errors_metric(125.0) == 7 - 1
    metric, before, _, access = cloud.requests
    assert metric["StartTime"].timestamp() == 120
    assert before == {"logGroupName": "/log", "startTime": 120_000, "endTime": 125_000}
    assert access == {"logGroupName": "/access", "startTime": 120_000, "endTime": 125_000}
