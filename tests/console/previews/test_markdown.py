from __future__ import annotations

import re

import pytest

from ovenbird_console.previews.markdown import render_markdown

LINK = '<a href="http://other.example/x.png" rel="noopener noreferrer nofollow">'


def test_markdown_becomes_html_below_the_headings_of_the_page() -> None:
    html = render_markdown("# A\n\n## B\n\n**bold** `code`\n\n|a|b|\n|-|-|\n|1|2|\n")
    assert "<h3>A</h3>" in html
    assert "<h4>B</h4>" in html
    assert "<strong>bold</strong>" in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "[a](/runs/x/stop)",
        "[a](data:text/html,x)", "![a](http://other.example/x.png)", "<div style='x'>a</div>", "<http://a\" onclick=x>",
    ],
)  # fmt: skip
def test_nothing_runs_and_nothing_leads_into_the_page(text: str) -> None:
    """Markup of the text is text; links lead to the web alone, and no image is loaded."""
    tags = re.findall(r"<[a-z][^>]*>", render_markdown(text).lower())
    assert {tag for tag in tags if tag != "<p>"} <= {'<a rel="noopener noreferrer nofollow">', LINK}


def test_a_link_to_the_web_does_not_tell_where_it_was_followed() -> None:
    assert 'href="https://a.example"' in render_markdown("[a](https://a.example)")
    assert 'rel="noopener noreferrer nofollow"' in render_markdown("[a](https://a.example)")
