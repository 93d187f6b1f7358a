"""What a sentence asserts and what it denies, by position: "caused by X, not Y" asserts X and denies Y."""

import re
from dataclasses import dataclass
from enum import Enum

from evaluation.language.patterns import any_of


class Polarity(Enum):
    """How a sentence stands to what it mentions."""

    ASSERTED = "asserted"
    DENIED = "denied"
    HEDGED = "hedged"
    SILENT = "silent"
    """Counts for nothing: a question, advice, a case that did not happen."""


@dataclass(frozen=True)
class Span:
    """A part of a sentence that is not simply asserted."""

    start: int
    end: int
    polarity: Polarity


CONTRAST = any_of(
    r"\s*;\s*",
    r"\s+[-\u2013\u2014]{1,2}\s+",
    r",?\s+\b(?:but|however|whereas|yet|although|though|while)\b,?\s",
)
"""Parts of a sentence that may say opposite things."""

_BOUNDARY = any_of(
    r",?\s+\band\b\s+",
    r",\s+",
    r"\bthat\b",
    r"\bwhich\b",
    r"\bbecause\b",
    r"\bsince\b",
    r":\s",
    r",?\s+\bso\b\s",
    r"\bafter\b",
)
_VERB = any_of(
    r"\b(?:is|are|was|were|has|have|had|did|does|do|shows?|showed|will|would|can|could|made|set|broke|led|fails?)\b",
    r"\b\w{3,}ed\b(?! variable| function| deployment)",
)
"""A finite verb, roughly: a comma or "and" behind one ends a clause, before one it is a list."""

_NEW_CLAUSE = re.compile(
    r"\s*(?:we |i )?(?:\w+ ){0,4}?(?:found|identified|concluded|confirmed|traced|is|was|are|were|caused)\b"
)

_CAUSAL = (
    r"(?:caused?|causing|due|because|responsible|(?:the |a |our )?(?:\w+ )?(?:root )?(?:cause|culprit|reason"
    r"|problem|issue|trigger)\b|related|to blame|at fault|involved|attribut\w+|explain\w*|trigger\w*"
    r"|account\w* for|contribut\w+|a factor|behind|the answer)"
)
_RULING_OUT = (
    r"(?:ruled out|excluded|eliminated|dismissed|discounted|disproved|refuted|rejected|discarded|exonerated|cleared)"
)
_BE = r"(?:is|are|was|were|be|been|being|gets?|got|has been|have been)"
_NOT = r"(?:\bnot\b|n't\b|\bnever\b|\bneither\b|\bcannot\b)"

_NOT_CAUSAL = re.compile(rf"{_NOT}\s+(?:\w+\s+){{0,2}}{_CAUSAL}")
_DENIED_BEFORE = any_of(
    rf"{_NOT}\s+(?:\w+\s+){{0,3}}?{_CAUSAL}",
    rf"\b{_BE}\s+(?:\w+ly\s+|also\s+|both\s+|all\s+|therefore\s+|then\s+)*{_RULING_OUT}",
    rf"\b{_RULING_OUT}\b(?=\s*(?:$|[.,;:)]|\b(?:by|as|because|since|after|early|too|first)\b))",
    r"\b(?:a )?red herring\b",
    r"\b(?:purely |merely |only )?coinciden(?:ce|tal)\b",
    r"\b(?:is|are|was|were) unrelated\b",
    r"\binnocent\b",
    r"\b(?:is|are|was|were|remain(?:s|ed)?) (?:\w+ )?(?:unaffected|unchanged|fine|irrelevant|harmless"
    r"|as expected|within limits|normal)\b",
    r"\bdid not change\b",
    r"\b(?:has|had|have) not changed\b",
    r"\b(?:has|had) no (?:effect|influence|impact|bearing|part)\b",
    r"\b(?:is|are|was|were|looks?|looked|appear(?:s|ed)?|remain(?:s|ed)?) (?:\w+ )?healthy\b(?! until| before"
    r"| up to| prior)",
    r"\bturned out to be (?:wrong|false|incorrect|a dead end|nothing)\b",
    r"\bdoes not explain\b",
    r"\b(?:was|were) wrong\b",
)
"""Denies the subject: from the start of its clause up to here."""

_DENIED_AFTER = any_of(
    rf"{_NOT}\s+(?:\w+\s+){{0,2}}?(?:caused by|due to|because of|related to|attribut\w+ to|triggered by"
    rf"|the result of|a result of)",
    rf"\b{_RULING_OUT}\b(?!\s*(?:$|[.,;)]|\b(?:by|as|because|since|after|early|too|first)\b))",
    r"\brul(?:es?|ing) out\b",
    r"\bexcludes?\b",
    r"\b(?:no|without|lack of|any) (?:\w+ )?(?:evidence|indications?|signs?|proof|reason to (?:believe|suspect))\b",
    r"\bnothing (?:\w+ ){0,2}?(?:suggests?|indicates?|points?|shows?)\b",
    r"\b(?:no|zero) (?=\w+ (?:throttl|timeout|error|change))",
    r"\b(?:wrong|incorrect|mistaken|misleading|tempting|premature|a mistake|unfair|easy) to (?:\w+ )?(?:say"
    r"|blame|conclude|assume|attribute|call|claim|suspect|think)\b",
    r"\bnot (?:fail|break|crash|happen|occur|start|begin|arise)\w*(?: \w+){0,2} because\b",
    r"\b(?:do|does|did) not (?:\w+ )?(?:believe|think|suspect|blame|find|support|point to|indicate|suggest)\b",
)
"""Denies what follows, to the end of the clause or of this part of the sentence."""

_DENIED_PHRASE = any_of(
    r"(?:,|\band|^|\()\s*not\b(?!\s+(?:only|just|merely|healthy|all))",
    r"\brather than\b",
    r"\binstead of\b",
    r"\bas opposed to\b",
    r"\bunlike\b",
    r"\bin contrast to\b",
    r"\bneither\b",
    r"\bnor\b",
)
"""Denies a noun phrase: up to the next comma."""

_RETRACTED = any_of(
    r"\b(?:first|initial(?:ly)?|original(?:ly)?|at first|early|earlier|previous(?:ly)?"
    r"|for a while)\b[^.;]{0,40}?\b(?:suspect\w*|thought|believed|assum\w+|looked|hypothes\w+|appear\w*"
    r"|consider\w*|blam\w+|diagnos\w+|point\w*|attribut\w+|theory)\b",
    r"\b(?:suspect\w*|thought|believed|assumed|blamed|diagnosed)\b[^.;]{0,20}?\b(?:first|initially|originally"
    r"|at first)\b",
    r"\b(?:looked|appeared|seemed) (?:like|to be)\b[^.;]{0,40}\bat first\b",
    r"\bused to (?:think|suspect)\b",
)
_HYPOTHETICAL = any_of(
    r"^\W*had\b(?=[^.;]+\b(?:been|would)\b)",
    r"^\W*(?:if|were)\b(?=[^.;]+\b(?:would|could|should)\b)",
    r"\bwould (?:\w+ )?have\b",
    r"\bwould (?:\w+ )?be expected\b",
    r"\bif\b[^.;]*\b(?:were|had)\b[^.;]*\bwe would\b",
    r"\bwhether\b",
    r"\bas a test\b",
    r"\bto confirm\b",
)
_HEDGED = any_of(
    r"\bpossibl[ye]\b",
    r"\bperhaps\b",
    r"\bmaybe\b",
    r"\bmight\b",
    r"(?-i:\bmay\b)",
    r"\bcould (?:also |well )?(?:be|have|explain)\b",
    r"\bpotential(?:ly)?\b",
    r"\bsuspected?\b",
    r"\bsuspicion\b",
    r"\bhypothesi[sz]e[sd]?\b",
    r"\bspeculat\w+\b",
    r"\bunconfirmed\b",
    r"\b(?:not|n't) (?:yet )?(?:been )?confirm\w*",
    r"\b(?:cannot|can't|could not|not) (?:yet )?(?:be )?(?:been )?(?:ruled out|excluded)\b",
    r"\bone (?:of several )?(?:candidates?|possibilit\w+|hypothes[ie]s)\b",
    r"\bnot (?:certain|sure|clear)\b",
    r"\bunclear\b",
    r"\b(?:is|are) a candidate\b",
)
_EXCEPTION = any_of(r"\b(?:other than|apart from|besides|except(?: for)?|aside from)\b")
""""Nothing other than X changed" asserts X."""

_ADVICE = re.compile(
    r"^\W*(?:(?:we|i) (?:would )?(?:recommend|suggest|propose)\w*|recommend\w*|please|to (?:fix|restore"
    r"|resolve|mitigate|recover)|you (?:can|should|may)|(?:check|review|verify|identify|collect|gather"
    r"|correlate|compare|query|ensure|investigate|inspect|consider|examine|make sure|look at|monitor"
    r"|roll back|revert|redeploy|try|confirm)\b|(?:set|update|change|restore|add|enable|increase|remove"
    r"|correct|fix|switch|flip)\s+(?:the|your|back|a|an|it|this|`?[A-Z]+_[A-Z_]+))",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"^\W*(?:and\s+|while\s+|although\s+)?(?:this|that|it|these|they|the (?:change|deployment"
    r"|update)(?! (?:of|to|in|on|at|by|with)\b))\b",
    re.IGNORECASE,
)


def spans(sentence: str) -> tuple[Span, ...]:
    """Return the parts of a sentence that are not simply asserted. Earlier spans win where they overlap."""
    if sentence.rstrip(" \"')*_").endswith("?") or _ADVICE.search(sentence):
        return (Span(0, len(sentence), Polarity.SILENT),)
    result: list[Span] = []
    previous_start = 0
    for start, end in _parts(sentence):
        part = sentence[start:end]
        result += [Span(start + span.start, start + span.end, span.polarity) for span in _part_spans(part)]
        if start and _PRONOUN.search(part) and _is_denied(part):
            # "X was changed, but this did not cause the errors" denies X
            result.append(Span(previous_start, start, Polarity.DENIED))
        previous_start = start
    return tuple(result)


def polarity_at(sentence_spans: tuple[Span, ...], position: int) -> Polarity:
    """Return the polarity of what stands at this position."""
    return next((span.polarity for span in sentence_spans if span.start <= position < span.end), Polarity.ASSERTED)


def _parts(sentence: str) -> list[tuple[int, int]]:
    starts = [0, *(match.end() for match in CONTRAST.finditer(sentence))]
    ends = [*(match.start() for match in CONTRAST.finditer(sentence)), len(sentence)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _is_denied(part: str) -> bool:
    return _DENIED_BEFORE.search(part) is not None or _NOT_CAUSAL.search(part) is not None


def _part_spans(part: str) -> list[Span]:
    if _HYPOTHETICAL.search(part):
        return [Span(0, len(part), Polarity.SILENT)]
    result = [Span(match.end(), len(part), Polarity.ASSERTED) for match in _EXCEPTION.finditer(part)]
    if _RETRACTED.search(part):
        result.append(Span(0, len(part), Polarity.DENIED))
    for match in _HEDGED.finditer(part):
        result.append(Span(_clause_start(part, match.start()), _clause_end(part, match.end()), Polarity.HEDGED))
    for match in _DENIED_AFTER.finditer(part):
        result.append(Span(match.start(), _clause_end(part, match.end()), Polarity.DENIED))
    for match in _DENIED_PHRASE.finditer(part):
        comma = part.find(",", match.end())
        result.append(Span(match.start(), len(part) if comma == -1 else comma, Polarity.DENIED))
    for match in _DENIED_BEFORE.finditer(part):
        if not any(span.start <= match.start() < span.end for span in result):
            result.append(Span(_clause_start(part, match.start()), match.end(), Polarity.DENIED))
    return result


def _clause_start(part: str, position: int) -> int:
    """Where the clause that ends at this position starts. A comma in a list of nouns starts none."""
    start = 0
    for match in _BOUNDARY.finditer(part, 0, position):
        if _VERB.search(part, start, match.start()) and part[match.end() : position].strip():
            start = match.end()
    return start


def _clause_end(part: str, position: int) -> int:
    """Where the clause that runs at this position ends: at a boundary that a new subject and verb follow."""
    for match in _BOUNDARY.finditer(part, position):
        word = match[0].strip(" ,").lower()
        if word in ("so", "because", "since", "which"):
            return match.start()
        if word != "that" and _NEW_CLAUSE.match(part, match.end()):
            return match.start()
    return len(part)
