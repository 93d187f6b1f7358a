"""The scores of a campaign, decided again offline from the stored answers and truths."""

from datetime import datetime, timezone
from pathlib import Path

from evaluation import asking
from evaluation.asking import Folder
from evaluation.campaign.files import CampaignFolder, Status
from evaluation.investigators import AGENTS


def campaigns(path: Path) -> list[CampaignFolder]:
    """Return the campaigns in the folder of a run, one for each investigator; none where it is no such folder."""
    return [CampaignFolder(path / agent) for agent in AGENTS if (path / agent / "campaign.json").exists()]


def answered(path: Path) -> list[Folder]:
    """Return the answers of a run that count, whoever gave them, in the order of the trials."""
    numbered = [
        (trial.id, folder) for folder in campaigns(path) for trial in folder.trials() if trial.status is Status.DONE
    ]
    return [Folder(folder.trial_folder(trial_id)) for trial_id, folder in sorted(numbered, key=lambda one: one[0])]


def rescore(folder: CampaignFolder) -> None:
    """Decide every answer of a campaign again. Raises UsageError when a file is missing or wrong."""
    for trial in folder.trials():
        truth, findings = folder.truth(trial.id), folder.findings(trial.id)
        if trial.status is Status.DONE and truth is not None and findings is not None:
            folder.write_score(trial.id, asking.score(truth, findings), datetime.now(timezone.utc))
