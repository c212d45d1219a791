"""Markdown as a page: what is in it, and what never gets in."""

import base64
import hashlib
import re
import struct
import zlib
from html.parser import HTMLParser

import pytest

from lungnet.evaluation import html_page


def png(width: int = 300, per_metre: int | None = 5906) -> bytes:
    """The beginning of a PNG: 5,906 pixels a metre are 150 an inch."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, 2, 8, 0, 0, 0, 0))
    return head + (b"" if per_metre is None else chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)))


class Tags(HTMLParser):
    """Every tag with its attributes; fails where one is closed that was not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "img", "hr", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


MARKDOWN = """# A *title* & more

| Model | AUC |
|-------|-----|
| a < b | 0.5 |

## First part

![What is seen](figures/one.png)

*What is seen, in full.*

## First part

> **Careful.**

<details><summary>All of it</summary>

```json
{"a": "<b>"}
```

</details>
"""


def test_a_page_by_hand():
    page = html_page(MARKDOWN, {"figures/one.png": png()})
    tags = Tags(page)
    assert "<title>A title &amp; more</title>" in page
    assert [heading["id"] for heading in tags.of("h2")] == ["first-part", "first-part-1"]
    assert [link["href"] for link in tags.of("a")] == ["#first-part", "#first-part-1"]
    assert '<td>a &lt; b</td>\n<td class="number">0.5</td>' in page
    assert "<figcaption>What is seen, in full.</figcaption>\n</figure>" in page
    (picture,) = tags.of("img")
    assert picture["alt"] == "What is seen"
    assert picture["width"] == "192"  # 300 / 150 inches of 96 pixels
    assert base64.b64decode(picture["src"].removeprefix("data:image/png;base64,")) == png()
    assert "<details><summary>All of it</summary>" in page
    assert "&lt;b&gt;" in page


def test_the_policy_allows_the_one_style_and_pictures_inside():
    page = html_page(MARKDOWN)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = Tags(page).of("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"] == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "words <img src=x onerror=alert(1)> words",
        '<details open ontoggle="alert(1)"><summary>x</summary>',
        "<details><summary><b>x</b></summary>",
        "![x](https://example.org/x.png)",
        "![x](figures/other.png)",
        "![x](data:image/svg+xml;base64,AAAA)",
        "[x](javascript:alert(1))",
        "| <script>a</script> |\n|---|\n| <iframe src=x> |",
        "# <script>alert(1)</script>",
        "## <script>alert(1)</script>\n\n## b",
    ],
)
def test_nothing_in_the_text_becomes_a_script_or_a_request(hostile):
    tags = Tags(html_page(f"{hostile}\n", {"figures/one.png": png()}))
    assert not {tag for tag, _ in tags.found} & {"script", "img", "iframe", "details", "b", "link", "object"}
    for _, attributes in tags.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not attributes.get("href", "").lower().startswith("javascript")
        assert "src" not in attributes


def test_a_vector_drawing_and_a_png_without_a_size_are_taken():
    page = html_page("![a](a.svg) ![b](b.png)", {"a.svg": b"<svg xmlns='x'/>", "b.png": png(70, None)})
    drawing, picture = Tags(page).of("img")
    assert drawing["src"].startswith("data:image/svg+xml;base64,")
    assert "width" not in drawing
    assert picture["width"] == "70"


def test_a_number_keeps_its_percent():
    assert "of 95\N{NO-BREAK SPACE}% &amp; more" in html_page("of 95 % & more")


def test_another_file_is_no_picture():
    with pytest.raises(ValueError, match=r"a\.png must be a PNG or an SVG"):
        html_page("![a](a.png)", {"a.png": b"GIF89a"})
