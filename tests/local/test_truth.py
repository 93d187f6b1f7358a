"""./sandbox truth and ./sandbox timeline, of incidents that the test begins and ends as a user does.

The emulator's clock is 60 times faster than AWS's: the stack's client sends its requests each second.
"""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from evaluation import truth
from infra.names import AppNames
from local_aws.emulator.process import CLOCK_SCALE
from tests.local.conftest import Deployed

APP = AppNames("app")
UPDATE = "UpdateFunctionConfiguration20150331v2"
RUNS = 2
"""So many runs of the client between two updates: in all they take longer than CloudTrail's precision, a second."""

DEADLINE_SECONDS = 60


@contextlib.contextmanager
def incident(deployed: Deployed, stack: str = "app") -> Iterator[None]:
    """Have an incident in a stack whose client has run before, during and after it."""
    wait_for_traffic(deployed, stack, 200)
    up(deployed, stack, "failMode=true")
    try:
        wait_for_traffic(deployed, stack, 500)
        yield
        wait_for_traffic(deployed, stack, 500)
    finally:
        up(deployed, stack, "failMode=false")
    wait_for_traffic(deployed, stack, 200)


def wait_for_traffic(deployed: Deployed, stack: str, status: int) -> None:
    """Wait until some runs of the stack's client, from now on, are in its log; all requests must get this status."""
    since = time.time()
    with contextlib.closing(deployed.client("logs")) as logs:
        while time.time() < since + DEADLINE_SECONDS:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=AppNames(stack).client_log_group, startTime=int(since * 1000)
            )
            messages = [event["message"] for page in pages for event in page["events"]]
            sent = [json.loads(message) for message in messages if '"sent"' in message]
            new = [record for record in sent if record["sent"] >= since]
            assert {record["status"] for record in new} <= {status}
            if len({record["requestId"] for record in new}) >= RUNS:
                return
            time.sleep(0.1)
    pytest.fail(f"the client of stack {stack} has not run {RUNS} times in {DEADLINE_SECONDS} s")


def up(deployed: Deployed, stack: str, *settings: str) -> None:
    config = itertools.chain.from_iterable(("--config", setting) for setting in settings)
    result = deployed("local", "up", "--stack", stack, *config)
    assert result.returncode == 0, result.stderr


def tell(deployed: Deployed, folder: Path, expected: int, stack: str = "app") -> dict[str, Any]:
    """Return the record of `./sandbox truth`, which must exit as expected and write one that evaluation reads."""
    file = folder / "truth.json"
    result = deployed("truth", "--stack", stack, "--json", str(file))
    assert result.returncode == expected, result.stdout + result.stderr
    truth.load(file)
    record: dict[str, Any] = json.loads(file.read_text())
    assert record["valid"]["valid"] is (expected == 0)
    assert all(f"NOT VALID: {reason}" in result.stdout for reason in record["valid"]["why"])
    return record


@dataclass(frozen=True)
class Lasted:
    """An incident of 30 of AWS's minutes, with nobody calling except the stack's own client."""

    before: datetime
    after: datetime
    file: Path
    record: dict[str, Any]


@pytest.fixture(scope="module")
def lasted(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Lasted:
    before = datetime.now(timezone.utc)
    with incident(deployed):
        time.sleep(30 * 60 / CLOCK_SCALE)
    after = datetime.now(timezone.utc)
    folder = tmp_path_factory.mktemp("lasted")
    return Lasted(before, after, folder / "truth.json", tell(deployed, folder, 0))


def test_a_valid_incident_is_what_was_done_and_its_timeline_shows_the_onset(
    deployed: Deployed, lasted: Lasted, tmp_path: Path
) -> None:
    before, after, record = lasted.before, lasted.after, truth.load(lasted.file)

    change = record.change
    assert change is not None
    assert change.arn == f"arn:aws:lambda:eu-west-1:{record.account}:function:{APP.function}"
    assert (change.path, change.old_value, change.new_value) == ("environment.variables.FAIL_MODE", "false", "true")
    assert (change.api, change.session, change.run) == (UPDATE, "root", None)
    assert (record.stack, record.surface, record.region, record.service) == (
        "app",
        "named",
        "eu-west-1",
        "storefront-app",
    )
    assert record.onset is not None
    assert record.end is not None
    assert before <= change.earliest <= change.latest < record.end < after
    assert change.earliest <= record.onset < record.end
    assert record.other_changes == ()
    assert set(record.consequences) == {APP.errors_alarm, APP.server_errors_alarm}
    assert record.aliases[change.arn] == (APP.function,)
    assert min(record.observable["requests"].values()) > 0

    page = tmp_path / "timeline.html"
    markdown = deployed("timeline", "--stack", "app")
    written = deployed("timeline", "--stack", "app", "--html", str(page))
    assert (markdown.returncode, written.returncode) == (0, 0), markdown.stderr + written.stderr
    later = deployed("timeline", "--stack", "app", "--since", after.isoformat())
    assert later.returncode == 0, later.stderr
    assert "Onset" not in later.stdout
    assert f"| {record.onset:%H:%M:%S} | Onset: requests begin to fail |" in markdown.stdout
    assert f'<time datetime="{record.onset.isoformat()}">' in page.read_text(encoding="utf-8")


def test_alarms_stay_in_alarm_by_the_stacks_own_traffic(
    lasted: Lasted, record_property: Callable[[str, object], None]
) -> None:
    """The emulator's alarms and updates have times to the second."""
    record = lasted.record

    onset, end = _epoch(record["onset"]), _epoch(record["end"])
    begun = _epoch(record["change"]["earliest"])
    lines, shares = [f"clock {CLOCK_SCALE} times faster; the incident took {end - onset:.1f} s"], []
    for name, transitions in record["observable"]["alarms"].items():
        states = [(_epoch(one["at"]), one["state"]) for one in transitions]
        first = next(at for at, state in states if state == "ALARM" and at >= begun)
        shares.append(in_alarm(states, onset, end) / (end - onset))
        lines.append(f"{name:<29} in ALARM for {shares[-1]:.1%}, first {first - begun:.0f} s after the update began")
    record_property("section", ("alarms during an incident of 30 scaled minutes", lines))
    assert min(shares) >= 0.95, lines


def test_an_incident_that_goes_on_is_not_valid_yet(deployed: Deployed, tmp_path: Path) -> None:
    with incident(deployed):
        record = tell(deployed, tmp_path, 1)

    assert record["end"] is None
    assert record["onset"] is not None
    assert record["valid"]["why"] == ["the incident goes on"]
    tell(deployed, tmp_path, 0)


def test_another_change_during_the_incident_makes_it_invalid(deployed: Deployed, tmp_path: Path) -> None:
    with incident(deployed):
        up(deployed, "app", "failMode=true", "logRetentionDays=30")

    record = tell(deployed, tmp_path, 1)

    groups = (APP.log_group, APP.access_log_group, APP.client_log_group)
    retentions = [(one["path"], one["from"], one["to"]) for one in record["other_changes"]]
    assert sorted(retentions) == sorted(
        [("retentionInDays", "14", "30")] * len(groups) + [("retentionInDays", "30", "14")] * len(groups)
    )
    for group in groups:
        assert any(f"{group} retentionInDays was changed too" in reason for reason in record["valid"]["why"])
    assert record["change"]["path"] == "environment.variables.FAIL_MODE"


def test_a_call_that_no_update_made_is_named_with_its_session(deployed: Deployed, tmp_path: Path) -> None:
    with contextlib.closing(deployed.client("lambda")) as client:
        with incident(deployed):
            wait_for_traffic(deployed, "app", 500)  # a call within a second of an update could be the update's
            client.update_function_configuration(FunctionName=APP.function, Timeout=7)
            wait_for_traffic(deployed, "app", 500)
        record = tell(deployed, tmp_path, 1)
        client.update_function_configuration(FunctionName=APP.function, Timeout=5)

    (reason,) = record["valid"]["why"]
    assert reason.startswith(f"root called {UPDATE} at ")
    assert reason.endswith(", which no update of the stack did")


def test_all_incidents_are_told_newest_first(deployed: Deployed, tmp_path: Path) -> None:
    with incident(deployed):
        pass
    assert deployed("local", "destroy").returncode == 0
    up(deployed, "app")
    with incident(deployed):
        pass
    file = tmp_path / "truths.json"

    result = deployed("truth", "--stack", "app", "--all", "--json", str(file))

    newest, destroyed, *earlier = [truth.from_record(record) for record in json.loads(file.read_text())]
    assert newest.is_valid, result.stdout
    assert not destroyed.is_valid, "its logs were deleted with its app"
    assert newest.id > destroyed.id > "".join(record.id for record in earlier[:1])
    assert result.returncode == 1
    assert result.stdout.count("incident app-") == 2 + len(earlier)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", "bootstrap"], "--stack bootstrap: its history has no incident"),
        (["--stack", "bootstrap", "--all"], "--stack bootstrap: its history has no incident"),
        (["--stack", "nope"], "--stack nope: there is no such stack in s3://"),
        (["--stack", "app", "--json", "/nowhere/x.json"], "/nowhere/x.json cannot be written (No such file"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], message: str, deployed: Deployed) -> None:
    result = deployed("truth", *arguments)

    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_surface_plain_names_nothing(deployed: Deployed, tmp_path: Path) -> None:
    up(deployed, "plain", "failMode=false")
    try:
        with incident(deployed, "plain"):
            pass
        record = tell(deployed, tmp_path, 0, "plain")
    finally:
        assert deployed("local", "destroy", "--stack", "plain").returncode == 0

    change = record["change"]
    assert record["surface"] == "plain"
    assert (change["path"], change["from"], change["to"]) == (
        "environment.variables.PRICE_SOURCE",
        "catalog",
        "legacy",
    )


def in_alarm(states: list[tuple[float, str]], since: float, until: float) -> float:
    """Return how many seconds between two times an alarm was in ALARM, by its transitions."""
    bounds = [*(at for at, _ in states[1:]), until]
    return sum(
        max(0.0, min(end, until) - max(at, since))
        for (at, state), end in zip(states, bounds, strict=True)
        if state == "ALARM"
    )


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
