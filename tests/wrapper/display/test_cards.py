"""Cards as HTML and as text: whatever a value holds, it is shown as it is, bounded and escaped."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from ovenbird.display.card import Card, Curves, Fields, Grid, Picture, Text
from ovenbird.display.html_card import render_html
from ovenbird.display.run_card import make_run_card
from ovenbird.display.text_card import render_text

_MARKUP = "<script>alert(1)</script>\"'&"
_VOID = ("img",)


class _Elements(HTMLParser):
    """Collects elements and texts, and checks that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self.inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in _VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_markup_in_any_place_is_text() -> None:
    """Names, values, columns, metrics, texts, states, kinds: none becomes an element or an attribute."""
    card = Card(
        _MARKUP, _MARKUP, _MARKUP, {_MARKUP: _MARKUP},
        [Fields(_MARKUP, {_MARKUP: {_MARKUP: [_MARKUP]}}), Curves(_MARKUP, {_MARKUP: [1.0, 2.0]}),
         Grid(_MARKUP, [_MARKUP], [[_MARKUP]], _MARKUP), Text(_MARKUP, _MARKUP), Picture(_MARKUP, b"x", _MARKUP)],
    )  # fmt: skip
    page = _Elements(render_html(card))
    assert page.inside == []
    assert set(page.names) <= {
        "div", "strong", "span", "table", "thead", "tbody", "tr", "td", "th", "details", "summary", "pre", "svg",
        "title", "polyline", "circle", "img",
    }  # fmt: skip
    assert not [name for name in page.attributes if name.startswith("on")]
    assert sum(_MARKUP in text for text in page.texts) >= 12


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([1.0, 2.0, 1.5], "loss: 1.5, 3 values from 1 to 2"),
     (["NaN", 1.0, "Infinity", 2.0], "4 values from 1 to 2, 2 not"),
     ([1e308, -1e308], "2 values from -1e+308 to 1e+308"), ([10**400, 1, 2], "1 not finite"), (5, "loss: 5"),
     ([], "loss: not finite"), ("NaN", "loss: not finite"), ([True, "x", None], "3 not finite"),
     (list(range(100_000)), "99999, 100000 values from 0 to 1e+05")],
    ids=["plain", "nan", "huge", "integer", "single", "empty", "text", "other", "long"],
)  # fmt: skip
def test_metrics_of_any_numbers(numbers: Any, words: str) -> None:
    """Series of any length are a small picture, and words in the text; what is not finite is a gap that is counted."""
    card = Card("Run", "a", parts=[Curves("Metrics", {"loss": numbers})])
    assert words in render_text(card)
    html = render_html(card)
    assert len(html) < 6000
    assert ("<svg" in html) is (isinstance(numbers, list) and len(numbers) > 1 and "3 not finite" not in words)
    assert "nan" not in html.lower().replace("finance", "")


def test_what_is_shown_is_bounded() -> None:
    """A value of megabytes, a name of as many, thousands of parameters, a log: the card stays small."""
    card = Card("Run", "x" * 10**6, "y" * 10**6, {"a": "z" * 10**6}, [
        Fields("Parameters", {f"p{index}": ["q" * 10**6] for index in range(1000)}),
        Text("Log\x1b[31m", "line\x1b[31m\n" * 10**5),
        Grid("First\x1b[31m rows", ["a"], [[1]], "note\x1b[31m" * 1000),
    ])  # fmt: skip
    assert len(render_html(card)) < 100_000
    text = render_text(card)
    assert len(text) < 100_000
    assert "\x1b" not in text
    assert "and 950 more" in text


def test_a_run_shows_no_secret_and_says_how_it_failed() -> None:
    """Secret parameters are masked, and the traceback is there."""
    record = {
        "id": "0" * 32, "type": "run", "kind": "python+job:run", "name": "0" * 32, "project": "p", "key": "store://p",
        "metadata": {"name": "nightly"},
        "spec": {"parameters": {"token": "s3cret", "n": 3}, "function": "store://p/function/python/train:1"},
        "status": {"state": "ERROR", "seconds": 1.25, "error": {
            "type": "ValueError", "message": "no <good>", "traceback": "Traceback\n  File <x>\nValueError: no <good>"}},
    }  # fmt: skip
    card = make_run_card(record, {}, "one\ntwo")
    html, text = render_html(card), render_text(card)
    assert "s3cret" not in html + text
    assert "ValueError: no &lt;good&gt;" in html
    assert text.splitlines()[:2] == ["Run nightly ERROR", f"  function train  id {'0' * 32}  project p  took 1.2 s"]
    assert "    ValueError: no <good>" in text.splitlines()
