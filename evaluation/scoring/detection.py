"""Whether an answer says that something is wrong: the axes detected and false alarm."""

import re

from evaluation.findings import Findings, Role, Verdict
from evaluation.language.headings import SectionRole
from evaluation.language.polarity import Polarity
from evaluation.language.sentences import Sentence
from evaluation.scoring.result import Opinion, Outcome
from evaluation.scoring.statements import Statement
from evaluation.scoring.vocabulary import Vocabulary

_UNTIL = r"(?! (?:\w+ )?(?:until|before|prior|up to|again|now|at the time))"
_IS_HEALTHY = re.compile(
    rf"\b(?:is|are|has been|have been|remains?|remained|stayed|looks?|appears?(?: to be)?|seems?(?: to be)?)"
    rf" (?:\w+ ){{0,2}}(?:healthy|operational|stable|fine)\b{_UNTIL}"
    r"|\b(?:operat\w+|work\w*|function\w*|running|behav\w+|respond\w*) (?:normally|as expected|correctly|fine)\b",
    re.IGNORECASE,
)
"""Says it of a subject that stands before."""
_NOTHING_WRONG = re.compile(
    r"^\W*(?:healthy|all good)\b|\bhealthy\s*[:?]+\s*yes\b|\bnothing (?:is|was|appears to be|looks) wrong\b"
    r"|\bno (?:\w+ ){0,3}?(?:faults?|issues?|problems?|anomal\w+|incidents?|outages?|degradations?|impact"
    r"|root cause|failures?|errors?)\b(?! (?:other|besides|except|until|before|prior))"
    r"|\b(?:all|every) (?:\w+ )?requests? (?:\w+ )?(?:succe\w+|returned? (?:HTTP )?200)",
    re.IGNORECASE,
)
_NOT_HEALTHY = re.compile(
    r"\b(?:not|n't|no longer|never) (?:\w+ )?(?:healthy|operational|stable|work\w*|function\w*|respond\w*)\b"
    r"|\bunhealthy\b|\bhealthy\s*[:?]+\s*no\b"
    r"|\b(?:is|are|was|were|has been|been|started|began) (?:\w+ ){0,2}?(?:failing|down|broken|unavailable"
    r"|degraded|to fail)\b|\b(?:all|every|each|100 ?%|\d+ of \d+)(?: of)?(?: \w+){0,4}? (?:fail\w*|5xx|50\d)\b"
    r"|\boutage (?:began|started|is|was)\b",
    re.IGNORECASE,
)
_YES = re.compile(r"\W*yes\b", re.IGNORECASE)
_NO = re.compile(r"\W*no\b\s*(?:[.,:;!-]|$)", re.IGNORECASE)
_FAILING = re.compile(
    r"(?<!no )(?<!zero )(?<!\b0 )(?<!without )(?<!any )\b(?:fail(?:s|ed|ing|ures?)?|5xx|50\ds?|broke|errors?"
    r"|exceptions?|rais(?:es|ed|ing)|throw(?:s|n|ing)?|\w+(?:Error|Exception)|outage|degraded"
    r"|unavailable)\b(?!\s*(?:rate|count|metric|alarm)?s?\s*(?:is|was|were|are|stayed|remained|of|at|="
    r"|:)\s*(?:at )?(?:0\b|zero|none|normal|below|ok\b))",
    re.IGNORECASE,
)
_NO_CAUSE = re.compile(r"\bnot (?:be )?(?:determined|identified|known|found)\b|\bunknown\b", re.IGNORECASE)
_ROOT_CAUSE = re.compile(r"\broot[- ]cause\b(?! (?:analysis|investigation))", re.IGNORECASE)


def prose_verdict(statements: tuple[Statement, ...], words: Vocabulary) -> tuple[Verdict, str | None]:
    """Return what prose says of the service's health, and the sentence. A plain word counts before signs of failure."""
    sentences = [
        (statement, sentence)
        for statement in statements
        if statement.role in (None, SectionRole.ROOT, SectionRole.SYMPTOM)
        for sentence in statement.sentences
        if not sentence.is_silent
    ]
    verdicts = [(_verdict_of(*pair, words, is_first=index == 0), pair[1]) for index, pair in enumerate(sentences)]
    healthy = next((sentence for verdict, sentence in verdicts if verdict is Verdict.NO_FAULT), None)
    faulty = next((sentence for verdict, sentence in verdicts if verdict is Verdict.FAULT), None)
    if healthy and faulty:
        return Verdict.INCONCLUSIVE, healthy.text
    if healthy:
        return Verdict.NO_FAULT, healthy.text
    faulty = faulty or next((sentence for _, sentence in sentences if _FAILING.search(sentence.text)), None)
    return (Verdict.FAULT, faulty.text) if faulty else (Verdict.UNSTATED, None)


def _verdict_of(statement: Statement, sentence: Sentence, words: Vocabulary, *, is_first: bool) -> Verdict | None:
    """What one sentence says of the service. "Yes" and "no" answer the question only at the start."""
    text = sentence.text
    if _NOT_HEALTHY.search(text) or _names_root_cause(statement, sentence) or (is_first and _NO.match(text)):
        return Verdict.FAULT
    if _is_about_service(sentence, words) or (is_first and _YES.match(text)):
        return Verdict.NO_FAULT
    return None


def detected(findings: Findings, prose: tuple[Verdict, str | None]) -> Opinion:
    """Say whether a fault that there was is reported."""
    verdict, sentence = _verdict(findings, prose)
    if verdict is Verdict.FAULT:
        return Opinion(Outcome.HIT, sentence, "a fault is reported")
    if verdict is Verdict.NO_FAULT:
        return Opinion(Outcome.MISS, sentence, "the service is called healthy")
    if findings.verdict is Verdict.INCONCLUSIVE and prose[0] is not Verdict.FAULT:
        return Opinion(Outcome.MISS, sentence, "the answer does not say whether there is a fault")
    return Opinion(Outcome.UNDECIDED, sentence, "the answer does not say clearly whether there is a fault")


def false_alarm(findings: Findings, prose: tuple[Verdict, str | None]) -> Opinion:
    """Say whether a fault is reported where there was none; a hit is that none is."""
    verdict, sentence = _verdict(findings, prose)
    if verdict is Verdict.FAULT:
        return Opinion(Outcome.MISS, sentence, "a fault is reported, and there was none")
    if verdict is Verdict.NO_FAULT:
        return Opinion(Outcome.HIT, sentence, "the service is called healthy")
    return Opinion(Outcome.UNDECIDED, sentence, "the answer does not say clearly whether there is a fault")


def _verdict(findings: Findings, prose: tuple[Verdict, str | None]) -> tuple[Verdict, str | None]:
    """The stated verdict, unless the prose says the opposite; the prose's where none is stated."""
    stated, (from_prose, sentence) = findings.verdict, prose
    if stated is Verdict.UNSTATED:
        return from_prose, sentence
    if stated is not from_prose and {stated, from_prose} <= {Verdict.FAULT, Verdict.NO_FAULT}:
        return Verdict.INCONCLUSIVE, sentence
    if stated is Verdict.NO_FAULT and any(cause.role is Role.ROOT for cause in findings.causes):
        return Verdict.INCONCLUSIVE, sentence
    return stated, sentence or next((cause.statement for cause in findings.causes), None)


def _names_root_cause(statement: Statement, sentence: Sentence) -> bool:
    text = sentence.text
    if statement.role is not SectionRole.ROOT or _IS_HEALTHY.search(text) or _NOTHING_WRONG.search(text):
        return False
    if not statement.by_wording:
        return _NO_CAUSE.search(text) is None
    match = _ROOT_CAUSE.search(text)
    return match is not None and sentence.polarity(match.start()) is Polarity.ASSERTED


def _is_about_service(sentence: Sentence, words: Vocabulary) -> bool:
    """Return whether the service as a whole is called healthy, and not only its database."""
    is_healthy = _IS_HEALTHY.search(sentence.text)
    if is_healthy is not None and words.service.search(sentence.text, 0, is_healthy.start()):
        return True
    return _NOTHING_WRONG.search(sentence.text) is not None and not words.rivals_in(sentence.text)
