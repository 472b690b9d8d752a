"""Markdown as HTML that holds no script, no image and no markup of its own."""

from __future__ import annotations

from markupsafe import Markup

_TAGS = {
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong",
    "s", "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


def render_markdown(text: str) -> Markup:
    """Return the HTML of a Markdown text: its raw HTML as text, images as their descriptions, links to the web."""
    import nh3
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    html = nh3.clean(
        _shift_headings(parser.render(text)),
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        attribute_filter=_filter_attribute,
    )
    return Markup(html)  # noqa: S704  # nh3 has cleaned it


def _shift_headings(html: str) -> str:
    """Return HTML whose headings begin at the third level: a page has its own above."""
    for level in (4, 3, 2, 1):
        below = min(6, level + 2)
        html = html.replace(f"<h{level}>", f"<h{below}>").replace(f"</h{level}>", f"</h{below}>")
    return html


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """Drop a link that is none to the web: a relative one would lead to a page of ours."""
    if tag == "a" and name == "href" and not value.lower().startswith(("http://", "https://", "mailto:")):
        return None
    return value
