"""`./sandbox evaluate run`: a campaign."""

import argparse
import contextlib
import dataclasses
import functools
import gc
import platform
import random
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version

import boto3

from cli.evaluate import agents
from evaluation.campaign import scores
from evaluation.campaign.files import Campaign, CampaignFolder
from evaluation.campaign.panel import Panel
from evaluation.campaign.plan import HARMLESS, Planned, of_shard, plan
from evaluation.campaign.progress import Progress, duration
from evaluation.campaign.runner import Budget, CampaignRun, Result
from evaluation.campaign.stack import PulumiStack, UpdatedStack
from evaluation.investigators.investigator import Investigator
from evaluation.report import read_all, render_table
from ops import folder_locks, project
from ops.console import Console
from ops.errors import UsageError
from ops.health.workload import Workload, stack_outputs
from ops.stacks import automation, backend
from ops.stacks.automation import Pulumi
from ops.stacks.backend import Backend

LOCAL_STACKS = ("app", "plain")
LOCAL_SPACE = "arn:aws:aidevops:eu-west-1:111122223333:agentspace/string"
"""A space of the emulator's stand-in."""
LOCAL_POLL_SECONDS = 0.2
PAUSE_SECONDS = 60.0
MOST_TRIALS = 9999

AROUND_A_QUESTION_SECONDS = {True: 7.0, False: 1200.0}
"""What a trial takes without its question, on the emulator and on AWS: there mostly alarms, and CloudTrail's delay."""
QUESTION_SECONDS = {"devops-agent": 600.0, "person": 1800.0, "command": 300.0}
"""A guess for an estimate: published investigations took 5 to 21 minutes."""


@dataclass(frozen=True)
class Account:
    """Where a campaign runs. `person` has the credentials for the observer's, None for the shell's."""

    stacks: Mapping[str, UpdatedStack]
    backend: Backend
    region: str
    person: boto3.Session | None


def main(options: argparse.Namespace, console: Console) -> int:
    gc.enable()  # ./sandbox turns it off for short runs
    _refuse_wrong_options(options)
    shard, shards = _shard(options.shard)
    options.out.mkdir(parents=True, exist_ok=True)
    with folder_locks.alone_in(options.out):
        stacks = LOCAL_STACKS if options.local else tuple(options.stack)
        options.seed = _seed(options)
        planned = plan(options.seed, options.trials, stacks)
        mine = of_shard(planned, shard, shards)
        folders = {agent: CampaignFolder(options.out / agent) for agent in options.agent}
        left = [trial for trial in mine if not all(folder.is_done(trial.id) for folder in folders.values())]
        used = [stack for stack in stacks if any(trial.stack == stack for trial in left)]
        _refuse_another_campaign(options, stacks, folders)
        if not mine:
            _begin(options, stacks, folders, {})  # for `merge`
            console.line(f"shard {options.shard} has none of the {options.trials} trials")
            return 0
        if not left:
            return _end(options, console, Result({}, is_budget_spent=False))
        _state(options, len(mine), left, used, console)
        if not options.yes and not agents.is_confirmed(console):
            return 2
        with _account(options, used, console) as account:
            surfaces = {stack: stack_outputs(account.backend.deployed(stack))["surface"] for stack in used}
            _begin(options, stacks, folders, surfaces)
            result = _run(options, account, folders, mine, left, console)
        return _end(options, console, result)


def _refuse_wrong_options(options: argparse.Namespace) -> None:
    agents.refuse_wrong_options(options, options.agent)
    if not 1 <= options.trials <= MOST_TRIALS:
        raise UsageError(f"--trials {options.trials}: must be a number from 1 to {MOST_TRIALS}")
    for name in ("agent", "stack"):
        values = getattr(options, name) or []
        if len(set(values)) < len(values):
            raise UsageError(f"--{name}: {' '.join(values)}: one is named twice; name each once")
    if options.pause is not None and not 0 <= options.pause < float("inf"):
        raise UsageError(f"--pause {options.pause:g}: must be 0 or more seconds")
    stacks = LOCAL_STACKS if options.local else options.stack
    if options.local:
        options.poll = options.poll or LOCAL_POLL_SECONDS
        options.space = options.space or [LOCAL_SPACE]
    if "devops-agent" in options.agent:
        spaces = [agents.checked_space(space) for space in options.space or [None]]
        if len(spaces) not in (1, len(stacks)):
            raise UsageError(
                f"--space: {len(spaces)} spaces for {len(stacks)} stacks; name one for all, or one for each"
            )
    if options.pause is None:
        options.pause = 0.0 if options.local else PAUSE_SECONDS


def _seed(options: argparse.Namespace) -> int:
    """The seed of the campaigns in the folder, or that of the options, or a new one."""
    known = {folder.campaign().seed for folder in scores.campaigns(options.out)}
    seed = options.seed if options.seed is not None else next(iter(known), random.SystemRandom().randrange(1_000_000))
    if known - {seed}:
        raise UsageError(f"--seed {seed}: {options.out} has a campaign with seed {known.pop()}; leave --seed out to go "
                         "on with it, or name another --out")  # fmt: skip
    return int(seed)


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    match = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if not match or int(match[1]) > int(match[2]):
        raise UsageError(f"--shard {text}: must be I/N with I from 1 to N, for example 1/4")
    return int(match[1]), int(match[2])


def _refuse_another_campaign(
    options: argparse.Namespace, stacks: Sequence[str], folders: Mapping[str, CampaignFolder]
) -> None:
    for folder in folders.values():
        if not (folder.path / "campaign.json").exists():
            continue
        campaign = folder.campaign()
        for name, actual, wanted in (
            ("trials", campaign.trials, options.trials),
            ("stacks", campaign.stacks, tuple(stacks)),
            ("shard", campaign.settings.get("shard"), options.shard),
            ("local", campaign.settings.get("local"), options.local),
        ):
            if actual != wanted:
                raise UsageError(f"{folder.path}: the campaign in it has {name} {actual}, not {wanted}; run it as it "
                                 "was begun, or name another --out")  # fmt: skip


def _state(
    options: argparse.Namespace, total: int, left: Sequence[Planned], stacks: Sequence[str], console: Console
) -> None:
    """Say what is going to happen, how long it takes and what it may cost."""
    where = "an emulator of its own" if options.local else "AWS"
    console.line(f"{', '.join(options.agent)}: {len(left)} of {total} trials are left, on {', '.join(stacks)} "
                 f"({where}), seed {options.seed}")  # fmt: skip
    questions = 0.0 if options.local else sum(QUESTION_SECONDS.get(agent, 5.0) for agent in options.agent)
    each = AROUND_A_QUESTION_SECONDS[options.local] + questions + options.pause
    busiest = max(sum(trial.stack == stack for trial in left) for stack in stacks)
    side_by_side = f", {len(stacks)} stacks side by side" if len(stacks) > 1 else ""
    console.line(f"  time   about {duration(busiest * each)}{side_by_side}; an answer may take longer")
    most, known = agents.most_usd(options), "devops-agent" in options.agent and not options.local
    if known:
        limit = f"; stops before more than ${options.max_usd:.2f} in all" if options.max_usd else ""
        console.line(f"  money  at most ${most * len(left):.2f} for AWS DevOps Agent: ${most:.2f} a trial, because it "
                     f"is ended then; published ones cost $2.00 to $10.50{limit}")  # fmt: skip
    else:
        console.line(
            "  money  nothing for the answers" + (", as far as this knows" if "command" in options.agent else "")
        )


@contextlib.contextmanager
def _account(options: argparse.Namespace, stacks: Sequence[str], console: Console) -> Iterator[Account]:
    if options.local:
        from local_aws import loopback
        from local_aws.rehearsal import campaign

        loopback.refuse_remote_endpoints()
        with campaign.account(stacks, console) as local:
            yield Account(local.stacks, backend.current(), local.region, local.person)
        return
    state = backend.current()
    regions = {stack: _region(state, stack) for stack in stacks}
    if len(set(regions.values())) > 1:
        raise UsageError(f"--stack: {regions} are in different regions; run one campaign in each")
    pulumi = Pulumi(automation.cli(), project.folder(), {})
    region = next(iter(regions.values()))
    yield Account({stack: PulumiStack(stack, pulumi, state) for stack in stacks}, state, region, None)


def _region(state: Backend, stack: str) -> str:
    """The region of a stack on which a campaign can run. Raises UsageError when it can not."""
    workload = Workload.of(state.deployed(stack))
    if workload.client_log_group is None:
        raise UsageError(f"--stack {stack}: has no traffic of its own (trafficPerMinute is 0), from which the truth is "
                         "derived; deploy it with trafficPerMinute 6")  # fmt: skip
    return workload.region


def _begin(
    options: argparse.Namespace,
    stacks: Sequence[str],
    folders: Mapping[str, CampaignFolder],
    surfaces: Mapping[str, str],
) -> None:
    """Write the plan of each investigator's campaign, where there is none yet."""
    for agent, folder in folders.items():
        if (folder.path / "campaign.json").exists():
            continue
        settings = {
            "command": ["./sandbox", *sys.argv[1:], *([] if "--seed" in sys.argv else ["--seed", str(options.seed)])],
            "shard": options.shard,
            "local": options.local,
            "pause_seconds": options.pause,
            "deadline_seconds": agents.deadline(options, agent),
            "harmless_change": f"{HARMLESS.setting}: {HARMLESS.values[0]}",
            "asked_together": sorted(folders),
        }
        if agent == "devops-agent":
            settings["spaces"] = options.space
        if agent == "command":
            settings["program"] = options.command
        folder.write_campaign(
            Campaign(datetime.now(timezone.utc), options.seed, agent, options.trials, tuple(stacks), surfaces, settings,
                     _versions())
        )  # fmt: skip


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), **{name: version(name) for name in ("boto3", "pulumi")}}
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        described = subprocess.run(["git", "-C", str(project.ROOT), "describe", "--always", "--dirty"],
                                   capture_output=True, text=True, check=True)  # fmt: skip
        versions["incident-sandbox"] = described.stdout.strip()
    return versions


def _spaces(options: argparse.Namespace, stacks: Sequence[str]) -> dict[str, str]:
    """The agent space of each stack."""
    if "devops-agent" not in options.agent:
        return {}
    named = list(LOCAL_STACKS if options.local else options.stack)
    return {stack: options.space[named.index(stack) % len(options.space)] for stack in stacks}


def _run(
    options: argparse.Namespace,
    account: Account,
    folders: Mapping[str, CampaignFolder],
    planned: Sequence[Planned],
    left: Sequence[Planned],
    console: Console,
) -> Result:
    spaces = _spaces(options, list(account.stacks))
    busy: dict[str, threading.Lock] = {space: threading.Lock() for space in spaces.values()}

    def investigator(agent: str, stack: str) -> Investigator:
        return agents.investigator(options, agent, account.region, spaces.get(stack), account.person)[0]

    panel = Panel(
        {agent: functools.partial(investigator, agent) for agent in options.agent},
        {("devops-agent", stack): busy[space] for stack, space in spaces.items()},
    )
    spent = sum(trial.cost_usd or 0.0 for folder in folders.values() for trial in folder.trials())
    progress = Progress(console, len(planned), len(left), len(account.stacks))
    run = CampaignRun(
        account.stacks,
        account.backend,
        folders,
        planned,
        options.seed,
        panel,
        Budget(options.max_usd, spent),
        agents.most_usd(options),
        options.pause,
        progress,
        is_elsewhere=options.local,
    )
    with _receipt(options, folders, account, spaces):
        return run.run()


@contextlib.contextmanager
def _receipt(
    options: argparse.Namespace, folders: Mapping[str, CampaignFolder], account: Account, spaces: Mapping[str, str]
) -> Iterator[None]:
    """Note the account's hours of AWS DevOps Agent before and after: what AWS counts, and for others, too."""
    if not spaces:
        yield
        return
    folder = folders["devops-agent"]

    def note(name: str) -> None:
        agent, _ = agents.investigator(options, "devops-agent", account.region, next(iter(spaces.values())))
        campaign = folder.campaign()
        hours = agent.usage_hours()  # type: ignore[attr-defined]
        folder.write_campaign(dataclasses.replace(campaign, settings={**campaign.settings, name: hours}))

    if "account_hours_before" not in folder.campaign().settings:
        note("account_hours_before")
    try:
        yield
    finally:
        note("account_hours_after")


def _end(options: argparse.Namespace, console: Console, result: Result) -> int:
    """Say how it went, and how to go on."""
    console.line()
    console.line(render_table(read_all([folder.path for folder in scores.campaigns(options.out)])))
    console.line(f"\nNext: ./sandbox evaluate report {shlex.quote(str(options.out))}")
    for stack, problem in result.problems.items():
        print(f"sandbox: stack {stack}: {problem}", file=sys.stderr)
    if result.problems:
        return 2
    if result.is_budget_spent:
        console.line(f"--max-usd {options.max_usd:g}: another answer could pass it; the campaign is not complete")
        return 1
    return 0
