"""The interface of an investigator: a question in, an answer out."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from evaluation.campaign.files import Answer
from evaluation.question import question


@dataclass(frozen=True)
class Question:
    """What is asked, and since when it was first asked. `service` is the start of the names of what it is about."""

    started: datetime
    service: str
    region: str
    since: datetime

    @property
    def text(self) -> str:
        """The question as the investigator reads it."""
        return question(self.service, self.region, self.since)


@dataclass(frozen=True)
class Progress:
    """How far an investigation is: its status in the investigator's words, and what it has cost so far, if known."""

    status: str
    seconds: float
    cost_usd: float | None = None


Report = Callable[[Progress], None]
"""Takes the progress, several times."""


@dataclass(frozen=True)
class Cost:
    """What one answer may cost: `most_usd` is the bound, None where there is none that we know of."""

    sentence: str
    most_usd: float | None = 0.0


class Investigator(Protocol):
    """Whoever is asked. `folder` is the answer's, which exists, and in which an interrupted wait finds its trace."""

    name: str
    goes_on: str = ""
    """What to know after an interrupted wait, where not everything ended with it."""

    def cost(self) -> Cost:
        """Return what one answer may cost."""

    def ask(self, question: Question, folder: Path, report: Report) -> Answer:
        """Ask, wait and return the answer, void where there is none.

        `report` is called while it waits, and what that raises ends the waiting. Raises UsageError when it cannot be
        asked at all; nothing was asked then.
        """

    def abandon(self, folder: Path) -> float | None:
        """End what was asked in this folder and goes on by itself; return what it cost, in US dollars, if known.

        Most have nothing that goes on.
        """
        return None


def decoded(content: bytes) -> str:
    """Return the text of an answer: UTF-8, or what the mark at its beginning says, as PowerShell and Notepad write it.

    What is neither has replacement characters.
    """
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf_16 else "utf-8-sig", "replace")


def completed(agent: str, question: Question, text: str, seconds: float, raw: Any = None) -> Answer:
    """Return an answer that cost nothing."""
    return Answer(question.started, agent, "completed", text, round(seconds, 3), cost_usd=0.0, raw=raw)
