"""What a workflow's run did, as Markdown for its page."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ops import records
from ops.errors import UsageError
from ops.quoting import plain_text
from ops.stacks import events, urn
from ops.stacks.events import Events

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
"""By partition; each with the region in front."""


def of_file(path: Path) -> str:
    """What a file reports: a record of check, or a log of the engine's events.

    Raises UsageError when it is neither.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        content = None  # an event log has several values, one to a line
    if isinstance(content, dict) and "kind" in content:
        return of_check(records.read(path, "check"))
    return of_update(events.read_log(path))


def of_update(log: Events) -> str:
    """One line for each resource that was changed, and how many were not."""
    steps = {step.urn: step for step in log.steps if urn.is_in_aws(step.type)}
    failed = {step.urn: step for step in log.failed if urn.is_in_aws(step.type)}
    changed = [step for step in {**steps, **failed}.values() if step.op.value != "same" or step.urn in failed]
    rows = [
        f"| {step.op.value}{' **failed**' if step.urn in failed else ''} | {urn.name_of(step.urn)} | `{step.type}` "
        f"| {', '.join(step.diffs or [])} |"
        for step in changed
    ]
    table = (
        ["| change | resource | type | what |", "|---|---|---|---|", *rows] if rows else ["No resource was changed."]
    )
    unchanged = f"{len(steps.keys() | failed.keys()) - len(changed)} unchanged."
    return "\n".join([*table, "", unchanged, *(f"\n**Error:** {plain_text(error)}" for error in log.errors)])


def of_check(record: dict[str, Any]) -> str:
    """A check's table.

    Raises UsageError when the record lacks something.
    """
    try:
        rows = [
            f"| {'ok' if observation['passed'] else '**no**'} | {plain_text(observation['name'])} "
            f"| {plain_text(observation['expected'])} | {plain_text(observation['actual'])} |"
            for observation in record["observations"]
        ]
        verdict = plain_text(record["verdict"]).replace(" NOT ", " is **not** ").replace("is is", "is")
    except (KeyError, TypeError) as error:
        raise UsageError(f"the record of check lacks {error}: write it again with `./sandbox check --json`") from None
    return "\n".join([f"{verdict}:", "", "| | what | expected | actual |", "|---|---|---|---|", *rows])


def links(outputs: dict[str, Any]) -> str:
    """Where to look at a deployed app: the API, and in AWS's console the function, its log and the alarms.

    Raises UsageError when the outputs are not an app stack's.
    """
    try:
        return _links(outputs)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"the stack's outputs in the state are not an app stack's ({error}): deploy it again"
        ) from None


def _links(outputs: dict[str, Any]) -> str:
    _, partition, _, region, *_ = outputs["functionArn"].split(":")
    console = f"https://{region}.{CONSOLES[partition]}"
    cloudwatch = f"{console}/cloudwatch/home?region={region}"
    log_group = quote(quote(outputs["logGroupName"], safe=""), safe="").replace("%", "$")
    function = f"{console}/lambda/home?region={region}#/functions/{outputs['functionName']}"
    return "\n".join(
        [
            f"- API: {outputs['apiUrl']}",
            f"- function: [{outputs['functionName']}]({function})",
            f"- log: [{outputs['logGroupName']}]({cloudwatch}#logsV2:log-groups/log-group/{log_group})",
            *(f"- alarm: [{alarm}]({cloudwatch}#alarmsV2:alarm/{alarm})" for alarm in outputs["alarmNames"]),
        ]
    )
