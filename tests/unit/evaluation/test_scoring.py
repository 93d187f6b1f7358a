"""Verdicts, records, references and the rules that a single answer shows best."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from evaluation import records, scoring
from evaluation.adapters import read
from evaluation.findings import Cause, Findings, ReportedChange, Role, Verdict
from evaluation.question import question
from evaluation.scoring import Axis, AxisScore, Outcome, Score
from tests.unit.evaluation.cases import HANDLER, TRUTHS

STARTED = datetime(2026, 3, 3, 14, 30, tzinfo=timezone.utc)
RIGHT = Findings(
    Verdict.FAULT,
    "test",
    (
        Cause(
            Role.ROOT,
            "FAIL_MODE was set to true on storefront-app-handler",
            (HANDLER,),
            ReportedChange("FAIL_MODE", "true", "2026-03-03T14:02:12Z", "deploy-4711"),
        ),
    ),
)


def outcomes(findings: Findings, truth: str = "named") -> dict[str, str]:
    return {axis.value: result.outcome.value for axis, result in scoring.score(TRUTHS[truth], findings).axes.items()}


def at(time: str) -> Findings:
    cause = RIGHT.causes[0]
    assert cause.change is not None
    return replace(RIGHT, causes=(replace(cause, change=replace(cause.change, at=time)),))


def axes(**given: Outcome) -> dict[Axis, AxisScore]:
    return {axis: AxisScore(given.get(axis.value, Outcome.HIT), None, "") for axis in Axis}


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "PASS"),
        ({"change": Outcome.MISS, "time": Outcome.MISS}, "PASS"),
        ({"mechanism": Outcome.UNDECIDED}, "UNDECIDED"),
        ({"mechanism": Outcome.UNDECIDED, "component": Outcome.MISS}, "FAIL"),
        ({"no_rival_root": Outcome.MISS}, "FAIL"),
        ({"detected": Outcome.MISS}, "FAIL"),
        ({"false_alarm": Outcome.MISS}, "FAIL"),
        ({"time": Outcome.UNDECIDED}, "PASS"),
    ],
)
def test_a_pass_needs_detection_component_mechanism_and_no_rival(given: dict[str, Outcome], verdict: str) -> None:
    assert Score(axes(**given)).verdict == verdict


@pytest.mark.parametrize("truth", ["named", "healthy"])
def test_a_score_is_a_valid_record(truth: str) -> None:
    record = scoring.score(TRUTHS[truth], RIGHT).record(STARTED)

    assert records.validate(record, "score", "test") == record
    assert record["verdict"] == {"named": "PASS", "healthy": "FAIL"}[truth]
    assert record["axes"]["mechanism"]["decided_by"] == "scorer"


def test_the_sentence_that_decided_is_given() -> None:
    score = scoring.score(TRUTHS["named"], read("Hello. Requests fail because FAIL_MODE is true on the handler. Bye."))

    assert score.axes[Axis.MECHANISM].sentence == "Requests fail because FAIL_MODE is true on the handler."


@pytest.mark.parametrize(
    ("time", "outcome"),
    [
        ("2026-03-03T14:02:10Z", "hit"),
        ("2026-03-03T14:00:10Z", "hit"),
        ("2026-03-03T14:00:09Z", "miss"),
        ("2026-03-03T14:04:31Z", "hit"),
        ("2026-03-03T14:04:32Z", "miss"),
        ("2026-03-03T15:02:12+01:00", "hit"),
        ("2026-03-03T14:02:12+01:00", "miss"),
        ("2026-03-03 2:02 pm", "hit"),
        ("2026-03-02T14:02:12Z", "miss"),
        ("14:02", "hit"),
        ("14:05", "miss"),
    ],
)
def test_a_time_may_be_120_seconds_from_the_change_or_the_onset(time: str, outcome: str) -> None:
    assert outcomes(at(time))["time"] == outcome


def test_the_old_value_is_never_required() -> None:
    with_old = read("Root cause: FAIL_MODE of storefront-app-handler went from banana to true at 14:02 UTC.")

    assert outcomes(with_old)["mechanism"] == "hit"


@pytest.mark.parametrize("value", ["true", "True", "`true`", "on", "enabled"])
def test_a_boolean_may_be_written_in_other_words(value: str) -> None:
    assert outcomes(read(f"Root cause: FAIL_MODE was changed to {value} on the handler."))["mechanism"] == "hit"


@pytest.mark.parametrize("name", ["PRICE_SOURCE", "priceSource", "price-source", "price source", "Price Source"])
def test_the_variable_may_be_written_in_other_forms(name: str) -> None:
    answer = read(f"Requests fail because {name} was changed to legacy on storefront-app-handler.")

    assert outcomes(answer, "plain")["mechanism"] == "hit"


@pytest.mark.parametrize("name", ["FAIL_MODE", "MY_PRICE_SOURCE", "PRICE_SOURCE_URL"])
def test_another_variable_is_not_taken_for_it(name: str) -> None:
    answer = read(f"Requests fail because {name} was changed to legacy on storefront-app-handler.")

    assert outcomes(answer, "plain")["mechanism"] == "miss"


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("PRICE_SOURCE=legacy", "hit"),
        ("PRICE_SOURCE: legacy.", "hit"),
        ("PRICE_SOURCE -> legacy", "hit"),
        ("PRICE_SOURCE was changed by deploy-4711 from catalog to legacy", "hit"),
        ("PRICE_SOURCE: deploy-4711 changed it at 14:02", "hit"),
        ("PRICE_SOURCE was added to storefront-app-handler", "hit"),
        ("PRICE_SOURCE is wrong", "hit"),
        ("PRICE_SOURCE was changed to catalog", "miss"),
        ("PRICE_SOURCE=warehouse", "miss"),
        ("PRICE_SOURCE was disabled", "miss"),
        ("PRICE_SOURCE was deleted", "miss"),
        ("PRICE_SOURCE was changed to warehouse", "undecided"),
    ],
)
def test_the_variable_must_not_be_named_with_another_value(words: str, outcome: str) -> None:
    answer = read(f"Root cause: on storefront-app-handler, {words}")

    assert outcomes(answer, "plain")["mechanism"] == outcome


def test_a_healthy_service_has_one_axis() -> None:
    result = outcomes(Findings(Verdict.NO_FAULT, "test"), "healthy")

    assert result.pop("false_alarm") == "hit"
    assert set(result.values()) == {"not_applicable"}


ALWAYS_HEALTHY = Findings(Verdict.NO_FAULT, "always-healthy", text="The service is healthy.")
SHOTGUN = Findings(
    Verdict.FAULT,
    "shotgun",
    (
        *RIGHT.causes,
        Cause(Role.ROOT, "The IAM role lacks a permission", ("storefront-app-role",)),
        Cause(Role.ROOT, "API Gateway is throttled", ("storefront-app-http",)),
    ),
)
LAST_CHANGE = Findings(
    Verdict.FAULT,
    "last-change",
    (Cause(Role.ROOT, "The last change: memorySize of storefront-app-caller", ("storefront-app-caller",)),),
)
ECHO = read(question("storefront", "eu-west-1", STARTED))


@pytest.mark.parametrize(
    ("truth", "findings", "verdict"),
    [
        ("named", ALWAYS_HEALTHY, "FAIL"),
        ("healthy", ALWAYS_HEALTHY, "PASS"),
        ("named", SHOTGUN, "FAIL"),
        ("healthy", SHOTGUN, "FAIL"),
        ("decoy", LAST_CHANGE, "FAIL"),
        ("healthy_decoy", LAST_CHANGE, "FAIL"),
        ("named", ECHO, "FAIL"),
        ("healthy", ECHO, "UNDECIDED"),
        ("named", RIGHT, "PASS"),
    ],
)
def test_references_pass_only_where_they_are_right(truth: str, findings: Findings, verdict: str) -> None:
    assert scoring.score(TRUTHS[truth], findings).verdict == verdict


def test_structured_causes_count_where_the_prose_only_says_less() -> None:
    assert outcomes(replace(RIGHT, text="The Lambda function fails."))["mechanism"] == "hit"


def test_prose_that_denies_the_structured_cause_makes_it_undecided() -> None:
    assert outcomes(replace(RIGHT, text="FAIL_MODE was ruled out."))["mechanism"] == "undecided"


def test_a_rival_in_prose_beside_a_right_structured_cause_is_undecided() -> None:
    assert outcomes(replace(RIGHT, text="The root cause is an expired certificate."))["no_rival_root"] == "undecided"


def test_a_verdict_that_the_prose_contradicts_is_undecided() -> None:
    assert outcomes(replace(RIGHT, text="The service is healthy."))["detected"] == "undecided"
