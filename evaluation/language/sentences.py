"""Sentences of plain text, each with what it asserts and which part of it names a cause."""

import re
from dataclasses import dataclass, field

from evaluation.language.causality import Causality, causality
from evaluation.language.headings import role_of, split_label
from evaluation.language.polarity import Polarity, Span, polarity_at, spans

_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_`]*[A-Z0-9])")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|approx|vs|no|etc|St)\.$", re.IGNORECASE)
_BACK_REFERENCE = re.compile(
    r"^\W*(?:(?:and|while|although|however,?|since|from) )?(?:this|that|it|these|they|which|since then"
    r"|after that|from then|thereafter|as a result|consequently|neither|the (?:change|deployment"
    r"|update)(?! (?:of|to|in|on|at|by|with)\b))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence as the answer wrote it."""

    text: str
    polarities: tuple[Span, ...] = field(repr=False)
    causality: Causality = field(repr=False)

    @property
    def is_silent(self) -> bool:
        """Whether the whole sentence counts for nothing: a question, or advice."""
        return any(
            span.polarity is Polarity.SILENT and span.start == 0 and span.end == len(self.text)
            for span in self.polarities
        )

    def polarity(self, position: int) -> Polarity:
        """Return how the sentence stands to what is mentioned at this position."""
        return polarity_at(self.polarities, position)


def sentence(text: str) -> Sentence:
    """Analyse one sentence."""
    return Sentence(text, spans(text), causality(text))


def split(text: str) -> tuple[Sentence, ...]:
    """Split text into sentences. One that refers back ("This caused the errors.") stays with the one before."""
    result: list[str] = []
    for line in _lines(text):
        for index, piece in enumerate(_pieces(line)):
            if index and result and _BACK_REFERENCE.search(piece) and not piece.endswith("?"):
                result[-1] = f"{result[-1].rstrip('.')}; {piece}"
            else:
                result.append(piece)
    return tuple(sentence(piece) for piece in result)


def _lines(text: str) -> list[str]:
    """Wrapped lines joined; a line that starts with a label stays on its own."""
    lines: list[str] = []
    for raw in text.splitlines():
        line = raw.strip()
        label, _ = split_label(line)
        if lines and lines[-1] and not (label and (role_of(label) or line.split(":")[0][:1].isupper())):
            lines[-1] = f"{lines[-1]} {line}"
        else:
            lines.append(line)
    return [line for line in lines if line]


def _pieces(line: str) -> list[str]:
    pieces: list[str] = []
    for piece in _END.split(line):
        if pieces and _ABBREVIATION.search(pieces[-1]):
            pieces[-1] = f"{pieces[-1]} {piece}"
        else:
            pieces.append(piece)
    return [piece.strip() for piece in pieces if piece.strip()]
