"""Where statements mention something, and as what."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from evaluation.language.headings import SectionRole
from evaluation.language.polarity import Polarity
from evaluation.language.sentences import Sentence
from evaluation.scoring.statements import Statement
from evaluation.scoring.vocabulary import Vocabulary

Find = Callable[[str], Iterable[re.Match[str]]]

_ALTERNATIVES = re.compile(r"\beither\b|\bone of (?:the following|these|several|two|three)\b|\band/or\b", re.IGNORECASE)


class Stance(Enum):
    """What an answer says of the thing it mentions."""

    ROOT = "root"
    """It is the cause, or part of it."""
    EFFECT = "effect"
    """It is what the cause led to."""
    DENIED = "denied"
    HEDGED = "hedged"
    SUSPECT = "suspect"
    LESSER = "lesser"
    """A contributing or latent cause, or a symptom."""
    CONTEXT = "context"
    """Mentioned, but not called a cause."""


@dataclass(frozen=True)
class Mention:
    """One mention in one sentence."""

    statement: Statement
    sentence: Sentence
    match: re.Match[str]
    stance: Stance

    @property
    def is_deepest(self) -> bool:
        """Whether nothing else in the sentence is said to have caused this."""
        return self.sentence.causality.is_deepest(self.match.start())


def mentions(statements: Iterable[Statement], find: Find, words: Vocabulary) -> list[Mention]:
    """Return what `find` matches in the statements. Mentions that count for nothing are left out."""
    return [
        Mention(statement, sentence, match, stance)
        for statement in statements
        for sentence in statement.sentences
        for match in find(sentence.text)
        for stance in _stance(statement, sentence, match, words)
    ]


def first(candidates: list[Mention], *stances: Stance) -> Mention | None:
    """Return the first mention with one of these stances."""
    return next((mention for mention in candidates if mention.stance in stances), None)


def _stance(statement: Statement, sentence: Sentence, match: re.Match[str], words: Vocabulary) -> Iterator[Stance]:
    polarity = sentence.polarity(match.start())
    if polarity is Polarity.SILENT:
        return
    if polarity is Polarity.DENIED or statement.role is SectionRole.RULED_OUT:
        yield Stance.DENIED
    elif statement.role is SectionRole.SUSPECT:
        yield Stance.SUSPECT
    elif statement.role in (SectionRole.CONTRIBUTING, SectionRole.LATENT, SectionRole.SYMPTOM):
        yield Stance.LESSER
    elif statement.role is None:
        yield Stance.HEDGED if polarity is Polarity.HEDGED else Stance.CONTEXT
    elif polarity is Polarity.HEDGED:
        yield Stance.SUSPECT if is_alternative(sentence, words) else Stance.HEDGED
    elif not sentence.causality.contains(match.start()):
        yield Stance.EFFECT
    else:
        yield Stance.SUSPECT if is_alternative(sentence, words) else Stance.ROOT


def is_alternative(sentence: Sentence, words: Vocabulary) -> bool:
    """Return whether a sentence offers several causes: "either X or Y", or X "or" another known kind of cause."""
    if _ALTERNATIVES.search(sentence.text):
        return True
    rivals = [
        match for match in words.rivals_in(sentence.text) if sentence.polarity(match.start()) is not Polarity.DENIED
    ]
    return bool(rivals) and re.search(r",?\s+or\s+", sentence.text) is not None
