"""Markdown as sections of plain text. Quotes and code say what others said, so they are left out."""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")

_BOLD_LEVEL = 7
"""Below every real heading: a paragraph that is all bold, as agents write instead of one."""

_MAX_CODE_WORDS = 4
"""Longer inline code is a command or a log line; shorter is a name or an assignment."""

_LONG_QUOTE = re.compile(r"[\"“]([^\"“”]{1,400})[\"”]")


@dataclass(frozen=True)
class Block:
    """A paragraph, list item or table row. Lines are kept: a label such as "Description:" starts one."""

    text: str
    in_list: bool


@dataclass(frozen=True)
class Section:
    """What stands under one heading, up to the next. `headings` are those above it, outermost first."""

    headings: tuple[str, ...]
    blocks: tuple[Block, ...]


def sections(text: str) -> tuple[Section, ...]:
    """Split Markdown at its headings. Text without headings is one section."""
    result: list[Section] = []
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []

    def close() -> None:
        if blocks or path:
            result.append(Section(tuple(title for _, title in path), tuple(blocks)))
        blocks.clear()

    for item in _items(_PARSER.parse(text)):
        if item.heading_level is None:
            blocks.append(Block(item.text, item.in_list))
            continue
        close()
        while path and path[-1][0] >= item.heading_level:
            path.pop()
        path.append((item.heading_level, item.text))
    close()
    return tuple(result)


@dataclass(frozen=True)
class _Item:
    text: str
    in_list: bool
    heading_level: int | None


def _items(tokens: list[Token]) -> list[_Item]:
    result: list[_Item] = []
    quotes = lists = 0
    heading: int | None = None
    row: list[str] | None = None
    for token in tokens:
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        lists += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if token.type == "heading_open":
            heading = int(token.tag[1:])
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            result.append(_Item(": ".join(cell for cell in row if cell), True, None))
            row = None
        elif token.type == "inline" and not quotes:
            text = _without_long_quotes(_plain(token))
            if row is not None:
                row.append(text)
            elif heading is not None:
                result.append(_Item(text, False, heading))
            elif not lists and _is_all_bold(token):
                result.append(_Item(text, False, _BOLD_LEVEL))
            elif text:
                result.append(_Item(text, lists > 0, None))
        elif token.type == "heading_close":
            heading = None
    return result


def _plain(token: Token) -> str:
    parts = []
    for child in token.children or []:
        if child.type == "code_inline":
            parts.append(child.content if len(child.content.split()) <= _MAX_CODE_WORDS else " ")
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "text":
            parts.append(child.content)
    return "".join(parts).strip()


def _without_long_quotes(text: str) -> str:
    """Drop quoted sentences; a quoted name or value stays, without its marks."""
    return _LONG_QUOTE.sub(lambda quote: quote[1] if len(quote[1].split()) <= _MAX_CODE_WORDS else " ", text)


def _is_all_bold(token: Token) -> bool:
    children = [child for child in token.children or [] if child.content.strip(" :") or child.type != "text"]
    depth = 0
    for child in children:
        depth += child.nesting if child.type.startswith("strong") else 0
        if child.type in ("text", "code_inline") and depth == 0:
            return False
        if child.type in ("softbreak", "hardbreak"):
            return False
    return any(child.type == "strong_open" for child in children)
