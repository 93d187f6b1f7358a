"""`./sandbox evaluate ask`: one question about a stack as it is."""

import argparse
import os
import sys
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from cli.evaluate import agents
from cli.main import INTERRUPTED
from cli.options import past_moment
from evaluation.asking import Folder, truth_command
from evaluation.investigators.investigator import Progress
from infra import names
from ops import clients, folder_locks, observer
from ops.console import Console, one_line
from ops.errors import UsageError


def main(options: argparse.Namespace, console: Console) -> int:
    agents.refuse_wrong_options(options, [options.agent])
    since = past_moment("--since", options.since)
    if not names.STACK_NAME.fullmatch(options.stack):
        raise UsageError(f"--stack {options.stack}: is no stack's name; name one that is deployed, for example app")
    region = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise UsageError("the region is not known: add --region, for example eu-west-1")
    investigator, sees_as = agents.investigator(options, options.agent, region, options.space, max_usd=options.max_usd)
    cost = investigator.cost()
    console.line(f"{options.agent} is asked about stack {options.stack} in {region}, and sees AWS as {sees_as}")
    console.line(f"it may cost {cost.sentence}")
    if cost.most_usd != 0.0:
        _refuse_unknown_stack(options.stack, region)
        if not options.yes and not agents.is_confirmed(console):
            return 2

    def report(progress: Progress) -> None:
        usd = "" if progress.cost_usd is None else f", ${progress.cost_usd:.2f} so far"
        console.status(f"  {progress.status}, {progress.seconds:.0f} s{usd}")

    folder = Folder(options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    with folder_locks.alone_in(options.out):  # a second one would ask once more
        question = folder.begin(options.stack, options.agent, observer.service_of(options.stack), region, since)
        try:
            answer = folder.ask(investigator, question, report)
        except KeyboardInterrupt:
            if not investigator.goes_on:
                raise
            console.line()
            print(f"sandbox: interrupted; {investigator.goes_on}; run the same again to wait on", file=sys.stderr)
            return INTERRUPTED
    usd = "" if answer.cost_usd is None else f", ${answer.cost_usd:.2f}"
    why = f": {one_line(answer.reason)}" if answer.reason else ""
    console.line(f"{answer.status} after {answer.seconds:.1f} s{usd}{why}")
    if answer.status != "completed":
        return 2
    findings = folder.findings()
    console.line(f"verdict: {findings.verdict.value} ({findings.source})")
    for cause in findings.causes:
        console.line(f"{cause.role.value}: {one_line(cause.statement)}")
    command = truth_command(options.stack, question.since, question.started + timedelta(seconds=answer.seconds))
    console.line("\nNext, once the stack is healthy again and CloudTrail has its events:")
    console.line(f"  {command} --json {options.out / 'truth.json'}\n  ./sandbox evaluate score {options.out}")
    return 0


def _refuse_unknown_stack(stack: str, region: str) -> None:
    """Raise UsageError when AWS says that a stack has no function: its investigation would cost, and find nothing."""
    function = names.AppNames(stack).function
    try:
        clients.Session(region).client("lambda").get_function_configuration(FunctionName=function)
    except BotoCoreError:  # such as no credentials: asking itself says what is wrong
        return
    except ClientError as error:  # AccessDenied: whoever asks may not look, and the agent has its own credentials
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise UsageError(
                f"--stack {stack}: AWS has no function {function} in {region}; name a stack that is deployed there"
            ) from None
