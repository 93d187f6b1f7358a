"""`./sandbox summary`: what a run of a workflow did, as Markdown for its page."""

import argparse
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ops import backend
from ops.errors import UsageError

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
"""By partition; each with the region in front."""


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox summary",
        description="Tell, as Markdown on standard output, what was done to a stack: its changed resources, its "
        "checks, and where to look at it. A file that is not there tells of a step that was not reached.",
    )
    parser.add_argument("--stack", required=True, help="the app stack, for example app")
    parser.add_argument("--title", required=True, help="what was done, and by whom")
    parser.add_argument(
        "records", type=Path, nargs="*", metavar="FILE", help="in order: engines' event logs, and records of check"
    )
    return parser


def main(argv: list[str]) -> int:
    options = arguments().parse_args(argv)
    for part in (f"## {options.title}", *(_told(file) for file in options.records if file.exists())):
        print(part, end="\n\n", flush=True)
    outputs = backend.outputs_of(backend.current().resources(options.stack))
    if "functionArn" in outputs:
        print(links(outputs), end="\n\n")
    return 0


def _told(file: Path) -> str:
    """What a file tells: an event log has a JSON value on each line, a record is one."""
    try:
        text = file.read_text(encoding="utf-8")
        if text.startswith("{\n"):
            return checked(json.loads(text))
        whole, _, _ = text.rpartition("\n")  # an engine that was killed leaves part of a line
        return changes([json.loads(line) for line in whole.splitlines()])
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: is neither an event log of Pulumi's nor a record of check ({error})") from None


def changes(events: list[dict[str, Any]]) -> str:
    """One line for each resource that was changed, and how many were not.

    https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#EngineEvent
    """
    steps = {}
    for event in events:
        for told in ("resOutputsEvent", "resOpFailedEvent"):
            step = event.get(told, {}).get("metadata", {"type": ""})
            if step["type"].startswith("aws:"):  # and not what groups them in Pulumi
                steps[step["urn"]] = (step, told == "resOpFailedEvent")
    changed = [(step, failed) for step, failed in steps.values() if step["op"] != "same"]
    rows = [
        f"| {step['op']}{' **failed**' if failed else ''} | {step['urn'].split('::')[-1]} | `{step['type']}` "
        f"| {', '.join(step.get('diffs') or [])} |"
        for step, failed in changed
    ]
    unchanged = f"{len(steps) - len(changed)} unchanged."
    diagnostics = [event["diagnosticEvent"] for event in events if "diagnosticEvent" in event]
    errors = [re.sub(r"<{%.*?%}>", "", one["message"]) for one in diagnostics if one["severity"] == "error"]
    table = (
        ["| change | resource | type | what |", "|---|---|---|---|", *rows, ""]
        if rows
        else ["No resource was changed.", ""]
    )
    return "\n".join([*table, unchanged, *(f"\n**Error:** {_cell(error)}" for error in errors)])


def checked(record: dict[str, Any]) -> str:
    """A check's table."""
    rows = [
        f"| {'ok' if one['held'] else '**no**'} | {one['name']} | {one['expected']} | {_cell(one['seen'])} |"
        for one in record["observations"]
    ]
    held = "is" if record["held"] else "is **not**"
    return "\n".join(
        [f"Stack {record['stack']} {held} {record['expect']}:", "",
         "| | what | expected | seen |", "|---|---|---|---|", *rows]
    )  # fmt: skip


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def links(outputs: dict[str, Any]) -> str:
    """Where to look at a deployed app: the API, and in AWS's console the function, its log and the alarms."""
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
