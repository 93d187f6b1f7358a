"""The value that an answer gives the variable."""

import re
from dataclasses import dataclass

from evaluation.scoring.mentions import Mention, Stance
from evaluation.scoring.result import Opinion, Outcome
from evaluation.scoring.statements import Statement
from evaluation.scoring.vocabulary import Vocabulary

_VALUE = r"[`'\"]?(?P<value>[\w.-]*\w)"
_ASSIGNED = re.compile(
    r"[`'\"]?\s*(?:environment |env )?(?:variable |flag |setting |parameter |value )?"
    rf"(?:(?:=|equals) ?{_VALUE}|: ?[`'\"]?(?P<listed>[\w.-]*\w)(?=[`'\"]?\s*(?:$|[,.;)])))",
    re.IGNORECASE,
)
_CHANGING = r"(?:set|chang|switch|flip|updat|toggl|turn|modif|repoint|went|moved|overrid)\w*"
_CHANGED_TO = re.compile(
    rf"(?:[^.;,]{{0,60}}?\bfrom\s+\S+\s+(?:in)?to|\s*to|[^.;,]{{0,30}}?\b{_CHANGING}(?: [\w-]+){{0,4}}? (?:to|with)"
    rf"|[^.;,]{{0,20}}?(?:->|→|=>)|[`'\"]?\s+(?:is|was|being|now)) {_VALUE}",
    re.IGNORECASE,
)
_REMOVED = re.compile(r"\b(?:removed|deleted|missing|unset|absent|not set|undefined|empty)\b", re.IGNORECASE)
_SWITCHED = re.compile(
    r"\b(?:(?P<on>enabl|activat|(?:turn|switch)\w* (?:\S+ )?on\b)"
    r"|(?P<off>disabl|deactivat|(?:turn|switch)\w* (?:\S+ )?off\b))",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(r"(?:an?|the|its?|new|different|another|other|wrong|invalid)$", re.IGNORECASE)


@dataclass(frozen=True)
class _Stated:
    """`is_certain`: written as a value, and not only the word behind "to", which may be a verb."""

    value: str
    is_certain: bool


def value_opinion(mentions: list[Mention], changes: list[Statement], words: Vocabulary) -> Opinion:
    """Judge a variable that is blamed: with its new value, without one, or with another one."""
    blamed = [mention for mention in mentions if mention.stance in (Stance.ROOT, Stance.EFFECT, Stance.CONTEXT)]
    others: list[tuple[_Stated, str | None]] = []
    for mention in blamed:
        stated = _stated_value(mention, words)
        if stated is not None and stated.value in words.values:
            return Opinion(Outcome.HIT, mention.sentence.text, "the variable and its new value are named", True)
        if stated is not None and mention.stance is Stance.ROOT:
            others.append((stated, mention.sentence.text))
    for statement in changes:
        value = statement.change.to.strip(" `'\"").lower() if statement.change else ""
        text = statement.sentences[0].text if statement.sentences else None
        if value in words.values:
            return Opinion(Outcome.HIT, text, "the variable and its new value are named", True)
        if value:
            others.append((_Stated(value, True), text))
    for stated, text in others:
        if stated.is_certain:
            return Opinion(Outcome.MISS, text, f"the variable is named with another value: {stated.value}", True)
    for stated, text in others:
        return Opinion(Outcome.UNDECIDED, text, f"whether {stated.value} is meant as the variable's value is not clear")
    text = next((mention.sentence.text for mention in blamed if mention.stance is Stance.ROOT), None)
    return Opinion(Outcome.HIT, text, "the variable is named", True)


def _stated_value(mention: Mention, words: Vocabulary) -> _Stated | None:
    """The value that a sentence gives the variable, in lower case; None where it gives none."""
    text = mention.sentence.text
    behind = text[mention.match.end() :]
    if _REMOVED.search(behind[:40]):
        return _Stated("(removed)", True)
    assigned = _ASSIGNED.match(behind)
    if assigned is not None:
        return _Stated((assigned["value"] or assigned["listed"]).lower(), True)
    changed = _CHANGED_TO.match(behind)
    if changed is not None and not _NO_VALUE.match(changed["value"]):
        value = changed["value"].lower()
        if value in words.values or value in words.wrong_values:
            return _Stated(value, True)
        if " to " in changed[0] and not words.component.match(changed["value"]):
            return _Stated(value, False)
    switched = _SWITCHED.search(text[max(0, mention.match.start() - 30) : mention.match.end() + 30])
    if switched is not None:
        return _Stated("true" if switched["on"] else "false", True)
    return None
