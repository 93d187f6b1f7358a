"""The report as one HTML page: no network, no font or script from elsewhere, an answer's text never as markup."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evaluation.campaign.files import Arm
from evaluation.report import wording
from evaluation.report.contents import Report
from evaluation.report.trials import views
from evaluation.scoring.result import NEEDED

TEMPLATES = Path(__file__).parent / "templates"


def render_html(report: Report) -> str:
    """Return the page. Raises UsageError when a file of a trial is wrong."""
    trials = views(report.main.folder, report.main.results)
    verdicts = {trial.result.verdict for trial in trials}
    arms = {trial.result.trial.arm for trial in trials}
    # Both are files of this package, so that they may be markup.
    style, script = (Markup(_file(name)) for name in ("report.css", "report.js"))
    return _environment().get_template("report.html.j2").render(
        report=report,
        main=report.main,
        campaign=report.main.campaign,
        summary=report.main.summary,
        trials=trials,
        arms=list(Arm),
        ks=sorted({k for arm in report.main.summary.arms.values() for k in arm.estimates}),
        arms_of_trials=[arm for arm in Arm if arm in arms],
        stacks_of_trials=sorted({trial.result.trial.stack for trial in trials}),
        verdicts_of_trials=[verdict for verdict in wording.VERDICTS if verdict in verdicts],
        needed=NEEDED,
        wording=wording,
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
