"""Incidents found in a history, what the answers show of one, and what an update changed."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest

from cli import truth as verb
from handler.scenario import SURFACES
from ops.errors import UsageError
from ops.health.telemetry import Answer
from ops.incidents import incident as module
from ops.incidents import truth
from ops.incidents.incident import Incident, Traffic
from ops.stacks import history
from ops.stacks.backend import Backend
from ops.stacks.history import Change, Resources, Update
from tests.unit.evaluation import cases

START = datetime(2026, 11, 25, 14, tzinfo=timezone.utc)
FUNCTION = "aws:lambda/function:Function"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
FAILING, HEALTHY, DESTROYED = "true", "false", None
TAKES = 20
"""Seconds that every update takes."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def resource(inputs: dict[str, Any], type: str = FUNCTION, name: str = "handler", **fields: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:app::incident-sandbox::{type}::{name}"
    return {"urn": urn, "type": type, "id": f"storefront-{name}", "inputs": inputs, **fields}


def state(mode: str | None) -> Resources:
    return [] if mode is None else [resource({"environment": {"variables": {"FAIL_MODE": mode}}})]


def update(seconds: float, resources: Resources, message: str = "") -> Update:
    return Update(at(seconds), at(seconds + TAKES), message, resources)


class FakeBackend:
    """A history with an update each 10 minutes, oldest first; counts how many were read."""

    def __init__(self, *modes: str | None, current: Resources | None = None) -> None:
        self.entries = [update(600 * number, state(mode)) for number, mode in enumerate(modes)]
        self.current = self.entries[-1].resources if current is None else current
        self.read = 0

    def resources(self, stack: str) -> Resources | None:
        return self.current if stack == "app" else None

    def no_such_stack(self, stack: str) -> UsageError:
        return UsageError(f"--stack {stack}: there is no such stack")

    def updates(self, stack: str) -> Iterator[Update]:
        for entry in reversed(self.entries):
            self.read += 1
            yield entry

    def find(self, stack: str = "app") -> Iterator[Incident]:
        return module.find(cast(Backend, self), stack)

    def numbers(self) -> list[tuple[Any, ...]]:
        """Every incident's before, flip, during, recovery and after, as numbers of the updates."""
        number = {entry.started: number for number, entry in enumerate(self.entries)}
        return [
            (
                *(one and number[one.started] for one in (found.before, found.flip)),
                [number[one.started] for one in found.during],
                *(one and number[one.started] for one in (found.recovery, found.after)),
            )
            for found in self.find()
        ]


@pytest.mark.parametrize(
    ("modes", "incidents"),
    [
        ([HEALTHY], []),
        ([HEALTHY, HEALTHY, DESTROYED], []),
        ([HEALTHY, FAILING], [(0, 1, [], None, None)]),
        ([HEALTHY, FAILING, HEALTHY], [(0, 1, [], 2, None)]),
        ([HEALTHY, FAILING, HEALTHY, HEALTHY, HEALTHY], [(0, 1, [], 2, 3)]),
        ([HEALTHY, FAILING, FAILING, FAILING, HEALTHY], [(0, 1, [2, 3], 4, None)]),
        ([HEALTHY, FAILING, FAILING], [(0, 1, [2], None, None)]),
        ([FAILING], [(None, 0, [], None, None)]),
        ([FAILING, FAILING, HEALTHY, HEALTHY], [(None, 0, [1], 2, 3)]),
        ([HEALTHY, DESTROYED, FAILING, HEALTHY], [(1, 2, [], 3, None)]),
        ([HEALTHY, FAILING, DESTROYED], [(0, 1, [], 2, None)]),
        ([HEALTHY, FAILING, HEALTHY, FAILING, HEALTHY], [(2, 3, [], 4, None), (0, 1, [], 2, 3)]),
        ([HEALTHY, FAILING, HEALTHY, HEALTHY, FAILING], [(3, 4, [], None, None), (0, 1, [], 2, 3)]),
    ],
)
def test_incidents_are_found_newest_first(modes: list[str | None], incidents: list[tuple[Any, ...]]) -> None:
    assert FakeBackend(*modes).numbers() == incidents


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_every_surface_makes_an_incident(surface: Any) -> None:
    backend = FakeBackend(HEALTHY)
    failing = [resource({"environment": {"variables": {surface.variable: surface.failing}}})]
    backend.entries.append(update(600, failing))
    backend.current = failing

    assert backend.numbers() == [(0, 1, [], None, None)]


def test_no_more_of_the_history_is_read_than_the_incident_needs() -> None:
    backend = FakeBackend(*[HEALTHY] * 1000, HEALTHY, FAILING, HEALTHY)

    next(backend.find())

    assert backend.read == 3


@pytest.mark.parametrize(
    ("modes", "current", "message"),
    [
        ([HEALTHY], FAILING, "its state is failing"),
        ([HEALTHY, FAILING, HEALTHY], FAILING, "its state is failing"),
        ([], FAILING, "its state is failing"),
        ([HEALTHY, FAILING], HEALTHY, "its state is not failing"),
        ([HEALTHY, FAILING], DESTROYED, "its state is not failing"),
    ],
)
def test_an_update_that_was_killed_before_it_was_recorded_is_an_error(
    modes: list[str | None], current: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=f"^--stack app: {message}, and no update in its history made it so"):
        next(FakeBackend(*modes, current=state(current)).find())


def test_a_stack_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UsageError, match="there is no such stack"):
        next(FakeBackend(HEALTHY).find("other"))


def test_a_stack_without_a_history_has_no_incident() -> None:
    assert list(FakeBackend(current=[]).find()) == []


def incident(recovery: float | None = 1800, before: float | None = -3600, after: float | None = None) -> Incident:
    """An incident whose flip starts at 0 s; the others' starts in seconds."""

    def healthy(seconds: float | None) -> Update | None:
        return None if seconds is None else update(seconds, state(HEALTHY))

    return Incident(healthy(before), update(0, state(FAILING)), (), healthy(recovery), healthy(after))


def answers(*phases: tuple[float, float, int]) -> list[Answer]:
    """A run each minute of two requests, 2 s apart, within each phase of start, end and status."""
    return [
        Answer(at(time + offset).timestamp(), str(time), status)
        for start, end, status in phases
        for time in range(round(start), round(end), 60)
        for offset in (0, 2)
    ]


STEADY = [(-300, 0, 200), (30, 1800, 500), (1830, 2400, 200)]


def traffic(phases: Sequence[tuple[float, float, int]], **updates: float | None) -> Traffic:
    return module.traffic(incident(**updates), answers(*phases), at(2400))


def verdicts(seen: Traffic) -> tuple[bool, bool, bool]:
    return seen.healthy_before, seen.failing_throughout, seen.healthy_after


def test_a_steady_incident_begins_and_ends_with_its_requests() -> None:
    seen = traffic(STEADY)

    assert (seen.onset, seen.end) == (at(30), at(1830))
    assert verdicts(seen) == (True, True, True)
    assert seen.gaps == ()


def test_an_incident_shorter_than_the_precision_of_an_updates_start_fails_throughout() -> None:
    """As on the emulator: the rollback began at 1.7 s, and its entry in the history says 1 s."""
    begun = Update(at(0), at(1.2), "", state(FAILING))
    ended = Update(at(1), at(2), "", state(HEALTHY))
    times = [(0.5, 200), (1.3, 500), (1.6, 500), (1.8, 200), (2.5, 200)]
    sent = [Answer(at(seconds).timestamp(), "run", status) for seconds, status in times]

    seen = module.traffic(Incident(update(-60, state(HEALTHY)), begun, (), ended, None), sent, at(3))

    assert verdicts(seen) == (True, True, True)
    assert (seen.onset, seen.end) == (at(1.3), at(1.8))


def test_an_incident_whose_only_failures_are_while_the_change_is_made_fails_throughout() -> None:
    """As on the emulator, where the next run of the client came after the rollback."""
    begun, ended = Update(at(0), at(1.2), "", state(FAILING)), Update(at(1), at(2), "", state(HEALTHY))
    sent = [Answer(at(seconds).timestamp(), "run", status) for seconds, status in ((-1, 200), (1, 500), (2.5, 200))]

    seen = module.traffic(Incident(update(-60, state(HEALTHY)), begun, (), ended, None), sent, at(3))

    assert verdicts(seen) == (True, True, True)


def test_an_incident_that_goes_on_has_no_end() -> None:
    seen = traffic([(-300, 0, 200), (30, 2400, 500)], recovery=None)

    assert (seen.onset, seen.end) == (at(30), None)
    assert verdicts(seen) == (True, True, False)


def test_answers_while_the_change_is_made_may_be_either() -> None:
    changing = [
        Answer(at(5).timestamp(), "a", 200),
        Answer(at(10).timestamp(), "a", 500),
        Answer(at(15).timestamp(), "a", 200),
    ]

    seen = module.traffic(incident(), sorted([*answers(*STEADY), *changing]), at(2400))

    assert seen.onset == at(10)
    assert verdicts(seen) == (True, True, True)


def test_answers_while_the_change_is_undone_may_be_either() -> None:
    undoing = [Answer(at(1803).timestamp(), "a", 200), Answer(at(1810).timestamp(), "a", 500)]

    seen = module.traffic(incident(), sorted([*answers(*STEADY), *undoing]), at(2400))

    assert seen.end == at(1830)
    assert verdicts(seen) == (True, True, True)


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([(-300, -60, 200), (-60, 0, 500), *STEADY[1:]], (False, True, True)),
        ([(-300, -60, 200), (-60, 0, 0), *STEADY[1:]], (False, True, True)),
        (STEADY[1:], (False, True, True)),
        ([STEADY[0], (30, 900, 500), (930, 960, 200), (990, 1800, 500), STEADY[2]], (True, False, True)),
        ([STEADY[0], (30, 1800, 200), STEADY[2]], (True, False, True)),
        (STEADY[:2], (True, True, False)),
        ([*STEADY[:2], (1830, 2400, 500)], (True, True, False)),
        ([], (False, False, False)),
    ],
    ids=["failing before", "no response before", "none before", "healthy in the middle", "never failing", "none after",
         "failing after", "no traffic"],
)  # fmt: skip
def test_what_the_answers_do_not_show(
    phases: Sequence[tuple[float, float, int]], expected: tuple[bool, bool, bool]
) -> None:
    assert verdicts(traffic(phases)) == expected


def test_without_a_failed_request_there_is_neither_onset_nor_end() -> None:
    for phases in ([], [(-300, 2400, 200)]):
        seen = traffic(phases)
        assert (seen.onset, seen.end) == (None, None)


def test_a_gap_is_more_than_three_intervals_without_a_request() -> None:
    seen = traffic([STEADY[0], (30, 630, 500), (840, 1800, 500), STEADY[2]])

    assert seen.gaps == ((at(572), at(840)),)
    assert verdicts(seen) == (True, False, True)


def test_traffic_that_stops_before_the_rollback_is_a_gap() -> None:
    seen = traffic([STEADY[0], (30, 600, 500)])

    assert seen.gaps == ((at(572), at(1800)),)
    assert verdicts(seen) == (True, False, False)


def test_three_intervals_are_no_gap() -> None:
    assert traffic([STEADY[0], (30, 630, 500), (750, 1800, 500), STEADY[2]]).gaps == ()


def test_requests_before_the_last_update_are_not_looked_at() -> None:
    failing_until_then = [(-900, -300, 500), (-240, 0, 200), *STEADY[1:]]

    assert traffic(failing_until_then, before=-300).healthy_before
    assert not traffic(failing_until_then).healthy_before
    assert traffic([(-1800, -660, 500), *STEADY]).healthy_before, "10 minutes are enough"


def test_the_next_incident_does_not_belong_to_this_one() -> None:
    seen = traffic([*STEADY[:2], (1830, 2000, 200), (2030, 2400, 500)], after=2010)

    assert seen.end == at(1830)
    assert verdicts(seen) == (True, True, True)


def test_the_clients_interval_is_the_median_of_its_runs() -> None:
    steady = answers((0, 600, 200))

    assert module.interval(steady) == timedelta(seconds=60)
    assert module.interval([*steady, *answers((7200, 7260, 200))]) == timedelta(seconds=60)
    assert module.interval(answers((0, 60, 200))) is None, "two requests of one run"
    assert module.interval([]) is None


def changes(before: Resources | None, after: Resources) -> list[tuple[str, str, str | None, str | None]]:
    found = history.changes(None if before is None else update(0, before), update(60, after))
    return [(one.name, one.path, one.before, one.after) for one in found]


def code(text: str, **noted: str) -> Resources:
    asset = {history.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": text, **noted}
    return [resource({"code": {history.SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "assets": {"main.py": asset},
                               **noted}})]  # fmt: skip


def test_the_same_code_as_the_two_engines_note_it_is_no_change() -> None:
    """In the README a rehearsal by the CLI is followed by `./sandbox local up`."""
    path = "code.assets.main.py.text"

    assert changes(code("a", hash="1"), code("a")) == changes(code("a"), code("a", hash="1")) == []
    assert [change[1] for change in changes(code("a", hash="1"), code("b"))] == [path]
    assert [change[1] for change in changes(code("a", hash="1"), code("b", hash="2"))] == [path]


def test_a_change_has_the_path_of_its_leaf() -> None:
    old = resource({"timeout": 3, "environment": {"variables": {"A": "1", "B": "1", "C": "1"}}, "tags": {"x": "y"}})
    new = resource({"timeout": 4, "environment": {"variables": {"A": "2", "B": "1", "D": "1"}}, "tags": {"x": "y"}})

    assert changes([old], [new]) == [
        ("storefront-handler", "environment.variables.A", "1", "2"),
        ("storefront-handler", "environment.variables.C", "1", None),
        ("storefront-handler", "environment.variables.D", None, "1"),
        ("storefront-handler", "timeout", "3", "4"),
    ]


def test_what_is_new_in_a_dictionary_has_the_path_of_its_leaf() -> None:
    variables = {"environment": {"variables": {"A": "1"}}}

    assert changes([resource({})], [resource(variables)]) == [
        ("storefront-handler", "environment.variables.A", None, "1")
    ]
    assert changes([resource(variables)], [resource({"environment": None})]) == [
        ("storefront-handler", "environment.variables.A", "1", None)
    ]
    assert changes([resource({})], [resource({"environment": {}})]) == []


def test_a_list_and_a_dictionary_in_the_place_of_a_value_are_one_change() -> None:
    assert changes([resource({"a": ["x"], "b": "1"})], [resource({"a": ["x", "y"], "b": {"c": "1"}})]) == [
        ("storefront-handler", "a", "['x']", "['x', 'y']"),
        ("storefront-handler", "b", "1", "{'c': '1'}"),
    ]


def test_what_is_created_or_deleted_is_one_change() -> None:
    handler, group = resource({"timeout": 3}), resource({"retentionInDays": 14}, GROUP, "log")

    assert changes([handler], [handler, group]) == [("storefront-log", "exists", "false", "true")]
    assert changes([handler, group], [handler]) == [("storefront-log", "exists", "true", "false")]


def test_a_stack_that_is_made_or_deleted_changes_nothing() -> None:
    assert changes(None, [resource({})]) == changes([], [resource({})]) == changes([resource({})], []) == []


def test_what_is_not_in_aws_or_was_replaced_is_no_change() -> None:
    component = resource({"a": "1"}, "incident-sandbox:infra:App", "app")
    replaced = resource({"timeout": 1}, delete=True)
    defaults = resource({"timeout": 3, "__defaults": ["timeout"], "logging": {"__defaults": []}})

    assert changes([resource({"timeout": 3})], [defaults, replaced, component]) == []


def test_a_change_is_at_the_time_that_pulumi_noted() -> None:
    outputs = {"arn": "arn:aws:lambda:eu-west-1:111122223333:function:storefront-handler"}
    old = update(0, [resource({"timeout": 3})])
    new = update(60, [resource({"timeout": 4}, outputs=outputs, modified="2026-11-25T14:01:02.123456789Z")])

    assert history.changes(old, new) == [
        Change(outputs["arn"], "storefront-handler", FUNCTION, "timeout", "3", "4", at(62.123456))
    ]
    assert history.changes(new, old)[0].at == at(0 + TAKES), "a state that does not say when"


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-11-25T14:00:00.123456789Z", 123456),
        ("2026-11-25T14:00:00.123456Z", 123456),
        ("2026-11-25T14:00:00.12345Z", 123450),
        ("2026-11-25T14:00:00.5Z", 500000),
        ("2026-11-25T14:00:00Z", 0),
        ("2026-11-25T15:00:00.000001999+01:00", 1),
    ],
)
def test_pulumi_notes_nanoseconds(text: str, microsecond: int) -> None:
    assert history.modified({"modified": text}) == START.replace(microsecond=microsecond)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_state_may_not_say_when(text: str | None) -> None:
    assert history.modified({"modified": text}) is None
    assert history.modified({}) is None


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (0, 300, "health"),
        (0, 700, "incident at 600"),
        (1000, 1100, "incident at 600"),
        (1300, 1500, "health"),
        (1300, 3000, "incident at 1800"),
        (0, 3000, "incident at 1800"),
        (2500, 3000, "health"),
    ],
)
def test_the_truth_of_a_time_is_its_last_incident_or_that_it_had_none(
    since: int, until: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = cast(Backend, FakeBackend("false", "true", "false", "true", "false"))

    def of_incident(stack: str, found: Incident) -> dict[str, Any]:
        return {"is": f"incident at {(found.flip.started - START).seconds}"}

    def of_health(*given: object) -> dict[str, Any]:
        assert given == (backend, "app", at(since), at(until), at(until), ())
        return {"is": "health"}

    monkeypatch.setattr(truth, "record", of_incident)
    monkeypatch.setattr(truth, "record_of_health", of_health)

    record = verb._of_time(backend, "app", module.find(backend, "app", at(since)), at(since), at(until))

    assert record == {"is": expected}
    assert cast(FakeBackend, backend).read <= 6 - since // 600  # no more than one update before that time


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--until", "2026-03-03T14:00:00Z"], "--since names the beginning"),
        (["--since", "2026-03-03T14:00:00Z", "--all"], "--since names the beginning"),
        (["--since", "2026-03-03T14:00:00Z", "--until", "2026-03-03T14:00:00Z"], "--since names the beginning"),
        (["--since", "noon"], "--since noon: must be ISO 8601"),
    ],
)
def test_a_time_that_is_none_is_an_error(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        verb.main(["--stack", "app", *arguments])


def test_the_truth_of_health_is_told() -> None:
    record = cases.truth_record(**cases.HEALTHY, observable={"message": "", "requests": {"ok": 60, "failed": 0}})

    assert truth.sentence(record).splitlines() == [
        "no incident of storefront (stack app, eu-west-1)",
        "  client  60 requests answered, 0 failed",
        "  valid   every request answered, no alarm; no change",
    ]


def test_the_truth_says_who_made_the_update() -> None:
    said = truth.sentence(cases.truth_record(observable={"message": "inject-failure by ann,\nhttps://octo.test/9911"}))

    assert "\n  update  inject-failure by ann, https://octo.test/9911\n" in said


@pytest.mark.parametrize(
    ("message", "run"),
    [
        ("inject-failure by ann: https://github.com/octo-org/octo-repo/actions/runs/19650000001", "19650000001"),
        ("./sandbox rehearse", None),
        ("", None),
    ],
)
def test_the_run_is_in_the_message(message: str, run: str | None) -> None:
    assert update(0, [], message).run == run
