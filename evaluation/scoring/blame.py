"""Who and what is blamed: the axes mechanism, component and no rival root."""

import re
from dataclasses import dataclass, replace

from evaluation.language.headings import SectionRole
from evaluation.language.polarity import Polarity
from evaluation.language.sentences import Sentence
from evaluation.scoring.mentions import Mention, Stance, first, is_alternative, mentions
from evaluation.scoring.result import Opinion, Outcome
from evaluation.scoring.statements import Statement
from evaluation.scoring.vocabulary import CHANGED, CONFIGURATION, DEPLOYMENT, SYMPTOM, Vocabulary

_NEW_VALUE = re.compile(
    r"^[`'\"]?\s*(?:environment |env )?(?:variable |flag |setting |parameter |value )?(?:=|:"
    r"|equals)\s*[`'\"]?(?P<assigned>[\w.-]+)"
    r"|^[^.;,]{0,60}?(?:\bfrom\s+[`'\"]?[\w.-]+[`'\"]?\s+(?:to|into)|\bto|->|→|=>|\b(?:is|was|being"
    r"|now)(?= [`'\"]?(?:true|false|on|off)\b))"
    r"\s*[`'\"]?(?P<target>[\w.-]+)",
    re.IGNORECASE,
)
_REMOVED = re.compile(r"\b(?:removed|deleted|missing|unset|absent|not set|undefined|empty)\b", re.IGNORECASE)
_SWITCHED = re.compile(
    r"\b(?P<on>enabl|activat|turn(?:ed|ing|s)? (?:\S+ )?on\b|switch(?:ed|ing)? on)|\b(?P<off>disabl|deactivat|turn(?:ed"
    r"|ing)? off|switch(?:ed|ing)? off)",
    re.IGNORECASE,
)
_NO_VALUE = (
    "a",
    "an",
    "the",
    "its",
    "new",
    "different",
    "another",
    "other",
    "wrong",
    "invalid",
    "production",
    "function",
    "storefront",
    "cause",
)
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


@dataclass(frozen=True)
class Blame:
    """The opinions of one part of an answer on the axes of this module."""

    mechanism: Opinion
    component: Opinion
    no_rival_root: Opinion


def blame(statements: tuple[Statement, ...], words: Vocabulary) -> Blame:
    """Read from statements what they call the cause."""
    rivals = {id(statement): rival for statement in statements if (rival := _rival(statement, words)) is not None}
    mechanism = _mechanism(statements, words, rivals)
    return Blame(mechanism, _component(statements, words, mechanism, rivals), _no_rival_root(statements, rivals))


def names_variable(statement: Statement, words: Vocabulary) -> bool:
    """Return whether a root statement names the variable as the cause, in its sentences or as its change."""
    if statement.change is not None and words.variable.search(statement.change.what):
        return True
    return first(mentions((statement,), words.variable.finditer, words), Stance.ROOT) is not None


def _mechanism(statements: tuple[Statement, ...], words: Vocabulary, rivals: dict[int, Sentence]) -> Opinion:
    found = mentions(statements, words.variable.finditer, words)
    roots = [statement for statement in statements if statement.role is SectionRole.ROOT]
    changes = [statement for statement in roots if statement.change and words.variable.search(statement.change.what)]
    blamed = first(found, Stance.ROOT)
    denied = first(found, Stance.DENIED)
    if blamed and denied:
        return Opinion(Outcome.UNDECIDED, denied.sentence.text, "the variable is named as the cause and denied", True)
    if blamed or changes:
        return _value(found, changes, words)
    if denied:
        return Opinion(Outcome.MISS, denied.sentence.text, "the variable is said not to be the cause", True)
    if suspect := first(found, Stance.SUSPECT):
        if suspect.statement.is_alternative or is_alternative(suspect.sentence, words):
            return Opinion(Outcome.MISS, suspect.sentence.text, "the variable is one of several suspects")
        return Opinion(Outcome.UNDECIDED, suspect.sentence.text, "the variable is only suspected")
    if hedged := first(found, Stance.HEDGED):
        return Opinion(Outcome.UNDECIDED, hedged.sentence.text, "the variable is named with reservation")
    for statement in roots:
        for sentence in statement.sentences:
            if id(statement) not in rivals and _asserts_cause(sentence, CONFIGURATION):
                if not rivals and any(_says_changed(mention) for mention in found):
                    return _value(found, changes, words)  # the sentences around it say which configuration
                return Opinion(Outcome.UNDECIDED, sentence.text, "a change of configuration, without the variable")
    if lesser := first(found, Stance.LESSER):
        return Opinion(Outcome.MISS, lesser.sentence.text, "the variable is named, but not as the root cause")
    if (context := first(found, Stance.CONTEXT, Stance.EFFECT)) and not rivals:
        return Opinion(Outcome.UNDECIDED, context.sentence.text, "the variable is named, but not said to be the cause")
    return Opinion(Outcome.MISS, None, "the variable is not named as the cause")


def _value(found: list[Mention], changes: list[Statement], words: Vocabulary) -> Opinion:
    """The variable is blamed: with its new value, without one, or with another one."""
    blamed = [mention for mention in found if mention.stance in (Stance.ROOT, Stance.EFFECT, Stance.CONTEXT)]
    wrong: tuple[str, str] | None = None
    for mention in blamed:
        value = _stated_value(mention)
        if value is not None and value in words.values:
            return Opinion(Outcome.HIT, mention.sentence.text, "the variable and its new value are named", True)
        if value is not None and wrong is None and mention.stance is Stance.ROOT:
            wrong = (value, mention.sentence.text)
    for statement in changes:
        value = statement.change.to.strip().lower() if statement.change else ""
        text = statement.sentences[0].text if statement.sentences else None
        if value in words.values:
            return Opinion(Outcome.HIT, text, "the variable and its new value are named", True)
        if value and wrong is None:
            wrong = (value, text or value)
    if wrong is not None:
        return Opinion(Outcome.MISS, wrong[1], f"the variable is named with another value: {wrong[0]}", True)
    text = next((mention.sentence.text for mention in blamed if mention.stance is Stance.ROOT), None)
    return Opinion(Outcome.HIT, text, "the variable is named", True)


def _says_changed(mention: Mention) -> bool:
    return mention.stance is Stance.CONTEXT and CHANGED.search(mention.sentence.text) is not None


def _stated_value(mention: Mention) -> str | None:
    """The value that a sentence gives the variable, in lower case; None where it gives none."""
    text = mention.sentence.text
    behind = text[mention.match.end() :]
    if _REMOVED.search(behind[:40]):
        return "(removed)"
    match = _NEW_VALUE.match(behind)
    if match is not None:
        value = (match["assigned"] or match["target"]).strip(".").lower()
        if value not in _NO_VALUE:
            return value
    around = text[max(0, mention.match.start() - 30) : mention.match.end() + 30]
    switched = _SWITCHED.search(around)
    if switched is not None:
        return "true" if switched["on"] else "false"
    return None


def _component(
    statements: tuple[Statement, ...], words: Vocabulary, mechanism: Opinion, rivals: dict[int, Sentence]
) -> Opinion:
    found = mentions(statements, words.components_in, words)
    roots = [statement for statement in statements if statement.role is SectionRole.ROOT]
    listed = [statement for statement in roots if any(words.component.search(name) for name in statement.resources)]
    denied = next(
        (mention for mention in found
         if mention.stance is Stance.DENIED and words.is_of_component(mention.sentence.text, mention.match)), None
    )  # fmt: skip
    if mechanism.outcome is Outcome.HIT:
        told = first(found, Stance.ROOT, Stance.EFFECT, Stance.CONTEXT, Stance.LESSER)
        if told:
            return Opinion(Outcome.HIT, told.sentence.text, "the resource is named with the variable", True)
        if listed:
            return Opinion(Outcome.HIT, _text(listed[0]), "the resource is listed with the cause")
        if mechanism.sentence and words.other_resources.search(mechanism.sentence):
            return Opinion(Outcome.MISS, mechanism.sentence, "the variable is named as another resource's")
        return Opinion(Outcome.UNDECIDED, mechanism.sentence, "the variable is named, but not whose it is")
    blamed = next((mention for mention in found if _is_blamed(mention, rivals)), None)
    if blamed and denied:
        return Opinion(Outcome.UNDECIDED, denied.sentence.text, "the resource is named as the cause and denied", True)
    if blamed:
        return Opinion(Outcome.HIT, blamed.sentence.text, "the resource is named as the cause", True)
    if denied and not listed:
        return Opinion(Outcome.MISS, denied.sentence.text, "the resource is said not to be the cause", True)
    if listed:
        if len(listed[0].resources) == 1:
            return Opinion(Outcome.HIT, _text(listed[0]), "the resource is the only one listed with the cause")
        return Opinion(Outcome.UNDECIDED, _text(listed[0]), "the resource is one of several listed with the cause")
    if suspect := first(found, Stance.SUSPECT):
        if suspect.statement.is_alternative or is_alternative(suspect.sentence, words):
            return Opinion(Outcome.MISS, suspect.sentence.text, "the resource is one of several suspects")
        return Opinion(Outcome.UNDECIDED, suspect.sentence.text, "the resource is only suspected")
    if hedged := first(found, Stance.HEDGED):
        return Opinion(Outcome.UNDECIDED, hedged.sentence.text, "the resource is named with reservation")
    failing = next(
        (mention for mention in found
         if mention.stance is Stance.CONTEXT and SYMPTOM.search(mention.sentence.text, mention.match.end())), None
    )  # fmt: skip
    if failing and not roots:
        return Opinion(Outcome.HIT, failing.sentence.text, "the resource is said to be what does not work")
    if mechanism.outcome is Outcome.UNDECIDED and first(found, Stance.CONTEXT, Stance.EFFECT):
        return Opinion(Outcome.UNDECIDED, mechanism.sentence, "the resource is named, but not said to be the cause")
    return Opinion(Outcome.MISS, None, "the resource is not named as the cause")


def _is_blamed(mention: Mention, rivals: dict[int, Sentence]) -> bool:
    """In a statement that blames something else, only the sentence that does so counts."""
    if mention.stance is not Stance.ROOT or not mention.is_deepest:
        return False
    rival = rivals.get(id(mention.statement))
    return rival is None or rival is mention.sentence


def _no_rival_root(statements: tuple[Statement, ...], rivals: dict[int, Sentence]) -> Opinion:
    if rivals:
        sentence = next(iter(rivals.values()))
        return Opinion(Outcome.MISS, sentence.text, "another root cause is named", True)
    root = next((statement for statement in statements if statement.role is SectionRole.ROOT), None)
    return Opinion(Outcome.HIT, _text(root) if root else None, "no other root cause is named")


def _rival(statement: Statement, words: Vocabulary) -> Sentence | None:
    """Return the sentence in which a root statement blames something else, or None."""
    if statement.role is not SectionRole.ROOT:
        return None
    stated = [sentence for sentence in statement.sentences if not sentence.is_silent]
    if not stated:
        return None
    primary = stated[0]
    is_truth = names_variable(statement, words)
    for sentence in stated:
        matches = [match for match in words.rivals_in(sentence.text) if _is_asserted_cause(sentence, match)]
        if not matches or is_alternative(sentence, words):
            continue
        if first(mentions((replace(statement, sentences=(sentence,)),), words.variable.finditer, words), Stance.ROOT):
            if any(_JOINED.search(sentence.text, 0, match.start()) for match in matches) and _is_joint(
                sentence, matches, words
            ):
                return sentence
        elif sentence is primary or (not is_truth and sentence.causality.is_of_failure):
            return sentence
    if is_truth or statement.by_wording:
        return None
    if statement.resources and not any(
        words.component.search(name) or words.consequences.search(name) for name in statement.resources
    ):
        return primary
    text = primary.text
    known = words.components_in(text) or any(
        pattern.search(text) for pattern in (words.consequences, words.event, SYMPTOM, _VAGUE, DEPLOYMENT, _UNKNOWN)
    )
    return None if known or any(words.component.search(name) for name in statement.resources) else primary


def _is_joint(sentence: Sentence, matches: list[re.Match[str]], words: Vocabulary) -> bool:
    """Variable and rival in one cause: "X and Y caused the errors"."""
    variable = words.variable.search(sentence.text)
    return variable is not None and all(match.start() > variable.end() for match in matches[:1])


def _is_asserted_cause(sentence: Sentence, match: re.Match[str]) -> bool:
    return sentence.polarity(match.start()) is Polarity.ASSERTED and sentence.causality.contains(match.start())


def _asserts_cause(sentence: Sentence, pattern: re.Pattern[str]) -> bool:
    return any(_is_asserted_cause(sentence, match) for match in pattern.finditer(sentence.text))


def _text(statement: Statement) -> str | None:
    return statement.sentences[0].text if statement.sentences else None
