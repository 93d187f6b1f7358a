"""Which part of a sentence names the cause and which the effect."""

import re
from dataclasses import dataclass

_AFTER = re.compile(
    r"\bcaused (?:directly )?by\b|\bbecause(?: of)?\b|\bdue to\b|\bowing to\b"
    r"|\bas a (?:direct )?(?:result|consequence) of\b|\bresult(?:s|ed|ing)? (?:directly )?from\b"
    r"|\bstem(?:s|med|ming)? from\b|\battribut\w+ to\b|\btrac(?:ed|es|ing|eable) (?:\w+ )?to\b"
    r"|\btriggered by\b|\bintroduced (?:by|when|with)\b|\bbroken by\b|\bexplained by\b"
    r"|\boriginat\w+ (?:from|in|with)\b|\bpoints? to\b"
    r"|\b(?:root )?cause\b(?: of [^.:;]{0,80}?)?\s*(?:\bis\b|\bwas\b|:|=|\bappears? to be\b|\bseems? to be\b"
    r"|\bturned out to be\b|[-\u2013\u2014])"
    r"|\b(?:reason|culprit|trigger)\b(?: for [^.:;]{0,60}?)?\s*(?:\bis\b|\bwas\b|:)"
    r"|\bidentif(?:y|ied|ies)\b(?=.* as the (?:root )?cause)"
    r"|\bwhat (?:explains?|caused|causes|broke)\b[^.;]{0,60}?\b(?:is|was)\b|\bwe blame\b"
    r"|\b(?:began|started|starts|begins|fail\w*) (?:\w+ ){0,3}?(?:when|after|once|as soon as)\b|\bever since\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\bcaus(?:ed|es|ing)\b(?! (?:directly )?by)|\b(?:led|leads|leading) to\b|\bresult(?:ed|s|ing) in\b"
    r"|\btrigger(?:ed|s|ing)\b(?! by)|\bbr(?:oke|eaks|eaking)\b"
    r"|\b(?:is|was|are|were) (?:\w+ )?responsible for\b"
    r"|\b(?:is|was|as|be|being) (?:\w+ )?(?:the|our) (?:\w+ ){0,2}?(?:root )?(?:cause|culprit|reason"
    r"|trigger)\b(?!\s*(?::|\bis\b|\bwas\b))|\b(?:is|was) to blame\b|\bexplains?\b"
    r"|\bmak(?:es|ing) (?:every|each|all|the)\b|\bmade (?:every|each|all|the)\b|\bfor(?:ces|ced|cing)\b"
    r"|\bso that\b|\bsince then\b|\bafter which\b|\bfrom (?:then|that (?:moment|point)) on(?:wards?)?\b"
    r"|\bthereafter\b|,? so (?:every|each|all|the|any|requests?)\b|\bas a result\b(?! of)|\bconsequently\b"
    r"|,? (?:which|that|this) is why\b|\bhence\b|\bfollowed (?:immediately )?by\b|\bguarantees\b"
    r"|,? and\b(?=[^.;]{0,50}\b(?:fail\w*|broken|down|errors?|unhealthy)\b[^.;]{0,20}\bsince\b)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"\W*(?:ever )?(?:since|after|once|when|because)\b(?! then\b)(?P<cause>[^,;]*\b\w{2,}ed\b[^,;]*"
    r"|[^,;]*\b(?:was|set|is|has)\b[^,;]*),",
    re.IGNORECASE,
)
""""Since X was changed, every request fails": what comes first is the cause."""
_PRONOUN = re.compile(r"\W*(?:it|this|that|these|them)\W*(?:\w+\W*)?", re.IGNORECASE)
_EXPLICIT = re.compile(
    r"\broot[- ]cause\b|\b(?:actual|real|true|underlying|main|only) cause\b|\bculprit\b|\bto blame\b"
    r"|\bresponsible for\b|\bbroke\b|\bbroken by\b",
    re.IGNORECASE,
)
_BAD_EFFECT = re.compile(
    r"\bfail\w*\b|\berrors?\b|\b5\d\ds?\b|\b5xx\b|\bunhealthy\b|\bnot healthy\b|\boutages?\b|\balarms?\b"
    r"|\bexceptions?\b|\bdegrad\w+|\bincident\b|\bbroke\w*|\bunavailable\b|\bdown\b|\braise\w*\b|\bthrow\w*\b"
    r"|\bproblem\b|\bcannot\b|\bnot be served\b|\bsymptoms?\b|\bimpact\b|\brefus\w+|\breject\w+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Causality:
    """Character ranges of a sentence that name causes, the deepest last; and whether what they cause is a failure."""

    ranges: tuple[tuple[int, int], ...]
    is_of_failure: bool

    def contains(self, position: int) -> bool:
        """Return whether a cause is named here. A sentence without causal words is all cause."""
        return not self.ranges or any(start <= position < end for start, end in self.ranges)

    def is_deepest(self, position: int) -> bool:
        """Return whether this is in the cause that nothing else is said to have caused."""
        return not self.ranges or self.ranges[-1][0] <= position < self.ranges[-1][1]


def causality(sentence: str) -> Causality:
    """Find the causes that a sentence names: behind "because of", before "led to"."""
    marks = _marks(sentence)
    ranges: list[tuple[int, int]] = []
    has_effect = False
    for index, mark in enumerate(marks):
        if mark.is_before_cause:
            end = marks[index + 1].start if index + 1 < len(marks) else len(sentence)
            ranges.append(_resolved(sentence, mark.end, min(end, mark.limit)))
        elif not has_effect or _EXPLICIT.search(sentence, mark.start, mark.end):
            start = marks[index - 1].end if index else 0
            if not ranges or ranges[-1][1] != mark.start:
                ranges.append(_resolved(sentence, start, mark.start))
            has_effect = True
    effect = sentence
    for start, end in ranges:
        effect = effect[:start] + " " * (end - start) + effect[end:]
    is_of_failure = bool(ranges) and bool(_EXPLICIT.search(sentence) or _BAD_EFFECT.search(effect))
    return Causality(tuple(ranges), is_of_failure)


@dataclass(frozen=True)
class _Mark:
    """Causal words. The cause stands behind them, up to `limit` at most, or else in front of them."""

    start: int
    end: int
    is_before_cause: bool
    limit: int


def _marks(sentence: str) -> list[_Mark]:
    """The causal words of a sentence, in order, without those inside others."""
    whole = len(sentence)
    candidates = [_Mark(match.start(), match.end(), True, whole) for match in _AFTER.finditer(sentence)]
    candidates += [_Mark(match.start(), match.end(), False, whole) for match in _BEFORE.finditer(sentence)]
    leading = _LEADING.match(sentence)
    if leading is not None:
        candidates.append(_Mark(0, leading.start("cause"), True, leading.end("cause")))
    marks: list[_Mark] = []
    for mark in sorted(candidates, key=lambda mark: (mark.start, -mark.end)):
        if not marks or mark.start >= marks[-1].end:
            marks.append(mark)
    return marks


def _resolved(sentence: str, start: int, end: int) -> tuple[int, int]:
    """A cause that is only a pronoun ("because of it") is what stands before it, or behind a colon."""
    if not _PRONOUN.fullmatch(sentence[start:end]):
        return start, end
    colon = sentence.find(": ", end)
    return (colon + 1, len(sentence)) if start == 0 and colon != -1 else (0, end)
