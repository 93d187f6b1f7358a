"""Sentences: what they assert, what they deny, and which part names the cause. Markdown: what counts for nothing."""

import pytest

from evaluation.language.causality import causality
from evaluation.language.headings import SectionRole, read_heading
from evaluation.language.markdown import sections
from evaluation.language.sentences import sentence, split


def polarity(text: str) -> str:
    return sentence(text).polarity(text.index("X")).value


@pytest.mark.parametrize(
    "text",
    [
        "The errors are caused by X, not by Y.",
        "Y was ruled out, and X was set.",
        "Not only X but also Y was changed.",
        "Nothing other than X was changed.",
        "We ruled out Y and found that X was set.",
        "Requests could not be served because X was set.",
        "There is no evidence for Y, so X is the cause.",
        "X rather than Y is the cause.",
    ],
)
def test_a_sentence_asserts(text: str) -> None:
    assert polarity(text) == "asserted"


@pytest.mark.parametrize(
    "text",
    [
        "The errors are caused by Y, not by X.",
        "X was ruled out.",
        "Y, Z and X were ruled out.",
        "We ruled out X.",
        "It would be wrong to say that X is the cause.",
        "We first suspected X, but Y is the cause.",
        "Unlike X, Y is the cause.",
        "There is no evidence that X is the cause.",
        "The errors are not related to X.",
        "X did not cause the errors.",
        "X was changed, but this did not cause the errors.",
        "X is a red herring.",
        "Y rather than X is the cause.",
    ],
)
def test_a_sentence_denies(text: str) -> None:
    assert polarity(text) == "denied"


@pytest.mark.parametrize("text", ["Possibly X is the cause.", "X might be the cause.", "X cannot be ruled out."])
def test_a_sentence_hedges(text: str) -> None:
    assert polarity(text) == "hedged"


@pytest.mark.parametrize(
    "text",
    ["Could it be X?", "Had X been changed, it would fail.", "Check X first.", "Set X back.", "We asked whether X."],
)
def test_a_sentence_counts_for_nothing(text: str) -> None:
    assert polarity(text.replace("Set X", "Set the X")) == "silent"


@pytest.mark.parametrize(
    ("text", "causes", "deepest"),
    [
        ("Requests fail because X was set.", ["X was set."], "X was set."),
        ("X caused the errors.", ["X "], "X "),
        ("The alarm is due to errors caused by X.", [" errors ", " X."], " X."),
        ("Since X was set, every request fails.", ["X was set"], "X was set"),
        ("X was set; This caused every request to fail.", ["X was set; This "], "X was set; This "),
        ("X was set.", [], ""),
    ],
)
def test_the_cause_stands_behind_or_before_the_causal_words(text: str, causes: list[str], deepest: str) -> None:
    result = causality(text)

    assert [text[start:end].strip() for start, end in result.ranges] == [cause.strip() for cause in causes]
    assert text[slice(*result.ranges[-1])].strip() == deepest.strip() if result.ranges else deepest == ""


def test_a_sentence_that_refers_back_stays_with_the_one_before() -> None:
    assert [part.text for part in split("X was set at 14:02. This caused errors. Y is e.g. fine. No.")] == [
        "X was set at 14:02; This caused errors.",
        "Y is e.g. fine.",
        "No.",
    ]


def test_quotes_and_code_are_left_out_and_names_in_code_stay() -> None:
    text = (
        "# Title\n\nUse `X` and `X=true`.\n\n> quoted X\n\n```\ncode X\n```\n\n    indented X\n\n"
        'It said "X is set to true in production" and "X".\n\n`aws lambda update-function-configuration --x y z`\n\n'
        "**Bold heading**\n\n- item\n\n| a | b |\n|---|---|\n| c | d |\n"
    )

    title, bold = sections(text)

    assert title.headings == ("Title",)
    assert [block.text for block in title.blocks] == ["Use X and X=true.", "It said   and X."]
    assert bold.headings == ("Title", "Bold heading")
    assert [(block.text, block.in_list) for block in bold.blocks] == [("item", True), ("a: b", True), ("c: d", True)]


@pytest.mark.parametrize(
    ("heading", "role", "rest"),
    [
        ("Root Cause: X was set", SectionRole.ROOT, "X was set"),
        ("2. Root cause", SectionRole.ROOT, ""),
        ("Possible root causes", SectionRole.SUSPECT, ""),
        ("Ruled out", SectionRole.RULED_OUT, ""),
        ("Contributing factors", SectionRole.CONTRIBUTING, ""),
        ("Mitigation Summary", SectionRole.ADVICE, ""),
        ("Investigation Gaps", SectionRole.ADVICE, ""),
        ("Symptoms", SectionRole.SYMPTOM, ""),
        ("Conclusion", SectionRole.CONTEXT, ""),
        ("Details", None, ""),
        ("FAIL_MODE was changed on the function of the API", None, "FAIL_MODE was changed on the function of the API"),
    ],
)
def test_a_heading_gives_a_role(heading: str, role: SectionRole | None, rest: str) -> None:
    assert read_heading(heading) == (role, rest)
