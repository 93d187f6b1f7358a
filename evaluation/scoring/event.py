"""Which change, and when: the axes change and time."""

import re
from datetime import date, timedelta

from evaluation.findings import Findings, Role
from evaluation.language.headings import SectionRole
from evaluation.language.moments import RELATIVE, Moment, moments_in
from evaluation.language.polarity import Polarity
from evaluation.language.sentences import Sentence
from evaluation.scoring.blame import Blame
from evaluation.scoring.mentions import Stance, first, mentions
from evaluation.scoring.result import Opinion, Outcome
from evaluation.scoring.statements import Statement
from evaluation.scoring.vocabulary import CHANGED, CONFIGURATION, DEPLOYMENT, SYMPTOM, UNCHANGED, Vocabulary
from evaluation.truth import Truth

TOLERANCE = timedelta(seconds=120)

_STATE = re.compile(r"\b(?:is|are|remains?|currently)\s+(?:\w+ )?set\b", re.IGNORECASE)
_HEALTH = re.compile(rf"{SYMPTOM.pattern}|\bhealthy\b", re.IGNORECASE)
_START = re.compile(r"\bsince\b|\buntil\b|\bbegan\b|\bbegin\w*|\bstart\w*|\bonset\b|\bfrom\b|\bfirst\b", re.IGNORECASE)


def change(statements: tuple[Statement, ...], words: Vocabulary, blamed: Blame) -> Opinion:
    """Say whether the change event is named: that the variable was changed, the call, the session or the run."""
    for statement in statements:
        if statement.role is SectionRole.ROOT and statement.change is not None:
            opinion = _reported(statement, words, blamed)
            if opinion is not None:
                return opinion
    if blamed.mechanism.outcome is Outcome.MISS and blamed.mechanism.is_explicit:
        return Opinion(Outcome.MISS, blamed.mechanism.sentence, f"another change: {blamed.mechanism.reason}", True)
    stated = [statement for statement in statements if statement.role is not SectionRole.RULED_OUT]
    is_right_cause = blamed.mechanism.outcome is Outcome.HIT
    of_variable = mentions(stated, words.variable.finditer, words)
    counted = (Stance.ROOT, Stance.EFFECT, Stance.CONTEXT) if is_right_cause else (Stance.ROOT, Stance.EFFECT)
    variable = [mention for mention in of_variable if mention.stance in counted]
    for mention in variable:
        if CHANGED.search(_STATE.sub(" ", mention.sentence.text)):
            return Opinion(Outcome.HIT, mention.sentence.text, "the variable is said to have been changed", True)
    if hedged := first(of_variable, Stance.HEDGED):
        return Opinion(Outcome.UNDECIDED, hedged.sentence.text, "the change is named with reservation")
    events = mentions(stated, words.event.finditer, words)
    event = first(events, Stance.ROOT, Stance.EFFECT, *((Stance.CONTEXT, Stance.LESSER) if is_right_cause else ()))
    if event:
        return Opinion(Outcome.HIT, event.sentence.text, "the call, the session or the run of the change is named")
    if blamed.mechanism.outcome is Outcome.UNDECIDED and (unclear := first(events + of_variable, Stance.CONTEXT)):
        return Opinion(Outcome.UNDECIDED, unclear.sentence.text, "the change is named, but not said to be the cause")
    unchanged = first(mentions(stated, UNCHANGED.finditer, words), Stance.ROOT, Stance.CONTEXT, Stance.EFFECT)
    if unchanged:
        return Opinion(Outcome.MISS, unchanged.sentence.text, "it is said that nothing was changed", True)
    deployed = mentions(stated, DEPLOYMENT.finditer, words)
    root = first(deployed, Stance.ROOT, Stance.EFFECT, *((Stance.CONTEXT,) if is_right_cause else ()))
    if root and blamed.no_rival_root.outcome is not Outcome.MISS:
        is_configuration = CONFIGURATION.search(root.sentence.text) and blamed.component.outcome is Outcome.HIT
        if is_right_cause or is_configuration:
            return Opinion(Outcome.HIT, root.sentence.text, "the change of the resource's configuration is named")
        return Opinion(Outcome.UNDECIDED, root.sentence.text, "a change is named, but not which")
    if variable and any(_STATE.search(mention.sentence.text) for mention in variable):
        return Opinion(
            Outcome.UNDECIDED, variable[0].sentence.text, "the variable's value is named, but no change of it"
        )
    return Opinion(Outcome.MISS, None, "the change is not named")


def _reported(statement: Statement, words: Vocabulary, blamed: Blame) -> Opinion | None:
    reported = statement.change
    if reported is None or not (reported.what or reported.by):
        return None
    text = f"{reported.what} {reported.by}".strip()
    if words.variable.search(reported.what):
        to = reported.to.strip().lower()
        if to and to not in words.values:
            return Opinion(Outcome.MISS, text, f"the variable is said to have been changed to {reported.to}", True)
        return Opinion(Outcome.HIT, text, "the variable is said to have been changed", True)
    if words.rivals_in(text):
        return Opinion(Outcome.MISS, text, "another change is named", True)
    if words.event.search(text) or (CONFIGURATION.search(text) and blamed.component.outcome is Outcome.HIT):
        return Opinion(Outcome.HIT, text, "the change of the resource's configuration is named")
    return Opinion(Outcome.UNDECIDED, text, "a change is named, but not which")


def reported_time(
    findings: Findings, statements: tuple[Statement, ...], words: Vocabulary, truth: Truth
) -> Opinion | None:
    """Read the time from the fields of structured findings, or else from the causes' sentences; None without one."""
    stated = [cause.change.at for cause in findings.causes if cause.role is Role.ROOT and cause.change is not None]
    for text in (*stated, findings.onset or ""):
        moments = moments_in(text, _day(truth))
        if moments:
            if any(_is_right(moment, truth) for moment in moments):
                return Opinion(Outcome.HIT, text, "the time is that of the change or of the onset")
            return Opinion(Outcome.MISS, text, "the time is another one", True)
    in_sentences = time_in_sentences(statements, words, truth)
    return in_sentences if findings.causes and in_sentences.is_explicit else None


def time_in_sentences(statements: tuple[Statement, ...], words: Vocabulary, truth: Truth) -> Opinion:
    """Read the time from sentences about the cause, the change or the start of the symptoms."""
    elsewhere: Sentence | None = None
    wrong: Sentence | None = None
    relative: Sentence | None = None
    for statement in statements:
        for sentence in statement.sentences:
            if statement.role is SectionRole.RULED_OUT or sentence.is_silent:
                continue
            moments = moments_in(sentence.text, _day(truth))
            is_right_moment = any(_is_right(moment, truth) for moment in moments)
            asserted = [moment for moment in moments if sentence.polarity(moment.position) is Polarity.ASSERTED]
            if asserted and _is_about_event(statement, sentence, words):
                if any(_is_right(moment, truth) for moment in asserted):
                    return Opinion(Outcome.HIT, sentence.text, "the time is that of the change or of the onset", True)
                wrong = wrong or sentence
            elif is_right_moment:
                elsewhere = elsewhere or sentence
            elif RELATIVE.search(sentence.text):
                relative = relative or sentence
    if wrong is not None:
        return Opinion(Outcome.MISS, wrong.text, "the time is another one", True)
    if elsewhere is not None:
        return Opinion(Outcome.UNDECIDED, elsewhere.text, "the right time, but of what is not clear")
    if relative is not None:
        return Opinion(Outcome.UNDECIDED, relative.text, "the time is relative")
    return Opinion(Outcome.MISS, None, "no time is named")


def _is_about_event(statement: Statement, sentence: Sentence, words: Vocabulary) -> bool:
    if statement.role is SectionRole.ROOT:
        return True
    if statement.role in (SectionRole.CONTRIBUTING, SectionRole.LATENT, SectionRole.SUSPECT):
        return False
    patterns = (words.variable, words.event, DEPLOYMENT)
    if any(pattern.search(sentence.text) for pattern in patterns):
        return True
    return _START.search(sentence.text) is not None and _HEALTH.search(sentence.text) is not None


def _day(truth: Truth) -> date | None:
    return truth.change.earliest.date() if truth.change else None


def _is_right(moment: Moment, truth: Truth) -> bool:
    """Whether a time is that of the change or of the onset, give or take TOLERANCE."""
    windows = []
    if truth.change is not None:
        windows.append((truth.change.earliest, truth.change.latest))
    if truth.onset is not None:
        windows.append((truth.onset, truth.onset))
    return any(moment.start - end <= TOLERANCE and start - moment.end <= TOLERANCE for start, end in windows)
