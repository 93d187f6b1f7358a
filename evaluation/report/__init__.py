"""The report of a campaign: one HTML page without network, and Markdown for a workflow's run page."""

from evaluation.report.contents import Investigation, Report, read
from evaluation.report.markdown import render_markdown
from evaluation.report.page import render_html

__all__ = ["Investigation", "Report", "read", "render_html", "render_markdown"]
