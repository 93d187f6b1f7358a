"""A campaign: the trials of each stack one after another, the stacks side by side, until all are done."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evaluation.campaign.files import CampaignFolder, Status, Trial
from evaluation.campaign.plan import Planned, order_of
from evaluation.campaign.progress import Progress
from evaluation.campaign.stack import UpdatedStack
from evaluation.campaign.trial import INTERRUPTED, Asker, TrialRun
from evaluation.campaign.waiting import Interrupted, Stop, Watch
from ops.errors import UsageError
from ops.stacks.backend import Backend

MOST_VOIDS = 3
"""A run gives a stack up after so many void attempts at one trial: what voids them has to be looked at."""

POLL_SECONDS = 0.2


class BudgetSpentError(Exception):
    """The next question could cost more than there is left."""


@dataclass
class Budget:
    """US dollars over all stacks: `spent`, and the most that questions under way may cost. None: no limit."""

    most: float | None
    spent: float = 0.0
    reserved: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, amount: float) -> None:
        """Raises BudgetSpentError when that could be too much."""
        with self._lock:
            if self.most is not None and self.spent + self.reserved + amount > self.most:
                raise BudgetSpentError
            self.reserved += amount

    def expect(self, amount: float) -> None:
        """Reserve it for a question that was asked before, whether it is too much or not."""
        with self._lock:
            self.reserved += amount

    def settle(self, amount: float, cost: float) -> None:
        """Replace a reserved amount with what it did cost."""
        with self._lock:
            self.reserved -= amount
            self.spent += cost


@dataclass(frozen=True)
class Result:
    """How a run ended. `problems` are by stack: what has to be mended before the rest can run."""

    problems: Mapping[str, str]
    is_budget_spent: bool


class CampaignRun:
    """`folders` are by investigator; `planned` are this run's trials, `questions_usd` what one incident may cost.

    `is_elsewhere` says that the stacks are not those of the killed run, so that nothing of it can be gone on with.
    """

    def __init__(
        self,
        stacks: Mapping[str, UpdatedStack],
        backend: Backend,
        folders: Mapping[str, CampaignFolder],
        planned: Sequence[Planned],
        seed: int,
        asker: Asker,
        budget: Budget,
        questions_usd: float,
        pause_seconds: float,
        progress: Progress,
        *,
        is_elsewhere: bool,
    ) -> None:
        self._stacks = stacks
        self._backend = backend
        self._folders = folders
        self._planned = planned
        self._seed = seed
        self._asker = asker
        self._budget = budget
        self._questions_usd = questions_usd
        self._pause_seconds = pause_seconds
        self._progress = progress
        self._is_elsewhere = is_elsewhere
        self._stop = Stop()
        self._problems: dict[str, str] = {}
        self._unexpected: list[BaseException] = []
        self._is_budget_spent = False

    def run(self) -> Result:
        """Run until every trial is done, a stack cannot go on, or the budget is spent.

        Raises KeyboardInterrupt, after every app is healthy again.
        """
        threads = [threading.Thread(target=self._work, args=(name,), name=name) for name in self._stacks]
        with self._stop.by_signals():
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                time.sleep(POLL_SECONDS)
                self._progress.refresh(is_stopping=self._stop.is_set)
        if self._unexpected:
            raise self._unexpected[0]
        if self._stop.is_set:
            raise KeyboardInterrupt
        return Result(self._problems, self._is_budget_spent)

    def _work(self, stack: str) -> None:
        watch = Watch(self._stop, lambda text: self._progress.stage(stack, text))
        try:
            self._run_stack(stack, watch)
        except Interrupted:
            pass
        except UsageError as error:
            self._problems[stack] = str(error)
        except BudgetSpentError:
            self._is_budget_spent = True
        except BaseException as error:
            self._unexpected.append(error)
            self._stop.is_set = True
        finally:
            self._progress.ended(stack)

    def _run_stack(self, stack: str, watch: Watch) -> None:
        trial_run = TrialRun(self._stacks[stack], self._backend, self._folders, self._asker, watch)
        mine = [planned for planned in self._planned if planned.stack == stack]
        watch.stage("taking over")
        self._stacks[stack].recover(watch)
        for planned in mine:
            self._resume(planned, trial_run)
        if any(self._pending(planned) for planned in mine):
            self._stacks[stack].refuse_other_changes()
        for planned in mine:
            voids = 0
            while agents := self._pending(planned):
                watch.status("")
                if voids == MOST_VOIDS:
                    raise UsageError(f"trial {planned.id} on stack {stack} was void {voids} times: "
                                     f"{self._last_reason(planned)}; mend that, and run this again, which goes on"
                                     )  # fmt: skip
                self._budget.reserve(self._questions_usd)
                with self._settled(planned):
                    attempt = 1 + max((trial.attempt for _, trial in self._attempts(planned)), default=0)
                    self._progress.begin(stack, planned.id)
                    try:
                        trial_run.run(planned, order_of(agents, self._seed, planned.id), attempt)
                    finally:
                        self._progress.end(stack, is_void=bool(self._pending(planned)))
                voids += 1
                watch.stage("pause")
                watch.sleep(self._pause_seconds)

    def _resume(self, planned: Planned, trial_run: TrialRun) -> None:
        """Go on with what a killed run left under way."""
        ended = (Status.DONE, Status.VOID)
        under_way = {agent: trial for agent, trial in self._attempts(planned) if trial.status not in ended}
        if not under_way:
            return
        if self._is_elsewhere:
            for agent, trial in under_way.items():
                self._folders[agent].void(trial, INTERRUPTED)
            return
        self._budget.expect(self._questions_usd)
        with self._settled(planned):
            trial_run.resume(under_way)

    @contextlib.contextmanager
    def _settled(self, planned: Planned) -> Iterator[None]:
        """Replace what is reserved for a trial's questions with what they cost in a `with` block."""
        before = self._cost(planned)
        try:
            yield
        finally:
            self._budget.settle(self._questions_usd, self._cost(planned) - before)

    def _pending(self, planned: Planned) -> list[str]:
        return [agent for agent, folder in self._folders.items() if not folder.is_done(planned.id)]

    def _attempts(self, planned: Planned) -> list[tuple[str, Trial]]:
        return [(agent, trial) for agent, folder in self._folders.items() for trial in folder.attempts(planned.id)]

    def _last_reason(self, planned: Planned) -> str | None:
        reasons = [trial.void_reason for _, trial in self._attempts(planned) if trial.void_reason]
        return reasons[-1] if reasons else None

    def _cost(self, planned: Planned) -> float:
        return sum(trial.cost_usd or 0.0 for _, trial in self._attempts(planned))
