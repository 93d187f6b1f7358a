"""`./sandbox check`: does a stack's workload behave, and is it seen to behave, as expected?

Every request must answer as expected; then the log, the metrics and the alarms must say so too, within a deadline,
because on AWS telemetry arrives a minute or two late.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ops import backend, report
from ops.errors import UsageError
from ops.workload import Answer, Workload

Expectation = Literal["healthy", "failing"]

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 5.0


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


def check(outputs: dict[str, Any], expect: Expectation, requests: int, timeout: float, lines: report.Report) -> Result:
    """Check a workload by its stack's outputs; `timeout` in seconds is for all telemetry together.

    Raises UsageError when the outputs are not an app stack's or AWS cannot be asked.
    """
    workload = Workload.of(outputs)
    started = time.time()
    answers = [workload.request() for _ in range(requests)]
    right = sum(answer.is_failure if expect == "failing" else answer.is_healthy for answer in answers)
    wanted = "a 5xx status" if expect == "failing" else "200 and status healthy"
    observations = [
        Observation(
            "requests",
            f"{requests} of {requests} answer {wanted}",
            f"{right} of {requests}; {_summary(answers)}",
            right == requests,
            round(time.time() - started, 3),
        )
    ]
    lines.line(_text(observations[0]))
    if not observations[0].held:  # telemetry of something else is not worth waiting for
        return Result(expect, answers, observations)

    deadline = time.time() + timeout
    try:
        for name, expected, probe in _probes(workload, expect, requests, started):
            observations.append(_await(name, expected, probe, started, deadline, lines))
            lines.line(_text(observations[-1]))
    except (ClientError, BotoCoreError) as error:
        raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None
    return Result(expect, answers, observations)


Probe = Callable[[], tuple[str, bool]]


def _probes(workload: Workload, expect: Expectation, requests: int, started: float) -> list[tuple[str, str, Probe]]:
    """What to look at besides the answers: name, expected, and a probe that says what it sees and whether it holds."""
    # Alarms first: on AWS they are the last to follow, but in a rehearsal's fast clock they are also gone soonest.
    probes: list[tuple[str, str, Probe]] = []
    state = "ALARM" if expect == "failing" else "OK"
    for alarm in workload.alarms:
        probes.append((f"alarm {alarm}", state, lambda alarm=alarm: _alarm(workload, alarm, state, started)))  # type: ignore[misc]
    if expect == "failing":
        at_least = f"at least {requests}"
        probes.append(
            (
                f"errors in {workload.log_group}",
                at_least,
                lambda: _count(workload.logged_errors(started), requests),
            )
        )
        for metric in ("Errors", "5xx"):
            probes.append(
                (
                    f"metric {metric}",
                    at_least,
                    lambda metric=metric: _count(workload.metric(metric, started), requests),  # type: ignore[misc]
                )
            )
    return probes


def _alarm(workload: Workload, alarm: str, wanted: str, started: float) -> tuple[str, bool]:
    state = workload.alarm_state(alarm)
    if state == wanted:
        return state, True
    if wanted == "ALARM" and workload.was_in_alarm(alarm, started):
        return f"ALARM, and {state} again since", True
    return state, False


def _count(count: int, at_least: int) -> tuple[str, bool]:
    return str(count), count >= at_least


def _await(
    name: str, expected: str, probe: Probe, started: float, deadline: float, lines: report.Report
) -> Observation:
    pause = FIRST_POLL_SECONDS
    while True:
        seen, held = probe()
        now = time.time()
        if held or now >= deadline:
            return Observation(name, expected, seen, held, round(now - started, 3))
        lines.waiting(f"  wait  {name}: {seen}, expecting {expected}; {deadline - now:.0f} s left")
        time.sleep(min(pause, max(0.0, deadline - now)))
        pause = min(pause * 1.5, LONGEST_POLL_SECONDS)


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
        description="Check that a deployed stack's workload is healthy, or failing, and that its telemetry says so. "
        "Exit 0: it is as expected. 1: it is not. 2: it could not be checked.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument("--expect", required=True, choices=("healthy", "failing"))
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
    result = check(backend.outputs(options.stack), options.expect, options.requests, options.timeout, lines)
    if options.json:
        report.write_json(options.json, {"stack": options.stack, **result.as_json()})
    lines.line(f"stack {options.stack} is {'' if result.held else 'NOT '}{options.expect}")
    return 0 if result.held else 1
