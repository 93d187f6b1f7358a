"""A Markdown report whose headings say what is a root cause, as AWS DevOps Agent's `investigation_summary_md` does."""

import re

from evaluation.findings import Cause, Findings, Role, Verdict
from evaluation.language.headings import SectionRole, labelled_sections, lists_causes, read_heading, split_label
from evaluation.language.markdown import Section

_ROLES = {
    SectionRole.ROOT: Role.ROOT,
    SectionRole.CONTRIBUTING: Role.CONTRIBUTING,
    SectionRole.LATENT: Role.LATENT,
}
_NO_CAUSE = re.compile(
    r"^\W*(?:unknown|undetermined|inconclusive|unclear)\b"
    r"|\bnot (?:yet )?(?:be )?(?:determined|identified|found|established)|\bunable to (?:determine|identify)",
    re.IGNORECASE,
)
_NO_FAULT = re.compile(r"^\W*(?:none|n/?a|not applicable|no (?:fault|issue|root cause|problem))\b", re.IGNORECASE)
_SKIPPED_LABELS = ("cascades to", "time", "type", "confidence", "severity", "status", "region", "account")


def read(text: str) -> Findings | None:
    """Return findings, or None when no heading names a root cause."""
    causes: list[Cause] = []
    verdict = Verdict.UNSTATED
    ruled_out: list[str] = []
    for role, statement in statements(labelled_sections(text)):
        if role is SectionRole.RULED_OUT:
            ruled_out.append(statement)
        elif role is SectionRole.ROOT and _NO_FAULT.search(statement):
            verdict = Verdict.NO_FAULT
        elif role is SectionRole.ROOT and _NO_CAUSE.search(statement):
            continue
        elif role in _ROLES:
            causes.append(Cause(_ROLES[role], statement))
    if any(cause.role is Role.ROOT for cause in causes):
        verdict = Verdict.FAULT
    if verdict is Verdict.UNSTATED:
        return None
    return Findings(verdict, "Markdown report", tuple(causes), tuple(ruled_out), text=text)


def statements(report: tuple[Section, ...]) -> list[tuple[SectionRole, str]]:
    """Return what stands under each heading with a role; a section below it belongs to it, unless it has its own."""
    result: list[tuple[SectionRole, str]] = []
    owner: tuple[str, ...] | None = None
    for section in report:
        heading = section.headings[-1] if section.headings else ""
        role, title = read_heading(heading)
        body = " ".join(line for block in section.blocks for line in _lines(block.text))
        is_below = owner is not None and section.headings[: len(owner)] == owner
        if role is not None:
            owner = section.headings
            if role is SectionRole.ROOT and lists_causes(section):
                result += [(role, " ".join(_lines(block.text))) for block in section.blocks]
                continue
            statement = f"{_sentence(title)}{body}".strip()
            if statement:
                result.append((role, statement))
        elif is_below and result and owner is not None:
            result[-1] = (result[-1][0], f"{result[-1][1]} {_sentence(title).lstrip()}{body}".strip())
        elif is_below is False:
            owner = None
    return result


def _lines(block: str) -> list[str]:
    """The lines of a block without labels; a line that only gives metadata is left out."""
    lines = []
    for line in block.splitlines():
        label, rest = split_label(line)
        if label.lower() not in _SKIPPED_LABELS:
            lines.append(_sentence(rest if label.lower() == "description" else line).rstrip())
    return lines


def _sentence(text: str) -> str:
    return f"{text} " if not text or text.endswith((".", "!", "?", ":")) else f"{text}. "
