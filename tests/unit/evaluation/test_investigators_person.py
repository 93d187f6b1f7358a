"""A person as an investigator."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from evaluation.investigators.investigator import Progress, Question
from evaluation.investigators.person import Person

NOW = datetime.now(timezone.utc)


def test_the_question_is_in_a_file_and_the_answer_is_waited_for_until_it_is_written(tmp_path: Path) -> None:
    question = Question(datetime.now(timezone.utc), "storefront-app", "eu-west-1", NOW)
    drafts = ["", "The cause", "The cause is FAIL_MODE."]

    def write(progress: Progress) -> None:
        assert (tmp_path / "question.txt").read_text() == question.text
        if drafts:
            (tmp_path / "answer.md").write_text(drafts.pop(0))

    answer = Person(60, poll=0.01).ask(question, tmp_path, write)

    assert (answer.status, answer.text) == ("completed", "The cause is FAIL_MODE.")


def test_the_deadline_counts_from_the_question_also_after_an_interruption(tmp_path: Path) -> None:
    question = Question(datetime.now(timezone.utc) - timedelta(seconds=61), "storefront-app", "eu-west-1", NOW)

    answer = Person(60, poll=0.01).ask(question, tmp_path, lambda progress: None)

    assert (answer.status, answer.reason) == ("timed_out", "no answer within 60 s")
    assert answer.seconds >= 61


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_answer_is_read_as_the_persons_editor_writes_it(encoding: str, tmp_path: Path) -> None:
    """https://github.com/jotaen/klog/issues/217: PowerShell's `>` writes UTF-16."""
    question = Question(datetime.now(timezone.utc), "storefront-app", "eu-west-1", NOW)
    written = '{"verdict": "no_fault", "text": "gesund, ä"}'
    (tmp_path / "answer.md").write_text(written, encoding=encoding)

    answer = Person(60, poll=0.01).ask(question, tmp_path, lambda progress: None)

    assert answer.text == written
