"""The check's judgement, over a workload whose answers and telemetry the test decides."""

from collections.abc import Callable
from typing import Any

import pytest

from ops import check as checks
from ops.check import Result, check
from ops.report import Report
from ops.workload import Answer, Workload

HEALTHY = '{"status": "healthy"}'


class Fake(Workload):
    """Answers and telemetry as given; telemetry may come late."""

    def __init__(self, status: int = 500, body: str = "", **telemetry: Callable[[int], Any]) -> None:
        super().__init__("https://x/", "api", "function", "/log", ["alarm"], "eu-west-1")
        self.__dict__.update(status=status, body=body, telemetry=telemetry, looks={}, sent=0)

    def _look(self, what: str, default: Any) -> Any:
        looks = self.__dict__["looks"]
        looks[what] = looks.get(what, 0) + 1
        return self.__dict__["telemetry"].get(what, lambda _: default)(looks[what])

    def request(self) -> Answer:
        self.__dict__["sent"] += 1
        status = self._look("answers", self.__dict__["status"])
        return Answer(status, self.__dict__["body"], 10, 1_000_000.0)

    def logged_errors(self, since: float) -> int:
        return int(self._look("logged", 3))

    def metric(self, name: str, since: float) -> int:
        return int(self._look(name, 3))

    def alarm_state(self, name: str) -> str:
        return str(self._look("state", "ALARM"))

    def was_in_alarm(self, name: str, since: float) -> bool:
        return bool(self._look("history", False))


class Silent(Report):
    def line(self, text: str = "") -> None:
        pass


def run(workload: Workload, expect: Any, timeout: float = 0.3) -> Result:
    return check(workload, expect, 3, timeout, Silent())


def failed(result: Result) -> list[str]:
    return [observation.name for observation in result.observations if not observation.held]


def test_failing_is_every_request_the_log_the_metrics_and_the_alarm() -> None:
    assert run(Fake(), "failing").held


@pytest.mark.parametrize(
    ("telemetry", "name"),
    [
        ({"state": lambda _: "OK"}, "alarm alarm"),
        ({"state": lambda _: "INSUFFICIENT_DATA"}, "alarm alarm"),
        ({"logged": lambda _: 2}, "errors in /log"),
        ({"Errors": lambda _: 2}, "metric Errors"),
        ({"5xx": lambda _: 0}, "metric 5xx"),
    ],
)
def test_telemetry_that_does_not_say_so_by_the_deadline_is_named(telemetry: Any, name: str) -> None:
    assert failed(run(Fake(**telemetry), "failing")) == [name]


def test_telemetry_may_come_late() -> None:
    late = Fake(
        state=lambda look: "ALARM" if look > 2 else "OK",
        logged=lambda look: 3 if look > 1 else 1,
        Errors=lambda look: 3 if look > 1 else 0,
    )

    assert run(late, "failing", timeout=5).held


def test_an_alarm_that_has_come_and_gone_meanwhile_counts() -> None:
    assert run(Fake(state=lambda _: "OK", history=lambda _: True), "failing").held


@pytest.mark.parametrize("status", [200, 404, 429, 0])
def test_only_a_5xx_is_failing(status: int) -> None:
    assert failed(run(Fake(status), "failing")) == ["requests"]


@pytest.mark.parametrize(
    ("status", "body"), [(500, ""), (200, "{}"), (200, "busy"), (200, '"healthy"'), (404, HEALTHY)]
)
def test_only_200_with_status_healthy_is_healthy(status: int, body: str) -> None:
    assert failed(run(Fake(status, body), "healthy")) == ["requests"]


def test_one_wrong_answer_among_the_right_ones_is_enough() -> None:
    assert failed(run(Fake(body=HEALTHY, answers=lambda request: 500 if request == 2 else 200), "healthy")) == [
        "requests"
    ]


def test_healthy_waits_for_the_alarm_to_be_ok_and_takes_nothing_else_for_it() -> None:
    assert run(Fake(200, HEALTHY, state=lambda look: "OK" if look > 2 else "ALARM"), "healthy", timeout=5).held
    assert failed(run(Fake(200, HEALTHY, state=lambda _: "INSUFFICIENT_DATA"), "healthy")) == ["alarm alarm"]


def test_while_it_waits_requests_go_on_and_must_answer_as_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "TRAFFIC_INTERVAL_SECONDS", 0.0)
    steady = Fake(200, HEALTHY, state=lambda look: "OK" if look > 2 else "ALARM")
    broken = Fake(
        body=HEALTHY,
        answers=lambda request: 200 if request <= 3 else 500,
        state=lambda look: "OK" if look > 2 else "ALARM",
    )

    assert run(steady, "healthy", timeout=5).held
    assert steady.__dict__["sent"] > 3
    assert failed(run(broken, "healthy", timeout=5)) == ["requests"]


def test_telemetry_is_looked_for_from_the_first_request_by_the_servers_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's clock said 1000000 when it answered the first request, whatever this machine's says."""
    asked: list[tuple[str, float]] = []

    def metric(_: Fake, name: str, since: float) -> int:
        asked.append((name, since))
        return 3

    monkeypatch.setattr(Fake, "logged_errors", lambda fake, since: metric(fake, "log", since))
    monkeypatch.setattr(Fake, "metric", metric)

    run(Fake(), "failing")

    assert asked == [("log", 999_998.99), ("Errors", 999_998.99), ("5xx", 999_998.99)]


class Logs:
    """CloudWatch Logs and metrics that record what they are asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "Logs":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        lines = [
            '{"level": "ERROR", "requestId": "a", "message": "request could not be served"}',
            '{"level": "ERROR", "requestId": "a", "errorType": "RequestError"}',
            '{"level": "INFO", "requestId": "b"}',
            "START RequestId: c",
        ]
        return [{"events": [{"message": line} for line in lines]}, {"events": []}, {"events": [
            {"message": '{"level": "ERROR", "requestId": "d"}'}]}]  # fmt: skip

    def get_metric_statistics(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"Datapoints": [{"Sum": 2.0}, {"Sum": 1.0}]}


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    found = Logs()
    monkeypatch.setattr(Workload, "_logs", found)
    monkeypatch.setattr(Workload, "_cloudwatch", found)
    return found


REAL = Workload("https://x/", "api", "function", "/log", ["alarm"], "eu-west-1")


def test_errors_are_counted_by_request_over_all_pages(logs: Logs) -> None:
    assert REAL.logged_errors(1000.5) == 2
    assert logs.asked == [{"logGroupName": "/log", "startTime": 1_000_500}]


def test_metrics_are_summed_from_the_minute_of_the_first_request(logs: Logs) -> None:
    assert REAL.metric("5xx", 125.0) == 3
    assert logs.asked[0]["StartTime"].timestamp() == 120
    assert logs.asked[0]["Dimensions"] == [{"Name": "ApiId", "Value": "api"}]
