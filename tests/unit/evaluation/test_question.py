"""The question: neutral, the same for every arm, and recognised when an answer repeats it."""

import re
import string
from datetime import datetime, timezone

import pytest

from evaluation.adapters import read
from evaluation.findings import Verdict
from evaluation.question import is_echo, question

SINCE = datetime(2026, 3, 3, 14, 0, tzinfo=timezone.utc)
ASKED = question("storefront", "eu-west-1", SINCE)
HINTS = (
    "incident",
    "sandbox",
    "inject",
    "fail",
    "chaos",
    "roll back",
    "rollback",
    "simulat",
    "experiment",
    "outage",
    "broke",
    "error",
    "test",
    "scenario",
    "variable",
    "environment",
    "lambda",
    "deploy",
    "alarm fired",
    "evaluat",
    "benchmark",
    "score",
    "FAIL_MODE",
    "PRICE_SOURCE",
)


@pytest.mark.parametrize("hint", HINTS)
def test_nothing_in_the_question_is_a_hint(hint: str) -> None:
    assert hint.lower() not in ASKED.lower()


def test_the_question_names_service_region_and_time() -> None:
    first_line = ASKED.splitlines()[0]

    assert first_line == "Is the service storefront in AWS region eu-west-1 healthy since 2026-03-03T14:00:00Z?"


def test_the_question_fits_what_the_agent_takes() -> None:
    assert set(ASKED) <= {*string.ascii_letters, *string.digits, *string.punctuation, " ", "\n"}
    assert len(ASKED) <= 10_000


def test_the_question_asks_for_every_field_of_the_findings_that_an_investigator_fills_in() -> None:
    fields = set(re.findall(r'"(\w+)":', ASKED))

    assert fields == {
        "verdict",
        "causes",
        "role",
        "statement",
        "resources",
        "change",
        "what",
        "to",
        "at",
        "by",
        "ruled_out",
        "onset",
    }


def test_the_question_itself_is_read_as_no_findings() -> None:
    findings = read(ASKED)

    assert (findings.verdict, findings.causes) == (Verdict.UNSTATED, ())


@pytest.mark.parametrize(
    "sentence",
    [
        "If not, what is the root cause: which resource, which change, when?",
        "> **If not, what is the root cause: which resource, which change, when?**",
        "Is the service storefront in AWS region eu-west-1 healthy since 2031-01-01T00:00:00+02:00?",
    ],
)
def test_a_repeated_sentence_is_an_echo(sentence: str) -> None:
    assert is_echo(sentence, ASKED)


@pytest.mark.parametrize(
    "sentence", ["The service is healthy.", "", "The root cause is a change of the resource.", "Healthy."]
)
def test_an_answer_is_no_echo(sentence: str) -> None:
    assert not is_echo(sentence, ASKED)
