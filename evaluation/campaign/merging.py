"""Shards of one campaign, put together."""

import dataclasses
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from evaluation.campaign import scores
from evaluation.campaign.files import Campaign, CampaignFolder
from ops.errors import UsageError

_HOURS: Mapping[str, Callable[[Iterable[float]], float]] = {"account_hours_before": min, "account_hours_after": max}
"""The account's hours, which grow: those of all shards begin with the least and end with the most."""

_OF_A_SHARD = ("command", "shard", *_HOURS)
"""Settings that may differ between shards."""


def merge(shards: Sequence[Path], out: Path) -> list[CampaignFolder]:
    """Put the shards of one campaign together in a new folder, and return its campaigns, one for each investigator.

    Raises UsageError when the shards are not of one campaign, two of them have the same trial, or the folder exists.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"--out {out}: is there already; name a new folder")
    parts: dict[str, list[CampaignFolder]] = {}
    for shard in shards:
        campaigns = scores.campaigns(shard)
        if not campaigns:
            raise UsageError(f"{shard}: has no campaign in it; name a folder of `evaluate run --shard`")
        for folder in campaigns:
            parts.setdefault(folder.path.name, []).append(folder)
    checked = {agent: _one_campaign(folders) for agent, folders in parts.items()}
    staged = out.with_name(f".{out.name}.merging")
    shutil.rmtree(staged, ignore_errors=True)
    for agent, campaign in checked.items():
        merged = CampaignFolder(staged / agent)
        merged.write_campaign(campaign)
        for folder in parts[agent]:
            for trial in folder.trials():
                shutil.copytree(folder.trial_folder(trial.id), merged.trial_folder(trial.id))
    if out.exists():
        out.rmdir()
    staged.rename(out)
    return scores.campaigns(out)


def _one_campaign(folders: Sequence[CampaignFolder]) -> Campaign:
    campaigns = [folder.campaign() for folder in folders]
    first = campaigns[0]
    for folder, campaign in zip(folders, campaigns, strict=True):
        if _identity(campaign) != _identity(first):
            raise UsageError(f"{folder.path}: is of another campaign than {folders[0].path}: seeds, trials, stacks and "
                             "settings must be the same")  # fmt: skip
    owners: dict[str, CampaignFolder] = {}
    for folder in folders:
        for trial in folder.trials():
            if trial.planned_id in owners and owners[trial.planned_id] is not folder:
                raise UsageError(f"{folder.path}: has trial {trial.planned_id}, and so has "
                                 f"{owners[trial.planned_id].path}; name each shard once")  # fmt: skip
            owners[trial.planned_id] = folder
    settings = {name: value for name, value in first.settings.items() if name not in _OF_A_SHARD}
    for name, first_or_last in _HOURS.items():
        noted = [campaign.settings.get(name) for campaign in campaigns]
        known = [hours for hours in noted if isinstance(hours, (int, float))]
        if known:
            settings[name] = first_or_last(known)
    surfaces = {stack: surface for campaign in campaigns for stack, surface in campaign.surfaces.items()}
    started = min(campaign.started for campaign in campaigns)
    return dataclasses.replace(first, started=started, settings=settings, surfaces=surfaces)


def _identity(campaign: Campaign) -> tuple[object, ...]:
    settings = {name: value for name, value in campaign.settings.items() if name not in _OF_A_SHARD}
    return campaign.agent, campaign.seed, campaign.trials, campaign.stacks, settings, dict(campaign.versions)
