"""Markdown as one page of HTML that needs nothing else: no script, no request, pictures inside.

Everything is escaped, whatever the Markdown holds: of raw HTML `<details><summary>words</summary>` and its
end alone get through. A policy in the page forbids the browser all that the page does not need.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from lungnet.evaluation.page_style import STYLE

_PNG, _SVG = b"\x89PNG\r\n\x1a\n", b"<svg "
#: Of a browser, and of a PNG that does not say how large it is to be seen.
_PIXELS_PER_METRE = 96 / 0.0254
_DETAILS = re.compile(r"<details><summary>[^<>&]*</summary>\s*|</details>\s*")
_NUMBER = re.compile(r"[*`+\-–(]*\d.*|–|\*–\*")
#: A section whose heading stands in the table of contents.
_LISTED = "h2"


def html_page(markdown: str, pictures: Mapping[str, bytes] | None = None) -> str:
    """Renders Markdown (CommonMark and tables) as a page.

    A paragraph of one picture and a paragraph of emphasis behind it become a figure and its caption.

    Args:
        markdown: what the page says; its first heading is the title.
        pictures: destination in the Markdown -> content of the PNG or SVG file. A picture that is not among
            them is left out: its words stand in its place.

    Returns:
        A whole document. The same arguments give the same text.

    Raises:
        ValueError: a picture is neither PNG nor SVG.
    """
    sources = {name: _picture(name, content) for name, content in (pictures or {}).items()}
    parser = _parser()
    tokens = parser.parse(markdown)
    title = next((_words(tokens, k) for k, token in enumerate(tokens) if token.type == "heading_open"), "")
    contents = _name_sections(tokens)
    _mark_numbers(tokens)
    body = parser.renderer.render(_figures(tokens), parser.options, {"sources": sources})
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{_navigation(contents)}<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    rules = {
        "image": _image,
        "text": _text,
        "html_block": _raw,
        "html_inline": _raw,
        "table_open": lambda *_: '<div class="table"><table>\n',
        "table_close": lambda *_: "</table></div>\n",
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


def _image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]
) -> str:
    token = tokens[index]
    words, picture = escape(token.content), env["sources"].get(token.attrs["src"])
    if picture is None:
        return words
    size = f' width="{picture.width}"' if picture.width else ""
    return f'<img alt="{words}"{size} src="{picture.source}">'


def _text(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return escape(tokens[index].content.replace(" %", "\N{NO-BREAK SPACE}%"))


def _raw(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    content = tokens[index].content
    return content if _DETAILS.fullmatch(content) else escape(content)


class _Picture(NamedTuple):
    """Data URI, and width in the browser's pixels; 0 where the picture says it itself."""

    source: str
    width: int


def _picture(name: str, content: bytes) -> _Picture:
    data = base64.b64encode(content).decode()
    if content.startswith(_SVG):
        return _Picture(f"data:image/svg+xml;base64,{data}", 0)
    if not content.startswith(_PNG):
        raise ValueError(f"{name} must be a PNG or an SVG. Received: a file that begins with {content[:8]!r}")
    (width,) = struct.unpack_from(">I", content, 16)
    resolution = content.find(b"pHYs")
    if resolution >= 0:
        (per_metre,) = struct.unpack_from(">I", content, resolution + 4)
        width = round(width * _PIXELS_PER_METRE / per_metre)
    return _Picture(f"data:image/png;base64,{data}", width)


def _words(tokens: Sequence[Token], opening: int) -> str:
    """The text between an opening token and its end, without marks."""
    children = tokens[opening + 1].children or []
    return "".join(child.content for child in children)


def _name_sections(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Gives each listed heading an id; returns ids and headings."""
    contents: list[tuple[str, str]] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == _LISTED:
            heading = _words(tokens, index)
            name = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
            identity = name if name not in dict(contents) else f"{name}-{len(contents)}"
            token.attrSet("id", identity)
            contents.append((identity, heading))
    return contents


def _navigation(contents: Sequence[tuple[str, str]]) -> str:
    if len(contents) < 2:
        return ""
    links = "".join(f'<li><a href="#{name}">{escape(heading)}</a></li>' for name, heading in contents)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n'


def _mark_numbers(tokens: Sequence[Token]) -> None:
    """Cells that hold a number stand at the right."""
    for index, token in enumerate(tokens):
        if token.type == "td_open" and _NUMBER.fullmatch(tokens[index + 1].content):
            token.attrJoin("class", "number")


def _figures(tokens: Sequence[Token]) -> list[Token]:
    """Turns paragraphs of a picture, and of a caption behind one, into figures."""
    made: list[Token] = []
    index = 0
    while index < len(tokens):
        if not _is_paragraph_of(tokens, index, ["image"]):
            made.append(tokens[index])
            index += 1
            continue
        opening, picture, closing = tokens[index : index + 3]
        opening.tag = closing.tag = "figure"
        made += [opening, picture]
        index += 3
        if _is_paragraph_of(tokens, index, ["em_open", "text", "em_close"]):
            before, caption, after = tokens[index : index + 3]
            before.tag = after.tag = "figcaption"
            caption.children = (caption.children or [])[1:-1]
            made += [before, caption, after]
            index += 3
        made.append(closing)
    return made


def _is_paragraph_of(tokens: Sequence[Token], index: int, kinds: list[str]) -> bool:
    if index + 2 >= len(tokens) or tokens[index].type != "paragraph_open":
        return False
    return [child.type for child in tokens[index + 1].children or []] == kinds
