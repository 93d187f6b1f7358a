"""How long campaigns and their reports take."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evaluation import scoring
from evaluation.adapters import read
from ops.project import ROOT
from tests.support import browser
from tests.unit.evaluation import cases
from tests.unit.evaluation.campaigns import fabricate

SANDBOX = [sys.executable, str(ROOT / "sandbox")]
REPORTED_TRIALS = 1000

SORT_AND_FILTER = """(() => {
  const start = performance.now();
  document.querySelector('[data-sort=seconds]').click();
  document.body.offsetHeight;
  document.querySelector('[data-filter=verdict]').value = 'fail';
  document.querySelector('form').dispatchEvent(new Event('change'));
  document.body.offsetHeight;
  return performance.now() - start;
})()"""
"""Asking for the height has the browser lay out the page."""


def campaign() -> None:
    """Measure a campaign of the runbook on one stack, and twice as many trials on two side by side."""
    one, two = _campaign(4), _campaign(8)
    print(f"campaign: 4 trials on one stack {one:.0f} s; 8 on two stacks side by side {two:.0f} s, "
          f"{two / (2 * one):.2f} times as long as one after the other")  # fmt: skip


def report() -> None:
    """Measure the report of many trials, as a whole process, against the start of the command."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        fabricate(folder / "runbook", REPORTED_TRIALS)
        start = _seconds([*SANDBOX, "evaluate", "report", "--help"])
        whole = _seconds([*SANDBOX, "evaluate", "report", str(folder)])
        size = (folder / "report.html").stat().st_size / 1e6
        if browser.CHROMIUM:
            _use(folder / "report.html", folder / "profile")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"report: of {REPORTED_TRIALS} trials {whole:.1f} s, {whole / start:.0f} times as long as --help; a page of "
          f"{size:.1f} MB; at most {peak:.0f} MB of memory in any process of this run")  # fmt: skip


def _use(file: Path, profile: Path) -> None:
    """Print how long a browser takes to load a report, and to sort and filter it."""
    with browser.opened(profile) as page:
        page.open(file)
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        used = page.evaluate(SORT_AND_FILTER)
    print(f"report: in Chromium loaded in {loaded / 1000:.2f} s, sorted and filtered in {used / 1000:.2f} s")


def score() -> None:
    """Measure the score of long texts of many repetitions, and of texts twice as long."""
    truth = cases.TRUTHS["named"]

    def seconds(text: str) -> float:
        started = time.monotonic()
        scoring.score(truth, read(text))
        return time.monotonic() - started

    once, twice = ({name: seconds(text) for name, text in cases.repetitive_texts(times).items()} for times in (1, 2))
    slowest = max(once, key=lambda name: once[name])
    print(f"score: of a text of thousands of repetitions at most {once[slowest]:.2f} s ({slowest}); of one twice as "
          f"long {twice[slowest] / once[slowest]:.1f} times as long")  # fmt: skip


def _campaign(trials: int) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        run = [*SANDBOX, "evaluate", "run", "--local", "--agent", "runbook", "--yes"]
        return _seconds([*run, "--trials", str(trials), "--seed", "7", "--out", scratch])


def _seconds(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started
