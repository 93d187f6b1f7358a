"""Root causes that an answer names beside or instead of the true one."""

import re
from dataclasses import replace

from evaluation.language.headings import SectionRole
from evaluation.language.polarity import Polarity
from evaluation.language.sentences import Sentence
from evaluation.scoring.mentions import Stance, first, is_alternative, mentions
from evaluation.scoring.statements import Statement
from evaluation.scoring.vocabulary import DEPLOYMENT, SYMPTOM, Vocabulary

_JOINED = re.compile(
    r"(?:\band\b|\bas well as\b|\b(?:combined|together|along) with\b|\bplus\b|\bin addition to\b)[^,;.]{0,30}$",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"\bunknown\b|\bundetermined\b|\bnot (?:be )?(?:determined|identified|known)\b|\bunclear\b", re.IGNORECASE
)
_VAGUE = re.compile(
    r"\b(?:chang\w+|misconfig\w*|configur\w+|environment|variable|flag|setting|update)\b", re.IGNORECASE
)


def rival_sentence(statement: Statement, words: Vocabulary) -> Sentence | None:
    """Return the sentence in which a root statement blames something else, or None.

    The first sentence says what the statement is about; one behind it counts where it names a cause itself.
    """
    stated = [sentence for sentence in statement.sentences if not sentence.is_silent]
    if statement.role is not SectionRole.ROOT or not stated:
        return None
    primary = stated[0]
    is_truth = _names_variable(statement, words)
    for sentence in stated:
        matches = [match for match in words.rivals_in(sentence.text) if is_asserted_cause(sentence, match)]
        if not matches or is_alternative(sentence, words):
            continue
        if _names_variable(replace(statement, sentences=(sentence,), change=None), words):
            if _is_joined(sentence, matches, words):
                return sentence
        elif sentence is primary or (not is_truth and sentence.causality.is_of_failure):
            return sentence
    is_known = is_truth or statement.by_wording or _is_truth_or_symptom(statement, primary, words)
    return None if is_known else primary


def is_asserted_cause(sentence: Sentence, match: re.Match[str]) -> bool:
    """Return whether a sentence says that what it mentions here is a cause."""
    return sentence.polarity(match.start()) is Polarity.ASSERTED and sentence.causality.contains(match.start())


def _names_variable(statement: Statement, words: Vocabulary) -> bool:
    if statement.change is not None and words.variable.search(statement.change.what):
        return True
    return first(mentions((statement,), words.variable.finditer, words), Stance.ROOT) is not None


def _is_joined(sentence: Sentence, matches: list[re.Match[str]], words: Vocabulary) -> bool:
    """Return whether variable and rival are one cause: "X and Y caused the errors"."""
    variable = words.variable.search(sentence.text)
    return variable is not None and any(
        match.start() > variable.end() and _JOINED.search(sentence.text, variable.end(), match.start())
        for match in matches
    )


def _is_truth_or_symptom(statement: Statement, primary: Sentence, words: Vocabulary) -> bool:
    """Return whether a statement without a known rival only says less than the truth, or names a symptom."""
    if any(words.component.search(name) for name in statement.resources):
        return True
    if statement.resources and not any(words.consequences.search(name) for name in statement.resources):
        return False
    if words.components_in(primary.text):
        return True
    patterns = (words.consequences, words.event, SYMPTOM, _VAGUE, DEPLOYMENT, _UNKNOWN)
    return any(pattern.search(primary.text) for pattern in patterns)
