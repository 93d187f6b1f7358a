"""What an answer states, from its causes and from its prose, in one form that the axes read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from evaluation.findings import Cause, ReportedChange, Role
from evaluation.language.headings import SectionRole, labelled_sections, lists_causes, read_heading
from evaluation.language.markdown import Section
from evaluation.language.sentences import Sentence, split

_REFUTED = re.compile(r"\b(?:invalidated|refuted|disproved|rejected|ruled out)\b", re.IGNORECASE)
_CONFIRMED = re.compile(r"(?:^|[.:(-]\s*)(?:validated|confirmed)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """Sentences that stand together. Without a role they are context: mentioned, but not said to be a cause."""

    role: SectionRole | None
    sentences: tuple[Sentence, ...]
    resources: tuple[str, ...] = ()
    change: ReportedChange | None = None
    is_alternative: bool = False
    """One of several suspects."""
    by_wording: bool = False
    """No heading or field says that this is the root cause, only the words of the sentence."""


_ROLES = {
    Role.ROOT: SectionRole.ROOT,
    Role.CONTRIBUTING: SectionRole.CONTRIBUTING,
    Role.LATENT: SectionRole.LATENT,
}


def from_causes(causes: tuple[Cause, ...], ruled_out: tuple[str, ...]) -> tuple[Statement, ...]:
    """Return the statements of structured findings."""
    stated = [Statement(_ROLES[cause.role], split(cause.statement), cause.resources, cause.change) for cause in causes]
    return (*stated, *(Statement(SectionRole.RULED_OUT, split(item)) for item in ruled_out))


def from_prose(text: str, is_echo: Callable[[str], bool]) -> tuple[Statement, ...]:
    """Return the statements of Markdown or free text, without what only repeats the question."""
    result: list[Statement] = []
    inherited: list[tuple[tuple[str, ...], SectionRole]] = []
    for section in labelled_sections(text):
        own_role, title = read_heading(section.headings[-1]) if section.headings else (None, "")
        inherited = [(path, role) for path, role in inherited if section.headings[: len(path)] == path]
        if own_role is not None:
            inherited.append((section.headings, own_role))
        role = inherited[-1][1] if inherited else None
        role = None if role is SectionRole.CONTEXT else role
        stated = _section(role, title, section)
        if role is SectionRole.ROOT and own_role is None and result and result[-1].role is role:
            # a section such as "Evidence" goes on with the root cause above it
            above = result.pop()
            below = tuple(sentence for statement in stated for sentence in statement.sentences)
            stated = [replace(above, sentences=above.sentences + below)]
        result += stated
    return tuple(_without_echo(statement, is_echo) for statement in result)


def _section(role: SectionRole | None, title: str, section: Section) -> list[Statement]:
    if role is SectionRole.ADVICE:
        return []
    titled = split(title)
    if role is None:
        unlabelled = [*titled, *(sentence for block in section.blocks for sentence in split(block.text))]
        return [_by_wording(sentence) for sentence in unlabelled]
    if role is SectionRole.ROOT and not lists_causes(section):
        sentences = titled + tuple(sentence for block in section.blocks for sentence in split(block.text))
        return [Statement(role, sentences)] if sentences else []
    is_alternative = role is SectionRole.SUSPECT and len(section.blocks) > 1
    stated = [
        Statement(_resolved(role, block.text), split(block.text), is_alternative=is_alternative)
        for block in section.blocks
    ]
    return ([Statement(role, titled)] if titled else []) + stated


def _resolved(role: SectionRole, text: str) -> SectionRole:
    """The role of a hypothesis after its test."""
    if role is SectionRole.SUSPECT and _REFUTED.search(text):
        return SectionRole.RULED_OUT
    return SectionRole.ROOT if role is SectionRole.SUSPECT and _CONFIRMED.search(text) else role


def _by_wording(sentence: Sentence) -> Statement:
    is_cause = sentence.causality.is_of_failure
    return Statement(SectionRole.ROOT if is_cause else None, (sentence,), by_wording=is_cause)


def _without_echo(statement: Statement, is_echo: Callable[[str], bool]) -> Statement:
    answered = tuple(sentence for sentence in statement.sentences if not is_echo(sentence.text))
    return replace(statement, sentences=answered)
