"""What a heading, or a label such as "Root cause:", says about the text under it."""

import re
from enum import Enum

from evaluation.language.markdown import Block, Section, sections


class SectionRole(Enum):
    """What the sentences of a section are for."""

    ROOT = "root"
    CONTRIBUTING = "contributing"
    LATENT = "latent"
    SUSPECT = "suspect"
    RULED_OUT = "ruled_out"
    SYMPTOM = "symptom"
    ADVICE = "advice"
    """What to do, or what could not be looked at: no statement about the cause."""
    CONTEXT = "context"
    """A conclusion or summary: its sentences say themselves what is a cause."""


_ROLES = (  # in order: "Possible root causes" are suspects, "Root cause and fix" is a root cause
    (
        SectionRole.RULED_OUT,
        r"ruled[- ]out|eliminated|rejected|excluded|dismissed|discarded|disproved|not the (root )?cause",
    ),
    (SectionRole.SUSPECT, r"hypothes[ie]s|suspect|possible|potential|candidate|alternative|theor(y|ies)\b"),
    (
        SectionRole.CONTRIBUTING,
        r"contribut|secondary|aggravating|additional (finding|observation)|other (finding|observation|issue)",
    ),
    (SectionRole.LATENT, r"latent|\brisks?\b|unrelated"),
    (
        SectionRole.ROOT,
        r"^\W*(\d+[.)]\s*)?((the|primary|confirmed|likely|most likely|probable|identified"
        r"|underlying)\s+)*root[- ]causes?\b",
    ),
    (
        SectionRole.ADVICE,
        r"recommend|mitigat|remed(y|iat)|next steps?|\bactions?\b|\bfix(es)?\b|prevent|\bresolution\b"
        r"|reasoning|execution plan|\bstep \d|roll(ed)?[ -]?back|follow[- ]?up|lessons|workaround|suggest"
        r"|purpose|advisory|\bgaps?\b|limitation|unknowns?\b|open questions?|^(the )?(question|prompt|task)$",
    ),
    (SectionRole.SYMPTOM, r"symptom|impact|\beffects?\b|consequence|cascades?"),
    (SectionRole.ROOT, r"root[- ]cause|\bcauses?\b|\bculprit\b|\btrigger\b"),
    (SectionRole.CONTEXT, r"^\W*(?:\w+ )?(?:conclusions?|summary|verdict|answer|findings|timeline)\W*$"),
)

_PATTERNS = tuple((role, re.compile(pattern, re.IGNORECASE)) for role, pattern in _ROLES)

_LABEL = re.compile(r"^\W*((?:\d+[.)]\s*)?[A-Za-z][\w /().,%'-]{1,60}?)\s*(?::|\s[-\u2013\u2014]\s)\s*(.*)$", re.DOTALL)

_MAX_TITLE_WORDS = 6
"""A heading without a colon is a title up to this length; a longer one is a sentence."""


def split_label(text: str) -> tuple[str, str]:
    """Split "Root cause: X" into label and rest; the label is empty where there is none."""
    match = _LABEL.match(text)
    if match is None or len(match[1].split()) > _MAX_TITLE_WORDS:
        return "", text
    return match[1], match[2]


def role_of(label: str) -> SectionRole | None:
    """Return the role that a heading's or a label's words give, or None when they give none."""
    return next((role for role, pattern in _PATTERNS if pattern.search(label)), None)


def read_heading(heading: str) -> tuple[SectionRole | None, str]:
    """Return a heading's role and what it says beyond that: "Root Cause: X" is a root cause that says X."""
    label, rest = split_label(heading)
    if label:
        role = role_of(label)
        return (role, rest) if role is not None else (None, heading)
    if len(heading.split()) <= _MAX_TITLE_WORDS:
        return role_of(heading), ""
    return None, heading


def labelled_sections(text: str) -> tuple[Section, ...]:
    """Split Markdown at its headings, and also where a line starts with a label that has a role ("Root cause: X")."""
    result: list[Section] = []
    for section in sections(text):
        headings = section.headings
        blocks: list[Block] = []
        for block in section.blocks:
            for label, lines in _parts(block.text):
                if label:
                    result.append(Section(headings, tuple(blocks)))
                    headings = (*section.headings, label)
                    blocks = []
                if lines:
                    blocks.append(Block(lines, block.in_list))
        result.append(Section(headings, tuple(blocks)))
    return tuple(section for section in result if section.headings or section.blocks)


def _parts(block: str) -> list[tuple[str, str]]:
    """A block's text by label; what stands before the first has none."""
    parts = [("", "")]
    for line in block.splitlines():
        label, rest = split_label(line)
        if label and role_of(label) is not None:
            parts.append((label, rest))
        else:
            last_label, lines = parts[-1]
            parts[-1] = (last_label, f"{lines}\n{line}" if lines else line)
    return [(label, lines) for label, lines in parts if label or lines]


def lists_causes(section: Section) -> bool:
    """Return whether a section is a list of causes: a heading in the plural with items under it."""
    heading = section.headings[-1].lower() if section.headings else ""
    return "causes" in heading and sum(block.in_list for block in section.blocks) > 1
