"""The report of a campaign: one HTML page without network, Markdown for a workflow's run page, a terminal's table."""

from evaluation.report.contents import Investigation, Report, read, read_all
from evaluation.report.markdown import render_markdown
from evaluation.report.page import render_html
from evaluation.report.table import render_table

__all__ = ["Investigation", "Report", "read", "read_all", "render_html", "render_markdown", "render_table"]
