"""`./sandbox check`: does a stack's workload behave, and is it seen to behave, as expected?

Every request must answer as expected; then the log, the metrics and the alarms must say so too, within a deadline,
because on AWS telemetry arrives a minute or two late.
"""

import argparse
import functools
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from infra.names import BOOTSTRAP_STACK
from ops import backend, report
from ops.errors import UsageError
from ops.workload import Answer, Workload

Expectation = Literal["healthy", "failing", "gone"]


FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 5.0
TRAFFIC_INTERVAL_SECONDS = 60.0
DATE_PRECISION_SECONDS = 1.0  # of the header Date


@dataclass(frozen=True)
class Observation:
    """One thing looked at: what was expected, what was seen, and how long it took to be seen (seconds)."""

    name: str
    expected: str
    seen: str
    held: bool
    seconds: float


@dataclass(frozen=True)
class Result:
    """What a check found. It held when every observation did."""

    expect: Expectation
    answers: list[Answer]
    observations: list[Observation]

    @property
    def held(self) -> bool:
        return all(observation.held for observation in self.observations)

    def as_json(self) -> dict[str, Any]:
        return {
            "expect": self.expect,
            "held": self.held,
            "requests": [asdict(answer) for answer in self.answers],
            "observations": [asdict(observation) for observation in self.observations],
        }


def check(workload: Workload, expect: Expectation, requests: int, timeout: float, lines: report.Report) -> Result:
    """Check a workload; `timeout` in seconds is for all telemetry together.

    Raises UsageError when AWS cannot be asked.
    """
    traffic = Traffic(workload, expect)
    for _ in range(requests):
        traffic.send()
    observations = [traffic.observation()]
    lines.line(_text(observations[0]))
    if observations[0].held:  # telemetry of something else is not worth waiting for
        deadline = traffic.started + timeout
        try:
            for name, expected, probe in _probes(workload, expect, requests, traffic.since):
                observations.append(_await(name, expected, probe, traffic, deadline, lines))
                lines.line(_text(observations[-1]))
        except (ClientError, BotoCoreError) as error:
            raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None
        observations[0] = traffic.observation()
        if not observations[0].held:  # one that was sent while waiting
            lines.line(_text(observations[0]))
    return Result(expect, traffic.answers, observations)


class Traffic:
    """The requests of a check: those asked for, then one a minute for as long as it waits.

    An alarm whose metric has no new values keeps looking at the old ones for a while, whatever it makes of missing
    data: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """

    def __init__(self, workload: Workload, expect: Expectation) -> None:
        self._workload = workload
        self._expect = expect
        self.started = time.time()
        self._last = self.started
        self.answers: list[Answer] = []

    @property
    def since(self) -> float:
        """From when on AWS's telemetry is of these requests, in epoch seconds by AWS's clock."""
        first = self.answers[0]
        return first.answered - first.milliseconds / 1000 - DATE_PRECISION_SECONDS

    def send(self) -> None:
        self._last = time.time()
        self.answers.append(self._workload.request())

    def keep_up(self) -> None:
        """Send another request when the last is a minute old."""
        if time.time() - self._last >= TRAFFIC_INTERVAL_SECONDS:
            self.send()

    def observation(self) -> Observation:
        wanted = "a 5xx status" if self._expect == "failing" else "200 and status healthy"
        right = sum(answer.is_failure if self._expect == "failing" else answer.is_healthy for answer in self.answers)
        return Observation(
            "requests",
            f"{len(self.answers)} of {len(self.answers)} answer {wanted}",
            f"{right} of {len(self.answers)}; {_summary(self.answers)}",
            right == len(self.answers),
            round(self._last - self.started, 3),
        )


Probe = Callable[[], tuple[str, bool]]


def _probes(workload: Workload, expect: Expectation, requests: int, since: float) -> list[tuple[str, str, Probe]]:
    """What to look at besides the answers: name, expected, and a probe that says what it sees and whether it holds."""
    state = "ALARM" if expect == "failing" else "OK"
    probes: list[tuple[str, str, Probe]] = [
        (f"alarm {alarm}", state, functools.partial(_alarm, workload, alarm, state, since)) for alarm in workload.alarms
    ]
    if expect == "failing":
        counts: list[tuple[str, Callable[[], int]]] = [
            (f"errors in {workload.log_group}", lambda: workload.logged_errors(since)),
            ("metric Errors", lambda: workload.metric("Errors", since)),
            ("metric 5xx", lambda: workload.metric("5xx", since)),
        ]
        probes += [(name, f"at least {requests}", functools.partial(_count, count, requests)) for name, count in counts]
    return probes


def _alarm(workload: Workload, alarm: str, wanted: str, since: float) -> tuple[str, bool]:
    state = workload.alarm_state(alarm)
    if state == wanted:
        return state, True
    if wanted == "ALARM" and workload.was_in_alarm(alarm, since):
        return f"ALARM, and {state} again since", True
    return state, False


def _count(count: Callable[[], int], at_least: int) -> tuple[str, bool]:
    found = count()
    return str(found), found >= at_least


def check_gone(stack: str, lines: report.Report) -> Result:
    """Check that a stack was destroyed and that its foundation was not: what CI can see of that, which may not read
    bootstrap's state. That the bucket and the key are there, reading the stack's own shows.

    Raises UsageError when the backend cannot be read, or never had such a stack.
    """
    state = backend.current()
    resources = state.resources(stack)
    if resources is None:
        raise state.has_not(stack)
    left = [resource["urn"].split("::")[-1] for resource in resources]
    there = BOOTSTRAP_STACK in state.stacks()
    observations = [
        Observation(f"stack {stack}", "no resources", ", ".join(left) or "none", not left, 0.0),
        Observation("bootstrap", "its state in the bucket", "there" if there else "not there", there, 0.0),
    ]
    for observation in observations:
        lines.line(_text(observation))
    return Result("gone", [], observations)


def _await(
    name: str, expected: str, probe: Probe, traffic: Traffic, deadline: float, lines: report.Report
) -> Observation:
    pause = FIRST_POLL_SECONDS
    while True:
        seen, held = probe()
        now = time.time()
        if held or now >= deadline:
            return Observation(name, expected, seen, held, round(now - traffic.started, 3))
        lines.waiting(f"  wait  {name}: {seen}, expecting {expected}; {deadline - now:.0f} s left")
        time.sleep(min(pause, max(0.0, deadline - now)))
        pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
        traffic.keep_up()


def _summary(answers: list[Answer]) -> str:
    """The different answers, each once."""
    return "; ".join(dict.fromkeys(answer.summary for answer in answers))


def _text(observation: Observation) -> str:
    if observation.held:
        return f"  ok    {observation.name}: {observation.seen}  ({observation.seconds:.1f} s)"
    return f"  FAIL  {observation.name}: expected {observation.expected}, saw {observation.seen}"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox check",
        description="Check that a deployed stack's workload is healthy, or failing, and that its telemetry says so; or "
        "that a stack is gone, and its foundation is not. "
        "Exit 0: it is as expected. 1: it is not. 2: it could not be checked.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument("--expect", required=True, choices=("healthy", "failing", "gone"))
    parser.add_argument("--requests", type=int, default=5, metavar="N", help="requests to send, 1 to 1000 (5)")
    parser.add_argument(
        "--timeout", type=float, default=300, metavar="S", help="seconds to wait for telemetry to follow (300)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record of the check")
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    if not 1 <= options.requests <= 1000:
        raise UsageError(f"--requests {options.requests}: must be a number from 1 to 1000")
    if not 0 <= options.timeout < float("inf"):
        raise UsageError(f"--timeout {options.timeout:g}: must be a number of seconds, 0 or more")
    if options.json:
        report.check_writable(options.json)
    lines = report.Report()
    lines.line(f"stack {options.stack}: expecting {options.expect}")
    if options.expect == "gone":
        result = check_gone(options.stack, lines)
    else:
        workload = Workload.of(backend.outputs(options.stack))
        result = check(workload, options.expect, options.requests, options.timeout, lines)
    if options.json:
        report.write_json(options.json, {"stack": options.stack, **result.as_json()})
    lines.line(f"stack {options.stack} is {'' if result.held else 'NOT '}{options.expect}")
    return 0 if result.held else 1
