"""One incident, or none, on one stack, and what each investigator says of it.

Healthy before, the change, its symptom or the absence of one, CloudTrail, the question, the answer; then the change is
taken back, and the stack is healthy again. Each stage is in trial.json before the next begins, so that a run that was
killed can be gone on with.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from evaluation import asking
from evaluation.asking import Folder
from evaluation.campaign.files import Answer, Arm, CampaignFolder, Status, Trial, truth_seal
from evaluation.campaign.plan import HARMLESS, Planned
from evaluation.campaign.stack import UpdatedStack
from evaluation.campaign.waiting import Watch
from evaluation.truth import from_record
from ops.errors import UsageError
from ops.health.check import Expectation, check
from ops.health.telemetry import Telemetry
from ops.health.workload import Workload, stack_outputs
from ops.incidents import incident, truth
from ops.stacks import status
from ops.stacks.backend import Backend

REQUESTS = 3
HEALTHY_SECONDS = 600
SYMPTOM_SECONDS = 600
CLOUDTRAIL_SECONDS = 1800
"""An event comes within 5 minutes on average, which AWS does not guarantee:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html"""
RESTORE_ATTEMPTS = 3
RESTORE_PAUSE_SECONDS = 15.0
PRECISION = timedelta(seconds=1)
"""Of the times in CloudTrail."""

RESUMED = ("devops-agent", "person")
"""Who can be waited for again after an interruption: the others' answers end with the process that asked them."""

INTERRUPTED = "interrupted"
_UNANSWERED = (Status.RUNNING, Status.ASKED)


class Asker(Protocol):
    """Asks one investigator about one stack."""

    def ask(self, agent: str, folder: Folder, stack: str, region: str, since: datetime, watch: Watch) -> Answer:
        """Raises UsageError when it cannot be asked, and Interrupted."""

    def abandon(self, agent: str, folder: Folder, stack: str) -> float | None:
        """End what was asked in a folder and goes on without us; return what it cost, in US dollars, if known."""


class _Void(Exception):
    """The trial shows nothing; the reason begins with a phrase that is counted, with details after a colon."""


class TrialRun:
    """The trials of one stack, one at a time. `folders` are by investigator."""

    def __init__(
        self,
        stack: UpdatedStack,
        backend: Backend,
        folders: Mapping[str, CampaignFolder],
        asker: Asker,
        watch: Watch,
    ) -> None:
        self._stack = stack
        self._backend = backend
        self._folders = folders
        self._asker = asker
        self._watch = watch
        self._trials: dict[str, Trial] = {}

    def run(self, planned: Planned, agents: Sequence[str], attempt: int) -> None:
        """Run a trial with these investigators, asked in this order, and leave the stack healthy.

        Raises Interrupted, and UsageError when an investigator cannot be asked, or the stack cannot be made healthy;
        the trials without an answer are void then. Void is also what could not be prepared.
        """
        resources = self._backend.deployed(self._stack.name)
        trial = Trial(
            started=_now(),
            id=planned.id if attempt == 1 else f"{planned.id}-{attempt}",
            block=planned.block,
            arm=planned.arm,
            stack=planned.stack,
            surface=stack_outputs(resources)["surface"],
            status=Status.RUNNING,
            attempt=attempt,
        )
        self._trials = dict.fromkeys(agents, trial)
        for agent in agents:
            self._write(agent)
        self._to_the_end(self._prepare)

    def resume(self, trials: Mapping[str, Trial]) -> None:
        """Go on with a trial that was under way when the campaign was killed, by investigator.

        Raises as `run` does.
        """
        self._trials = dict(trials)
        failing = status.is_incident(self._backend.deployed(self._stack.name))
        first = next(iter(trials.values()))
        is_asked = any(trial.status in (Status.ASKED, Status.ANSWERED) for trial in trials.values())
        for agent, trial in trials.items():
            is_answered = trial.status is Status.ANSWERED or self._folder(agent).answer() is not None
            can_wait = trial.status is not Status.ASKED or agent in RESUMED
            if not is_answered and not (is_asked and can_wait and failing == first.arm.has_fault):
                self._void(INTERRUPTED, [agent])
        self._to_the_end(lambda: None)

    def _to_the_end(self, prepare: Callable[[], None]) -> None:
        """Prepare, ask, and leave the stack healthy however that went."""
        try:
            try:
                prepare()
            except (UsageError, ClientError, BotoCoreError) as error:
                raise _Void(f"not prepared: {error}") from None
            for agent in [agent for agent, trial in self._trials.items() if trial.status in _UNANSWERED]:
                self._ask(agent)
        except _Void as reason:
            self._void(str(reason))
        except BaseException as error:
            self._void(f"stopped: {error}" if isinstance(error, UsageError) else INTERRUPTED)
            self._restore()
            self._conclude()
            raise
        self._restore()
        self._conclude()

    def _prepare(self) -> None:
        """Make the change and wait until everything that an investigator looks at shows it."""
        self._watch.stage("waiting for health")
        self._expect("healthy", HEALTHY_SECONDS, "not healthy before the change")
        self._wait_for_client(_now(), "not healthy before the change")
        self._set_all(healthy_before=_now())
        self._watch.stage("preparing")
        arm, settings = self._any.arm, {"failMode": "false"}
        if arm.has_fault:
            settings["failMode"] = "true"
            self._stack.update(settings, self._any.id)
        if arm in (Arm.FAULT_THEN_CHANGE, Arm.HEALTHY_WITH_CHANGE):
            settings[HARMLESS.setting] = HARMLESS.other_than(self._retention())
            self._stack.update(settings, self._any.id)
        self._set_all(changed=_now() if arm is not Arm.HEALTHY else None)
        self._watch.stage("waiting for telemetry")
        reason = "no symptom" if arm.has_fault else "a symptom without a fault"
        self._expect("failing" if arm.has_fault else "healthy", SYMPTOM_SECONDS, reason)
        self._wait_for_client(self._any.times.changed or _now(), reason)
        self._set_all(symptom=_now())
        workload = self._workload()
        if not self._watch.until(lambda: self._is_recorded(workload), CLOUDTRAIL_SECONDS):
            raise _Void("CloudTrail has no event of the change")

    def _ask(self, agent: str) -> None:
        trial, folder = self._trials[agent], self._folder(agent)
        answer = folder.answer()
        if answer is None:
            if trial.status is Status.RUNNING:
                self._set(agent, status=Status.ASKED, truth_sha256=self._seal(agent), asked=_now())
            self._watch.stage("asked")
            since = self._trials[agent].times.healthy_before
            assert since is not None
            answer = self._asker.ask(agent, folder, self._stack.name, self._workload().region, since, self._watch)
        changes: dict[str, Any] = {"seconds": answer.seconds, "cost_usd": answer.cost_usd}
        if answer.status == "void":
            reason = f"no answer: {answer.reason}"
            self._set(agent, status=Status.VOID, void_reason=reason, **changes)
            return
        changes["finished"] = answer.status == "completed"
        self._set(agent, status=Status.ANSWERED, answered=_now(), **changes)

    def _seal(self, agent: str) -> str:
        """The hash of the truth so far."""
        try:
            return truth_seal(self._truth(agent))
        except UsageError as error:
            raise _Void(f"not prepared: {error}") from None

    def _restore(self) -> None:
        """Take back whatever was changed, again and again: nobody looks, and the app must not be left failing.

        Raises UsageError when the stack is not healthy after it.
        """
        for attempt in range(1, RESTORE_ATTEMPTS + 1):
            try:
                return self._restore_once()
            except (UsageError, ClientError, BotoCoreError) as error:
                if attempt == RESTORE_ATTEMPTS:
                    stack = self._stack.name
                    raise UsageError(
                        f"stack {stack} may still have what trial {self._any.id} changed: {error}; mend that (see "
                        f"`./sandbox check --stack {stack} --expect healthy`), and run this again, which goes on"
                    ) from None
                time.sleep(RESTORE_PAUSE_SECONDS)
        raise AssertionError

    def _restore_once(self) -> None:
        watch, stack = self._watch.to_the_end(), self._stack.name
        watch.stage("restoring")
        self._stack.update({"failMode": "false"}, self._any.id)
        rolled_back = _now()
        self._set_all(rolled_back=rolled_back)
        # Whoever stops a campaign does not wait for alarms as well.
        expectation: Expectation = "recovering" if self._watch.is_stopped else "healthy"
        workload = self._workload()
        result = check(stack, workload, expectation, REQUESTS, HEALTHY_SECONDS, watch)
        if not result.passed or not watch.until(
            lambda: _has_answered(workload, rolled_back, is_ok=True), HEALTHY_SECONDS
        ):
            raise UsageError("it is not healthy, or its client has not been answered, after they were taken back")
        self._set_all(healthy_after=_now())

    def _conclude(self) -> None:
        """Write the truth and the score of each answer. A truth that is not valid, or not the sealed one, voids it."""
        for agent in [agent for agent, trial in self._trials.items() if trial.status is Status.ANSWERED]:
            folder, trial = self._folders[agent], self._trials[agent]
            try:
                record = self._truth(agent)
                if truth_seal(record) != trial.truth_sha256:
                    raise _Void("truth not valid: it is not the one that was sealed before the question")
                folder.write_truth(trial.id, record)
                read = from_record(record)
                if not read.is_valid:
                    raise _Void(f"truth not valid: {'; '.join(read.why_invalid)}")
                score = asking.score(read, self._folder(agent).findings())
            except _Void as reason:
                self._set(agent, status=Status.VOID, void_reason=str(reason))
                continue
            folder.write_score(trial.id, score, _now())
            self._set(agent, status=Status.DONE)

    def _truth(self, agent: str) -> dict[str, Any]:
        """The truth of this trial as far as it is known by now."""
        trial, stack = self._trials[agent], self._stack.name
        since = trial.times.healthy_before
        assert since is not None
        if not trial.arm.has_fault:
            asked, until = trial.times.asked or _now(), trial.times.rolled_back or _now()
            return truth.record_of_health(self._backend, stack, since, asked, until, (HARMLESS.path,))
        of_trial = next((each for each in incident.find(self._backend, stack) if each.flip.recorded > since), None)
        if of_trial is None:
            raise _Void("truth not valid: the stack's history has no incident of this time")
        return truth.record(stack, of_trial, (HARMLESS.path,))

    def _expect(self, expectation: Expectation, seconds: float, reason: str) -> None:
        result = check(self._stack.name, self._workload(), expectation, REQUESTS, seconds, self._watch)
        if not result.passed:
            failed = next(observation for observation in result.observations if not observation.passed)
            raise _Void(f"{reason}: {failed.name}: expected {failed.expected}, saw {failed.actual}")

    def _wait_for_client(self, since: datetime, reason: str) -> None:
        """Wait for what the stack's own client gets: the truth is derived from it."""
        is_failing = self._any.arm.has_fault and self._any.times.changed is not None
        workload = self._workload()
        if not self._watch.until(lambda: _has_answered(workload, since, is_ok=not is_failing), SYMPTOM_SECONDS):
            raise _Void(f"{reason}: the stack's client sent no request")

    def _is_recorded(self, workload: Workload) -> bool:
        """Whether CloudTrail shows what was changed."""
        trial, telemetry = self._any, Telemetry(workload)
        assert trial.times.healthy_before is not None
        window = (trial.times.healthy_before - PRECISION).timestamp(), _now().timestamp()
        if trial.arm.has_fault and not telemetry.management_events(*window):
            return False
        if trial.arm not in (Arm.FAULT_THEN_CHANGE, Arm.HEALTHY_WITH_CHANGE):
            return True
        return any(call.get("logGroupName") == workload.log_group for call in telemetry.calls(HARMLESS.api, *window))

    def _workload(self) -> Workload:
        return Workload.of(self._backend.deployed(self._stack.name))

    def _retention(self) -> str:
        resources = self._backend.deployed(self._stack.name)
        values = [(resource.get("inputs") or {}).get(HARMLESS.path) for resource in resources]
        return next((str(int(value)) for value in values if value is not None), "")

    @property
    def _any(self) -> Trial:
        """One of the trials, for what all have in common."""
        return next(iter(self._trials.values()))

    def _folder(self, agent: str) -> Folder:
        return Folder(self._folders[agent].trial_folder(self._trials[agent].id))

    def _void(self, reason: str, agents: Sequence[str] | None = None) -> None:
        """Void the trials that have no answer, of these investigators or of all."""
        for agent in agents or list(self._trials):
            trial, cost = self._trials[agent], None
            if trial.status is Status.ASKED:
                cost = self._asker.abandon(agent, self._folder(agent), self._stack.name)
            if trial.status in _UNANSWERED:
                self._set(agent, status=Status.VOID, void_reason=reason, cost_usd=cost)

    def _set_all(self, **changes: Any) -> None:
        for agent in self._trials:
            self._set(agent, **changes)

    def _set(self, agent: str, **changes: Any) -> None:
        """Change a trial, stages' times by their names, and write it."""
        trial = self._trials[agent]
        stages = {field.name for field in dataclasses.fields(trial.times)}
        times = dataclasses.replace(trial.times, **{name: changes.pop(name) for name in stages & changes.keys()})
        self._trials[agent] = dataclasses.replace(trial, times=times, **changes)
        self._write(agent)

    def _write(self, agent: str) -> None:
        self._folders[agent].write_trial(self._trials[agent])


def _has_answered(workload: Workload, since: datetime, *, is_ok: bool) -> bool:
    """Whether the stack's own client got such an answer since then."""
    answers = Telemetry(workload).answers(since.timestamp(), _now().timestamp())
    return any(answer.is_ok == is_ok for answer in answers)


def _now() -> datetime:
    return datetime.now(timezone.utc)
