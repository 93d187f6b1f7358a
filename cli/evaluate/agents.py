"""Who is asked, by the options of `ask` and `run`."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence

import boto3

from evaluation.investigators.investigator import Investigator
from infra import names
from ops import clients, observer
from ops.console import Console
from ops.errors import UsageError

DEADLINES = {"devops-agent": 1800.0, "person": 4 * 3600.0}
DEADLINE_SECONDS = 900.0


def refuse_wrong_options(options: argparse.Namespace, agents: Sequence[str]) -> None:
    """Raise UsageError for a number that is none, or an option that is for another agent."""
    for name in ("deadline", "poll", "max_usd"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"--{name.replace('_', '-')} {value:g}: must be a number above 0")
    for name, agent in (("command", "command"), ("space", "devops-agent"), ("max_usd", "devops-agent"),
                        ("poll", "devops-agent")):  # fmt: skip
        if getattr(options, name) is not None and agent not in agents:
            raise UsageError(
                f"--{name.replace('_', '-')}: is for --agent {agent}, not {' or '.join(agents)}; leave it out"
            )
    if "command" in agents:
        command_words(options.command)


def command_words(command: str | None) -> list[str]:
    """Return a program by its whole path, because it runs in a folder of its own, and its arguments.

    Raises UsageError when it is none.
    """
    words = _words(command or "")
    if not words:
        raise UsageError("--agent command needs --command 'PROGRAM ARGUMENTS', which is asked on standard input")
    program = shutil.which(words[0])
    if program is None:
        raise UsageError(f"--command {words[0]}: is no program that can be run; name one by its path, or one on PATH")
    return [os.path.abspath(program), *words[1:]]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"--command {command}: cannot be split into words ({error}); close each quote, or put a backslash before it"
        ) from None


def checked_space(arn: str | None) -> str:
    """Return an agent space's ARN. Raises UsageError when it is not one."""
    if not names.AGENT_SPACE.fullmatch(arn or ""):
        raise UsageError(f"--space {arn}: must be the ARN of an agent space, "
                         "arn:aws:aidevops:REGION:ACCOUNT:agentspace/ID")  # fmt: skip
    return str(arn)


def deadline(options: argparse.Namespace, agent: str) -> float:
    """Return for how many seconds an investigator's answer is waited for."""
    return float(options.deadline or DEADLINES.get(agent, DEADLINE_SECONDS))


def most_usd(options: argparse.Namespace) -> float:
    """Return what AWS DevOps Agent may cost for one incident; of a program's cost nothing is known."""
    if "devops-agent" not in options.agent:
        return 0.0
    from evaluation.investigators.devops_agent import USD_PER_SECOND

    return deadline(options, "devops-agent") * USD_PER_SECOND


def investigator(
    options: argparse.Namespace,
    agent: str,
    region: str,
    space: str | None = None,
    person: boto3.Session | None = None,
    max_usd: float | None = None,
) -> tuple[Investigator, str]:
    """Return who is asked, and whose rights they have in AWS.

    `person` has the credentials that the observer's are got with, in place of the shell's. `max_usd` ends one answer.
    """
    seconds = deadline(options, agent)
    if agent == "devops-agent":  # asked with the shell's credentials: the observer may not ask it
        from evaluation.investigators.devops_agent import POLL_SECONDS, DevOpsAgent

        poll = options.poll or POLL_SECONDS
        arn = checked_space(space)
        return DevOpsAgent(clients.Session(region), arn, seconds, poll, max_usd), "its agent space lets it"
    if agent == "person":
        from evaluation.investigators.person import Person

        return Person(seconds), "themselves"
    access = observer.access(region, person)
    if agent == "command":
        from evaluation.investigators.command import Command

        words = command_words(options.command)
        return Command(words, {**access.variables, **observer.shell_endpoint()}, region, seconds), access.sentence
    from evaluation.investigators.references import RULES, Reference

    return Reference(agent, RULES[agent], access.session()), access.sentence


def is_confirmed(console: Console) -> bool:
    """Ask whether to go on. Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("standard input is no terminal to ask on: add --yes to go on without being asked")
    console.line("Go on? Only `yes` does.")
    return sys.stdin.readline().strip() == "yes"
