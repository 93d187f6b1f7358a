"""Does a stack's workload behave, and is it seen to behave, as expected?

Requests must get the right response several times in a row; then the function's code and policy must be what was
deployed, and the log, the metrics and the alarms must agree. All within one deadline: a new API answers 404 or 500 for
some seconds (Ge0rg3/requests-ip-rotator#17, hashicorp/terraform-provider-aws#17604), and telemetry arrives a minute or
two late.
"""

import functools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from infra.names import BOOTSTRAP_STACK
from ops import project, records
from ops.console import Console
from ops.errors import UsageError
from ops.health import leftovers, requests
from ops.health.requests import Response
from ops.health.telemetry import Telemetry
from ops.health.workload import Workload
from ops.stacks import layout, urn
from ops.stacks.backend import Backend

Expectation = Literal["healthy", "failing", "recovering", "gone"]
"""`recovering` is healthy, except that alarms need not be OK yet."""

FIRST_POLL_SECONDS = 0.1
LONGEST_POLL_SECONDS = 5.0
TRAFFIC_INTERVAL_SECONDS = 60.0
DATE_PRECISION_SECONDS = 1.0  # of the header Date
BESIDE = "beside the stack, of its names or tags"
CLIENT_SECONDS = 180.0
"""How recent the last answer of the stack's own client must be: it runs each minute, and its log comes late."""


@dataclass(frozen=True)
class Observation:
    """One thing looked at: what was expected, what it actually was, and how long the check had run (seconds)."""

    name: str
    expected: str
    actual: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class Result:
    """What a check saw. It passed when every observation did."""

    stack: str
    expect: Expectation
    started: datetime
    responses: list[Response]
    observations: list[Observation]

    @property
    def passed(self) -> bool:
        return all(observation.passed for observation in self.observations)

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.expect != "recovering" or not self.passed:
            expected = "healthy" if self.expect == "recovering" else self.expect
            return f"stack {self.stack} is {'' if self.passed else 'NOT '}{expected}"
        late = [
            observation.name
            for observation in self.observations
            if observation.name.startswith("alarm ") and observation.actual != "OK"
        ]
        if late:
            return f"stack {self.stack}: requests are healthy, not yet OK: {', '.join(late)}"
        return f"stack {self.stack} is healthy"

    def as_record(self) -> dict[str, Any]:
        return {
            **records.new("check", self.started),
            "stack": self.stack,
            "expect": self.expect,
            "passed": self.passed,
            "verdict": self.verdict,
            "requests": [asdict(response) for response in self.responses],
            "observations": [asdict(observation) for observation in self.observations],
        }


class Traffic:
    """The requests of a check, and how many right responses in a row the last ones got."""

    def __init__(self, url: str, expect: Expectation) -> None:
        self._url = url
        self._expect = expect
        self._begin = time.monotonic()
        self._last = self._begin
        self.started = datetime.now(timezone.utc)
        self.responses: list[Response] = []

    @property
    def seconds(self) -> float:
        """How long the check has run."""
        return round(time.monotonic() - self._begin, 3)

    @property
    def since(self) -> float:
        """From when on AWS's telemetry is of these requests: epoch seconds by AWS's clock, to the second before."""
        first = self.responses[0]
        return first.answered - first.milliseconds / 1000 - DATE_PRECISION_SECONDS

    @property
    def streak(self) -> int:
        """How many of the last responses were right, in a row."""
        count = 0
        for response in reversed(self.responses):
            if not self._is_right(response):
                break
            count += 1
        return count

    def send(self) -> None:
        self._last = time.monotonic()
        self.responses.append(requests.send(self._url))

    def keep_up(self) -> None:
        """Send another request when the last is a minute old, or was wrong.

        An alarm whose metric has no new values keeps looking at the old ones for a while, whatever it makes of missing
        data: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
        """
        if self.streak == 0 or time.monotonic() - self._last >= TRAFFIC_INTERVAL_SECONDS:
            self.send()

    def until(self, streak: int) -> tuple[str, bool]:
        """Send requests until as many in a row got the right response, or one got a wrong one; a probe of it."""
        self.send()
        while 0 < self.streak < streak:
            self.send()
        right = self.streak
        earlier = self.responses[: len(self.responses) - right]
        parts = [f"{right} in a row: {_summary(self.responses[-right:])}"] if right else []
        if earlier:
            parts.append(f"{'before that' if right else 'wrong'} {_summary(earlier)}")
        return "; ".join(parts), right >= streak

    def _is_right(self, response: Response) -> bool:
        return response.is_failure if self._expect == "failing" else response.is_healthy


Probe = Callable[[], tuple[str, bool]]
"""Looks at one thing, and returns what it is and whether that is as expected."""


class _Run:
    """One check under way, with its deadline."""

    def __init__(self, traffic: Traffic, timeout: float, console: Console) -> None:
        self._traffic = traffic
        self._deadline = time.monotonic() + timeout
        self._console = console

    def observe(self, name: str, expected: str, probe: Probe, *, keeps_up: bool = True) -> Observation:
        """Probe until it is as expected, or the deadline has passed; print what it came to."""
        pause = FIRST_POLL_SECONDS
        while True:
            actual, passed = probe()
            left = self._deadline - time.monotonic()
            if passed or left <= 0:
                return Observation(name, expected, actual, passed, self._traffic.seconds)
            self._console.status(f"  wait  {name}: {actual}, expecting {expected}; {left:.0f} s left")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
            if keeps_up:
                self._traffic.keep_up()

    def show(self, observation: Observation) -> Observation:
        """Print an observation."""
        if observation.passed:
            self._console.line(f"  ok    {observation.name}: {observation.actual}  ({observation.seconds:.1f} s)")
        else:
            self._console.line(f"  FAIL  {observation.name}: expected {observation.expected}, saw {observation.actual}")
        return observation


def check(
    stack: str,
    workload: Workload,
    expect: Expectation,
    count: int,
    timeout: float,
    console: Console,
    beside: Callable[[], list[str]] | None = None,
) -> Result:
    """Check a workload by `count` requests; `timeout`, in seconds, is for everything together.

    `beside` returns what there is of the stack that is not in its state, which must be nothing. Raises UsageError when
    AWS cannot be asked.
    """
    traffic = Traffic(workload.url, expect)
    run = _Run(traffic, timeout, console)
    right = "a 5xx status" if expect == "failing" else "200 and status healthy"

    def requested() -> Observation:
        return run.observe("requests", f"{count} in a row: {right}", lambda: traffic.until(count), keeps_up=False)

    observations = [run.show(requested())]
    if observations[0].passed:  # the telemetry of something else is not worth waiting for
        try:
            telemetry = Telemetry(workload)
            for name, expected, probe in _deployed(workload, telemetry):
                observations.append(run.show(Observation(name, expected, *probe(), traffic.seconds)))
            if beside is not None:
                resources = beside()
                text = ", ".join(resources) or "nothing"
                observations.append(run.show(Observation(BESIDE, "nothing", text, not resources, traffic.seconds)))
            for name, expected, probe in _probes(workload, telemetry, expect, count, traffic.since):
                observation = run.observe(name, expected, probe)
                if expect == "recovering" and name.startswith("alarm ") and observation.actual == "ALARM":
                    observation = replace(observation, passed=True)
                observations.append(run.show(observation))
        except (ClientError, BotoCoreError) as error:
            raise UsageError(f"AWS cannot be asked about the stack: {error}; check the credentials") from None
        if traffic.streak < count:  # a request that was sent meanwhile got a wrong response
            observations[0] = run.show(requested())
    return Result(stack, expect, traffic.started, traffic.responses, observations)


def check_gone(stack: str, state: Backend, console: Console) -> Result:
    """Check that a stack was destroyed and that its foundation was not: what CI can see of that, which may not read
    bootstrap's state. That the bucket and the key are there, reading the stack's own shows.

    Raises UsageError when the backend cannot be read, or never had such a stack.
    """
    traffic = Traffic("", "gone")
    resources = state.resources(stack)
    if resources is None:
        raise state.no_such_stack(stack)
    left = [urn.name_of(resource["urn"]) for resource in resources]
    is_there = BOOTSTRAP_STACK in state.stacks()
    observations = [
        Observation(f"stack {stack}", "no resources", ", ".join(left) or "none", not left, traffic.seconds),
        Observation(
            "bootstrap", "its state in the bucket", "there" if is_there else "missing", is_there, traffic.seconds
        ),
    ]
    if not left:  # else AWS has what the state has
        others = state.deployed_apps()
        remaining = leftovers.find(layout.stack_name(stack, project.name()), others, state.region)
        except_of = f", except of {', '.join(others)}" if others else ""
        expected = f"nothing of its names or tags{except_of}"
        actual = ", ".join(remaining) or "nothing"
        observations.insert(1, Observation("AWS", expected, actual, not remaining, traffic.seconds))
    run = _Run(traffic, 0, console)
    for observation in observations:
        run.show(observation)
    return Result(stack, "gone", traffic.started, [], observations)


def _deployed(workload: Workload, telemetry: Telemetry) -> list[tuple[str, str, Probe]]:
    """What must be as it was deployed, at once: waiting does not change it."""
    return [
        ("code", f"the deployed package, {workload.code_sha256}", functools.partial(_code, workload, telemetry)),
        ("function policy", _statements(workload.invokers), functools.partial(_policy, workload, telemetry)),
    ]


def _probes(
    workload: Workload, telemetry: Telemetry, expect: Expectation, count: int, since: float
) -> list[tuple[str, str, Probe]]:
    """What follows the requests after a while: name, expected, and a probe."""
    state = "ALARM" if expect == "failing" else "OK"
    late = ", or ALARM for a while yet" if expect == "recovering" else ""
    probes: list[tuple[str, str, Probe]] = [
        (f"alarm {alarm}", state + late, functools.partial(_alarm, telemetry, alarm, state, since))
        for alarm in workload.alarms
    ]
    if workload.client_log_group and expect != "recovering":  # a truth needs traffic from before the change
        probes.append(("client's last answer", _answer(expect), functools.partial(_client, telemetry, expect)))
    if expect == "failing":
        counts: list[tuple[str, Callable[[], int]]] = [
            (f"errors in {workload.log_group}", lambda: telemetry.logged_errors(since)),
            ("metric Errors", lambda: telemetry.errors_metric(since)),
            ("metric 5xx", lambda: telemetry.server_errors_metric(since)),
        ]
        probes += [(name, f"at least {count}", functools.partial(_count, read, count)) for name, read in counts]
    return probes


def _code(workload: Workload, telemetry: Telemetry) -> tuple[str, bool]:
    """Code that somebody else puts into the function stays through deployments that change something else."""
    actual = telemetry.code_sha256()
    passed = actual == workload.code_sha256
    return ("as deployed" if passed else f"{actual}, which is not what was deployed"), passed


def _policy(workload: Workload, telemetry: Telemetry) -> tuple[str, bool]:
    """Likewise a right to invoke it that somebody adds."""
    actual = telemetry.invokers()
    passed = actual == workload.invokers
    return ("as deployed" if passed else _statements(actual)), passed


def _statements(invokers: frozenset[tuple[str, str, str]]) -> str:
    return ", ".join(f"{sid or 'a statement'} for {principal}" for sid, principal, _ in sorted(invokers)) or "nothing"


def _alarm(telemetry: Telemetry, alarm: str, wanted: str, since: float) -> tuple[str, bool]:
    state = telemetry.alarm_state(alarm)
    if state == wanted:
        return state, True
    if wanted == "ALARM" and telemetry.was_in_alarm(alarm, since):
        return f"ALARM, and {state} again since", True
    return state, False


def _answer(expect: Expectation) -> str:
    return "a 5xx status" if expect == "failing" else "200"


def _client(telemetry: Telemetry, expect: Expectation) -> tuple[str, bool]:
    now = time.time()
    answers = telemetry.answers(now - CLIENT_SECONDS, now)
    if not answers:
        return "none", False
    last = answers[-1]
    return str(last.status), last.status >= 500 if expect == "failing" else last.is_ok


def _count(read: Callable[[], int], at_least: int) -> tuple[str, bool]:
    count = read()
    return str(count), count >= at_least


def _summary(responses: list[Response]) -> str:
    """The different responses, each once, with how often it came if more than once."""
    counts = Counter(response.summary for response in responses)
    return "; ".join(f"{summary} ({count} times)" if count > 1 else summary for summary, count in counts.items())
