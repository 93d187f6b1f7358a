"""Who is asked in a campaign: one investigator by its name and the stack, made anew for each question."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from evaluation.asking import Folder
from evaluation.campaign.files import Answer
from evaluation.campaign.waiting import Watch
from evaluation.investigators.investigator import Investigator, Progress
from ops import observer

Factory = Callable[[str], Investigator]
"""Makes the investigator of a stack, with credentials that are fresh."""


class Panel:
    """`factories` and `busy` are by investigator. Of two stacks with one `busy` lock, one is asked about at a time."""

    def __init__(
        self, factories: Mapping[str, Factory], busy: Mapping[tuple[str, str], threading.Lock] | None = None
    ) -> None:
        self._factories = factories
        self._busy = busy or {}

    def ask(self, agent: str, folder: Folder, stack: str, region: str, since: datetime, watch: Watch) -> Answer:
        """Ask, or go on waiting for what was asked. Raises UsageError when it cannot be asked, and Interrupted."""
        lock = self._busy.get((agent, stack), threading.Lock())
        watch.acquire(lock)
        try:
            investigator = self._factories[agent](stack)
            question = folder.begin(stack, agent, observer.service_of(stack), region, since)

            def report(progress: Progress) -> None:
                watch.status("")

            return folder.ask(investigator, question, report)
        finally:
            lock.release()

    def abandon(self, agent: str, folder: Folder, stack: str) -> float | None:
        """End what was asked in a folder and goes on without us; return what it cost, in US dollars, if known."""
        return self._factories[agent](stack).abandon(folder.path)
