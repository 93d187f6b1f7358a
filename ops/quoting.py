"""Texts from outside, as Markdown and GitHub must read them: as texts."""

import re


def plain_text(text: str) -> str:
    """A text from outside as one line that Markdown and GitHub read as text alone: no markup, mentions or links."""
    one_line = " ".join(str(text).split())
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", one_line)
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//")
