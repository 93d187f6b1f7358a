"""The folder of a campaign, and the reports that are made from it."""

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from evaluation import records, report
from evaluation.campaign.files import (
    Arm,
    CampaignFolder,
    Judgement,
    Judgements,
    Status,
    Trial,
    Verdict,
    truth_seal,
)
from evaluation.report import wording
from evaluation.report.trials import passages
from evaluation.scoring.result import Axis, AxisScore, Outcome, Score
from evaluation.statistics import Comparison, Tally, TimeToAnswer, summarize
from ops.errors import UsageError
from tests.unit.evaluation.campaigns import START, fabricate, result, score_of

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=timezone.utc)
HOSTILE = (
    "<script>document.title='x'</script><img src=https://example.org/a.png onerror=alert(1)> "
    "[click](javascript:alert(1)) {{ 7 * 7 }} `| a | b |` @octocat https://example.org/b"
)


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    return fabricate(tmp_path / "campaign", 24)


class Outline(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))


@pytest.mark.parametrize("kind", ["campaign", "trial", "answer", "judgements"])
def test_the_schemas_are_valid_and_close_their_objects(kind: str) -> None:
    schema = json.loads((records.SCHEMAS / f"{kind}.schema.json").read_text())

    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])


def test_a_campaign_comes_back_from_its_folder(folder: CampaignFolder) -> None:
    campaign = folder.campaign()
    trials = folder.trials()
    answer = folder.answer("0001")
    judgements = Judgements(NOW, {Axis.MECHANISM: Judgement(Outcome.MISS, "J. Doe", NOW, "only suspected")})
    copy = CampaignFolder(folder.path.parent / "copy")
    copy.write_campaign(campaign)
    for trial in trials:
        copy.write_trial(trial)
    assert answer is not None
    copy.write_answer("0001", answer)
    copy.write_judgements("0001", judgements)

    assert copy.campaign() == campaign
    assert copy.trials() == trials
    assert copy.answer("0001") == answer
    assert copy.judgements("0001") == judgements
    assert [trial.id for trial in trials] == [f"{number:04d}" for number in range(1, 25)]


def test_files_that_are_not_written_yet_are_none(folder: CampaignFolder) -> None:
    folder.write_trial(Trial(START, "9001", 0, Arm.FAULT, "app", "named"))

    reads = (folder.truth, folder.answer, folder.findings, folder.score, folder.judgements)
    assert [read("9001") for read in reads] == [None] * 5


def test_trials_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    files = CampaignFolder(tmp_path)
    for trial_id in ("10000", "9999", "0002"):
        files.write_trial(Trial(START, trial_id, 0, Arm.FAULT, "app", "named"))
    (tmp_path / "trials" / "0003").mkdir()

    assert [trial.id for trial in files.trials()] == ["0002", "9999", "10000"]


@pytest.mark.parametrize(
    ("file", "field", "value", "mentions"),
    [
        ("campaign.json", "seed", "7", "$.seed"),
        ("campaign.json", "kind", "trial", "kind is 'trial'"),
        ("trials/0001/trial.json", "arm", "other", "$.arm"),
        ("trials/0001/trial.json", "id", "0002", "must be the folder's name"),
        ("trials/0001/trial.json", "seconds", -1, "$.seconds"),
        ("trials/0001/answer.json", "status", "maybe", "$.status"),
        ("trials/0001/score.json", "axes", {}, "$.axes"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(
    folder: CampaignFolder, file: str, field: str, value: object, mentions: str
) -> None:
    path = folder.path / file
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))

    with pytest.raises(UsageError) as error:
        report.render_html(report.read(folder.path))

    assert str(path) in str(error.value)
    assert mentions in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_campaign_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"campaign\.json: cannot be read \(No such file"):
        report.read(tmp_path)


def test_a_seal_breaks_when_what_was_changed_is_edited(folder: CampaignFolder) -> None:
    trial = folder.trial("0001")
    path = folder.trial_folder("0001") / "truth.json"
    record = json.loads(path.read_text())
    assert folder.is_sealed_truth(trial) is True
    assert truth_seal({**record, "end": None}) == trial.truth_sha256

    folder.write_truth("0001", {**record, "change": {**record["change"], "to": "other"}})

    assert folder.is_sealed_truth(trial) is False
    assert "The seal does not match" in report.render_html(report.read(folder.path))
    assert folder.is_sealed_truth(replace(trial, truth_sha256=None)) is None


def test_a_person_decides_in_place_of_the_scorer_where_the_axis_applies() -> None:
    judgements = Judgements(NOW, {axis: Judgement(Outcome.HIT, "J. Doe", NOW, "clear") for axis in (*Axis,)})

    decided = judgements.apply_to(score_of("UNDECIDED"))

    assert decided.verdict == "PASS"
    assert decided.axes[Axis.MECHANISM] == AxisScore(Outcome.HIT, None, "clear", "person")
    assert decided.axes[Axis.FALSE_ALARM].outcome is Outcome.NOT_APPLICABLE


def test_the_report_says_what_a_person_decided(folder: CampaignFolder) -> None:
    before = summarize(folder.results()).faults
    folder.write_judgements(
        "0001", Judgements(NOW, {Axis.DETECTED: Judgement(Outcome.MISS, "J. Doe", NOW, "see page")})
    )

    made = report.read(folder.path)
    page = report.render_html(made)

    assert made.main.summary.faults.hits == before.hits - 1
    assert "1 axis decided by a person instead of the scorer" in page
    assert "<b>J. Doe</b> (a person)" in page


@pytest.mark.parametrize(
    ("faults", "alarms", "sentence"),
    [
        (
            Tally(18, 2, 0),
            Tally(0, 20, 0),
            "x named the true cause in 18 of 20 incidents (expect between 70 and 97 of 100) and raised a false alarm "
            "in 0 of 20 healthy checks (expect between 0 and 16 of 100).",
        ),
        (
            Tally(5, 0, 0),
            Tally(0, 0, 0),
            "x named the true cause in 5 of 5 incidents (expect between 57 and 100 of 100).",
        ),
        (
            Tally(0, 0, 0),
            Tally(1, 8, 1),
            "x raised a false alarm in 1 to 2 of 10 healthy checks (expect between 2 and 51 of 100).",
        ),
        (Tally(0, 0, 0), Tally(0, 0, 0), "No trial of x has a score yet."),
    ],
)
def test_the_verdict_is_one_sentence_with_intervals_in_words(faults: Tally, alarms: Tally, sentence: str) -> None:
    summary = replace(summarize([]), faults=faults, false_alarms=alarms)

    assert wording.verdict("x", summary) == sentence


@pytest.mark.parametrize(
    ("compared", "conclusion"),
    [
        (Comparison(5, 9, 0, 1, 0, 0, 0.0039), "a is better, and chance hardly explains it (p = 0.004)"),
        (Comparison(5, 0, 20, 1, 0, 0, 0.0000019), "b is better, and chance hardly explains it (p < 0.001)"),
        (Comparison(5, 3, 1, 1, 0, 0, 0.625), "chance alone can explain the difference (p = 0.625)"),
    ],
)
def test_a_comparison_says_who_is_better_only_when_chance_does_not(compared: Comparison, conclusion: str) -> None:
    assert wording.comparison("a", "b", compared).endswith(f"{conclusion}.")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "\N{EN DASH}"), (41.6, "42 s"), (59.7, "1 min 00 s"), (3900, "1 h 05 min")]
)
def test_durations_are_in_words(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


def test_numbers_are_in_words() -> None:
    assert wording.median(TimeToAnswer(3, 2, None, 900)) == "over 15 min 00 s"
    assert [wording.money(dollars) for dollars in (None, 0, 0.001, 1234.5)] == [
        "\N{EN DASH}",
        "$0.00",
        "< $0.01",
        "$1,234.50",
    ]
    assert wording.share((0.999, 0.999)) == "> 99 %"
    assert wording.share((0.25, 1.0)) == "25 to 100 %"
    assert wording.join(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize("agent", ["always-healthy", "shotgun"])
def test_references_that_fail_an_arm_are_named_as_such(folder: CampaignFolder, agent: str) -> None:
    reference = fabricate(folder.path.parent / agent, 24, agent=agent)

    made = report.read(folder.path, [reference.path])

    assert [notice.is_alarming for notice in made.notices if agent in notice.text] == [False]
    assert "proves nothing" not in report.render_html(made)


def test_a_reference_that_passes_is_said_on_top(folder: CampaignFolder) -> None:
    reference = fabricate(folder.path.parent / "echo", 24, agent="clairvoyant")
    reference.write_campaign(replace(reference.campaign(), agent="echo"))

    made = report.read(folder.path, [reference.path])
    page, markdown = report.render_html(made), report.render_markdown(made)

    sentence = "This suite proves nothing: echo passes every arm without investigating."
    assert page.index(sentence) < page.index("<h1>")
    assert markdown.index("proves nothing") < markdown.index("named the true cause")


def test_a_report_without_a_reference_says_so(folder: CampaignFolder) -> None:
    assert "No reference stands beside this campaign" in report.render_html(report.read(folder.path))


def test_two_investigators_on_one_seed_are_compared(folder: CampaignFolder) -> None:
    other = fabricate(folder.path.parent / "other", 24, agent="clairvoyant")
    unpaired = fabricate(folder.path.parent / "unpaired", 24, agent="command", seed=8)

    made = report.read(folder.path, [other.path, unpaired.path])
    page, markdown = report.render_html(made), report.render_markdown(made)

    assert made.beside[0].comparison is not None
    assert made.beside[0].comparison.pairs == 22
    assert "On the same 22 trials, runbook passed 0 that clairvoyant failed" in page
    assert "On the same 22 trials, runbook passed 0 that clairvoyant failed" in markdown
    assert made.beside[1].comparison is None
    assert "the seeds differ (7 and 8)" in page
    assert "the seeds differ (7 and 8)" in markdown


def test_trials_under_way_are_not_shown(tmp_path: Path) -> None:
    files = fabricate(tmp_path, 12, in_progress=3, void_every=0)

    page = report.render_html(report.read(files.path))

    assert "9 of 12 trials have a score so far" in page
    assert page.count('<tbody class="trial"') == 9
    assert 'id="trial-0010"' not in page


def test_a_campaign_that_has_only_been_planned_has_a_report(tmp_path: Path) -> None:
    files = fabricate(tmp_path, 4, in_progress=4)

    made = report.read(files.path)

    assert "No trial of runbook has a score yet." in report.render_html(made)
    assert "No trial of runbook has a score yet." in report.render_markdown(made)


def test_the_page_has_each_trial_with_its_timeline_words_truth_and_decisions(folder: CampaignFolder) -> None:
    page = report.render_html(report.read(folder.path))
    first = page[page.index('id="trial-0001"') : page.index('id="trial-0002"')]

    times = folder.trial("0001").times
    stages = (times.healthy_before, times.changed, times.symptom, times.asked, times.answered, times.rolled_back)
    assert [f"{at:%H:%M:%S}" in first for at in stages if at] == [True] * 6
    assert "--answered:" in first
    assert "storefront-app-handler" in first
    assert "environment.variables.FAIL_MODE" in first
    assert "Names the setting and its value" in first
    assert "<mark title=" in first
    assert "Void: the service was not healthy before" in page


def test_the_page_has_what_is_needed_to_repeat_the_campaign(folder: CampaignFolder) -> None:
    for text in (report.render_html(report.read(folder.path)), report.render_markdown(report.read(folder.path))):
        assert "./sandbox evaluate run --agent runbook --trials 24 --seed 7 --local" in text
        assert "5df44b9" in text
        assert "app (named), app-plain (plain)" in text


def test_without_a_recorded_command_one_is_made_from_the_plan(folder: CampaignFolder) -> None:
    folder.write_campaign(replace(folder.campaign(), settings={}))

    command = report.read(folder.path).command

    assert command.startswith("./sandbox evaluate run --agent runbook --trials 24 --seed 7 --out ")
    assert command.endswith("--stack app --stack app-plain")


def test_what_an_agent_writes_is_text_on_the_page(tmp_path: Path) -> None:
    files = fabricate(tmp_path, 4, agent="<b>x</b>", texts=[HOSTILE], void_every=0)

    page = report.render_html(report.read(files.path))
    tags = Outline(page).tags

    assert [tag for tag, _ in tags].count("script") == 1
    assert "img" not in [tag for tag, _ in tags]
    assert [attributes["href"] for tag, attributes in tags if tag == "a" and attributes["href"][:1] != "#"] == []  # type: ignore[index]
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;document.title" in page
    assert "{{ 7 * 7 }}" in page


def test_what_an_agent_writes_is_text_in_markdown(tmp_path: Path) -> None:
    files = fabricate(tmp_path, 4, agent="<b>x</b>", texts=[HOSTILE + " Root cause: " + HOSTILE], void_every=0)

    markdown = report.render_markdown(report.read(files.path))

    without_command = "\n".join(line for line in markdown.splitlines() if not line.startswith("    "))
    assert not re.search(r"(?<!\\)<", without_command)
    assert not re.search(r"(?<!\\)\]\(", without_command)
    assert "@octocat" not in without_command
    assert "https://example" not in without_command


def test_the_page_asks_for_nothing_from_elsewhere(folder: CampaignFolder) -> None:
    tags = Outline(report.render_html(report.read(folder.path))).tags

    assert not [tag for tag, attributes in tags if tag in ("link", "img", "iframe", "object") or "src" in attributes]
    policies = [str(attributes["content"]) for _, attributes in tags if "http-equiv" in attributes]
    assert [policy.partition(";")[0] for policy in policies] == ["default-src 'none'"]


def test_markdown_lists_what_did_not_pass_and_what_was_void(folder: CampaignFolder) -> None:
    made = report.read(folder.path)
    markdown = report.render_markdown(made)

    failed = [trial for trial in made.main.results if trial.verdict in (Verdict.FAIL, Verdict.UNDECIDED)]
    section = markdown[markdown.index("### Trials that did not pass") : markdown.index("### Void trials")]
    assert len(re.findall(r"^\| \d{4} \|", section, re.MULTILINE)) == len(failed) > 0
    assert "| the service was not healthy before | 1 |" in markdown


def test_deciding_sentences_are_marked_without_regard_to_markdown() -> None:
    axis = AxisScore(Outcome.HIT, "FAIL_MODE was set to true on the handler.", "")
    other = AxisScore(Outcome.HIT, "Not in the text.", "")
    none = AxisScore(Outcome.NOT_APPLICABLE, None, "")
    score = Score(dict.fromkeys(Axis, none) | {Axis.MECHANISM: axis, Axis.CHANGE: axis, Axis.TIME: other})

    cut = passages("Hello. `FAIL_MODE` was\nset to **true** on the handler. Bye.", score)

    assert [(passage.text, passage.axes) for passage in cut] == [
        ("Hello. `", ""),
        ("FAIL_MODE` was\nset to **true** on the handler.", "mechanism, change"),
        (" Bye.", ""),
    ]
    assert "".join(passage.text for passage in passages(HOSTILE, score_of("PASS"))) == HOSTILE


def test_a_done_trial_without_a_score_is_not_scored() -> None:
    assert replace(result(1, "PASS"), score=None).verdict is Verdict.NOT_SCORED
    assert (
        replace(result(1, "PASS"), trial=replace(result(1, "PASS").trial, status=Status.VOID)).verdict is Verdict.VOID
    )


def test_a_trial_takes_less_than_10_kilobytes_of_the_page(tmp_path: Path) -> None:
    files = fabricate(tmp_path, 200)

    page = report.render_html(report.read(files.path))

    assert len(page) < 200 * 10_000
