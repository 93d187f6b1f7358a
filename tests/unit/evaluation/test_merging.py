"""Shards of one campaign, put together."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from evaluation.campaign import merging, scores
from evaluation.campaign.files import CampaignFolder
from evaluation.statistics import summarize
from ops.errors import UsageError
from tests.unit.evaluation.campaigns import fabricate


def shards(folder: Path, count: int = 2) -> list[Path]:
    """A campaign of 12 trials, cut into shards by the number of the trial."""
    whole = fabricate(folder / "whole" / "runbook", 12)
    paths = [folder / f"shard-{number}" for number in range(count)]
    for number, path in enumerate(paths):
        shard = CampaignFolder(path / "runbook")
        campaign = whole.campaign()
        settings = {**campaign.settings, "shard": f"{number + 1}/{count}"}
        shard.write_campaign(dataclasses.replace(campaign, settings=settings))
        for trial in whole.trials():
            if int(trial.planned_id) % count == number:
                shutil.copytree(whole.trial_folder(trial.id), shard.trial_folder(trial.id))
    return paths


@pytest.mark.parametrize("count", [1, 2, 3])
def test_shards_score_as_the_whole_does(count: int, tmp_path: Path) -> None:
    paths = shards(tmp_path, count)

    (merged,) = merging.merge(paths, tmp_path / "merged")

    whole = CampaignFolder(tmp_path / "whole" / "runbook")
    assert merged.results() == whole.results()
    assert summarize(merged.results()) == summarize(whole.results())
    assert "shard" not in merged.campaign().settings
    assert (merged.campaign().seed, merged.campaign().trials) == (whole.campaign().seed, 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["merged", "whole", *(p.name for p in paths)])


def test_the_accounts_hours_are_those_before_the_first_shard_and_after_the_last(tmp_path: Path) -> None:
    paths = shards(tmp_path, 3)
    hours = ((5.5, 7.0), (5.0, 6.0), (None, None))
    for path, (before, after) in zip(paths, hours, strict=True):
        shard = CampaignFolder(path / "runbook")
        settings = {**shard.campaign().settings, "account_hours_before": before, "account_hours_after": after}
        shard.write_campaign(dataclasses.replace(shard.campaign(), settings=settings))

    (merged,) = merging.merge(paths, tmp_path / "merged")

    noted = merged.campaign().settings
    assert (noted["account_hours_before"], noted["account_hours_after"]) == (5.0, 7.0)


def test_shards_of_several_investigators_are_merged_by_investigator(tmp_path: Path) -> None:
    paths = shards(tmp_path)
    fabricate(paths[0] / "echo", 2)

    merged = merging.merge(paths, tmp_path / "merged")

    assert [folder.path.name for folder in merged] == ["runbook", "echo"]


def test_what_is_not_of_one_campaign_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    first, second = shards(tmp_path)
    other = tmp_path / "other"
    fabricate(other / "runbook", 12, seed=8)
    (tmp_path / "empty").mkdir()

    for paths, message in (
        ([first, other], "is of another campaign than"),
        ([first, first], "and so has"),
        ([first, tmp_path / "empty"], "has no campaign in it"),
    ):
        with pytest.raises(UsageError, match=message):
            merging.merge(paths, tmp_path / "merged")
        assert not (tmp_path / "merged").exists()
    with pytest.raises(UsageError, match="is there already"):
        merging.merge([first, second], second)


def test_answers_to_judge_are_those_of_trials_that_count(tmp_path: Path) -> None:
    fabricate(tmp_path / "runbook", 12, in_progress=2, void_every=5)

    folders = scores.answered(tmp_path)

    done = [trial.id for trial in CampaignFolder(tmp_path / "runbook").trials() if trial.status.value == "done"]
    assert [folder.path.name for folder in folders] == done
    assert 0 < len(done) < 12


def test_scores_are_decided_again_from_what_is_stored(tmp_path: Path) -> None:
    folder = fabricate(tmp_path / "runbook", 8)
    before = {result.trial.id: result.verdict for result in folder.results()}
    for path in (tmp_path / "runbook").glob("trials/*/score.json"):
        path.unlink()

    scores.rescore(folder)

    assert {result.trial.id: result.verdict for result in folder.results()} == before
