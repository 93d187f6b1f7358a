"""`./sandbox evaluate report`: the report of a campaign."""

import argparse

from evaluation.campaign import scores
from evaluation.report import read_all, render_html, render_markdown, render_table
from ops import records
from ops.console import Console
from ops.errors import UsageError


def main(options: argparse.Namespace, console: Console) -> int:
    folders = [folder.path for path in options.dir for folder in scores.campaigns(path)]
    if not folders:
        raise UsageError(f"{options.dir[0]}: has no campaign in it; name a folder of `evaluate run`")
    report = read_all(folders, options.agent)
    page, markdown = options.dir[0] / "report.html", options.dir[0] / "report.md"
    for path in (page, markdown):
        records.check_writable(path)
    records.write_text(page, render_html(report))
    records.write_text(markdown, render_markdown(report))
    console.line(render_table(report))
    console.line(f"\nthe report: {page}, and as Markdown {markdown}")
    return 0
