"""What a report is about: one campaign, the campaigns that stand beside it, and what has to be said on top."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.campaign.files import Campaign, CampaignFolder, TrialResult
from evaluation.report import wording
from evaluation.statistics import DUMB_REFERENCES, Comparison, Summary, compare, passes_every_arm, summarize
from ops.errors import UsageError


@dataclass(frozen=True)
class Investigation:
    """One campaign with what it shows."""

    folder: CampaignFolder
    campaign: Campaign
    results: tuple[TrialResult, ...]
    summary: Summary

    @property
    def agent(self) -> str:
        """The investigator."""
        return self.campaign.agent

    @property
    def is_dumb_reference(self) -> bool:
        """Whether the investigator answers without investigating."""
        return self.agent in DUMB_REFERENCES


@dataclass(frozen=True)
class Beside:
    """Another campaign, and the comparison with it; `why_not` says why there is none."""

    investigation: Investigation
    comparison: Comparison | None
    why_not: str = ""


@dataclass(frozen=True)
class Notice:
    """A sentence above everything else. An alarming one is about whether the figures mean anything."""

    text: str
    is_alarming: bool = False


@dataclass(frozen=True)
class Report:
    """A campaign and those beside it."""

    main: Investigation
    beside: tuple[Beside, ...]

    @property
    def investigations(self) -> tuple[Investigation, ...]:
        """All campaigns, the main one first, references last."""
        others = sorted((other.investigation for other in self.beside), key=lambda other: other.is_dumb_reference)
        return (self.main, *others)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know before the figures."""
        return (*_reference_notices(self.investigations), *_progress_notices(self.main))

    @property
    def command(self) -> str:
        """The command line that repeats the campaign."""
        campaign = self.main.campaign
        recorded = campaign.settings.get("command")
        if isinstance(recorded, str):
            return recorded
        if isinstance(recorded, list):
            return shlex.join(str(word) for word in recorded)
        words = ["./sandbox", "evaluate", "run", "--agent", campaign.agent, "--trials", str(campaign.trials)]
        stacks = [word for stack in campaign.stacks for word in ("--stack", stack)]
        return shlex.join([*words, "--seed", str(campaign.seed), "--out", str(self.main.folder.path), *stacks])

    @property
    def facts(self) -> dict[str, str]:
        """Settings and versions by name, as text; the command is apart."""
        campaign = self.main.campaign
        settings = {name: _text(value) for name, value in campaign.settings.items() if name != "command"}
        return settings | {f"version of {name}": _text(value) for name, value in campaign.versions.items()}


def read(folder: Path, beside: Sequence[Path] = ()) -> Report:
    """Read a campaign, and others that stand beside it: references, or other investigators on the same seed.

    Raises UsageError when a file of one of the campaigns is missing or wrong.
    """
    main = _investigation(folder)
    return Report(main, tuple(_beside(main, _investigation(other)) for other in beside))


def read_all(folders: Sequence[Path], agent: str | None = None) -> Report:
    """Read campaigns that stand side by side; the report is about `agent`, or the first who is no dumb reference.

    Raises UsageError when nobody of that name was asked, or a file is missing or wrong.
    """
    if agent is None:
        main = next((path for path in folders if path.name not in DUMB_REFERENCES), folders[0])
    elif any(path.name == agent for path in folders):
        main = next(path for path in folders if path.name == agent)
    else:
        names = ", ".join(sorted({path.name for path in folders}))
        raise UsageError(f"--agent {agent}: was not asked in this campaign; it has {names}")
    return read(main, [path for path in folders if path != main])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _investigation(path: Path) -> Investigation:
    folder = CampaignFolder(path)
    campaign, results = folder.campaign(), folder.results()
    return Investigation(folder, campaign, results, summarize(results))


def _beside(main: Investigation, other: Investigation) -> Beside:
    seeds = main.campaign.seed, other.campaign.seed
    if seeds[0] != seeds[1]:
        return Beside(other, None, f"the seeds differ ({seeds[0]} and {seeds[1]}), so the incidents do too")
    comparison = compare(main.results, other.results)
    if not comparison.pairs:
        return Beside(other, None, "no trial of the same number, arm and stack is decided in both campaigns")
    return Beside(other, comparison)


def _reference_notices(investigations: Sequence[Investigation]) -> list[Notice]:
    references = [other for other in investigations if other.is_dumb_reference and other.summary.scored]
    passing = [other.agent for other in references if passes_every_arm(other.summary)]
    if passing:
        verb = "passes" if len(passing) == 1 else "pass"
        text = f"This suite proves nothing: {wording.join(passing)} {verb} every arm without investigating."
        return [Notice(text, is_alarming=True)]
    if references:
        verb = "fails" if len(references) == 1 else "each fail"
        names = wording.join([other.agent for other in references])
        return [Notice(f"{names}, which answer{'s' if len(references) == 1 else ''} without investigating, {verb} "
                       "at least one arm: the suite cannot be passed that way.")]  # fmt: skip
    return [Notice("No reference stands beside this campaign: whether its trials can be passed without investigating "
                   f"is not known. References are {wording.join(DUMB_REFERENCES)}.")]  # fmt: skip


def _progress_notices(main: Investigation) -> list[Notice]:
    summary = main.summary
    notices = []
    if summary.scored < main.campaign.trials or summary.not_scored:
        scored = f"{summary.scored} of {wording.count(main.campaign.trials, 'trial')}"
        notices.append(Notice(f"The campaign is not complete: {scored} have a score so far."))
    undecided = summary.faults.undecided + summary.healthy.undecided
    if undecided:
        text = f"{wording.count(undecided, 'answer')} could not be decided by the rules: figures are ranges, "
        notices.append(Notice(text + "with undecided answers as misses and as hits. A person can decide them."))
    if summary.decided_by_person:
        axes = wording.count(summary.decided_by_person, "axis", "axes")
        notices.append(Notice(f"{axes} decided by a person instead of the scorer; each is marked."))
    return notices
