"""A person as an investigator: the question is in a file, and the answer is expected in another beside it."""

import time
from pathlib import Path

from evaluation.campaign.files import Answer
from evaluation.investigators.investigator import Cost, Investigator, Progress, Question, Report, completed, decoded

POLL_SECONDS = 0.5
ANSWER = "answer.md"
QUESTION = "question.txt"


class Person(Investigator):
    """`deadline` is in seconds since the question was first asked; waiting can be interrupted and taken up again."""

    name = "person"
    goes_on = f"nobody waits for {ANSWER} now"

    def __init__(self, deadline: float, poll: float = POLL_SECONDS) -> None:
        self._deadline = deadline
        self._poll = poll

    def cost(self) -> Cost:
        return Cost("a person's time")

    def ask(self, question: Question, folder: Path, report: Report) -> Answer:
        (folder / QUESTION).write_text(question.text, encoding="utf-8")
        answer, before = folder / ANSWER, ""
        while True:
            seconds = max(0.0, time.time() - question.started.timestamp())
            text = decoded(answer.read_bytes()) if answer.exists() else ""
            if text.strip() and text == before:  # an editor may still be writing
                return completed(self.name, question, text, seconds)
            if seconds >= self._deadline:
                return Answer(question.started, self.name, "timed_out", text, round(seconds, 3),
                              reason=f"no answer within {self._deadline:g} s", cost_usd=0.0)  # fmt: skip
            report(Progress(f"waiting for {answer}", seconds, 0.0))
            before = text
            time.sleep(self._poll)
