"""The HTML of fields."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from ovenbird.page.field import Html
from ovenbird.page.form_html import format_default, render_fields
from ovenbird.page.form_values import parse_form
from ovenbird.page.schema_fields import make_fields

SCHEMA: dict[str, Any] = {
    "properties": {
        "n": {"type": "integer", "minimum": 1, "description": "how <many>"},
        "s": {"type": "string", "default": '"><script>alert(1)</script>'},
        "b": {"type": "boolean", "default": True},
        "c": {"enum": ["<a>", "b"], "default": "b"},
        "m": {"type": "array", "items": {"enum": ["x", "y"]}, "default": ["y"]},
        "l": {"type": "array", "items": {"type": "string"}, "default": ["1", "2"]},
        "o": {"type": "object", "default": {"a": 1}},
        "f": {"type": "string", "contentMediaType": "a/b"},
        "d": {"type": "string", "format": "date-time", "default": "2024-01-31T10:00:00Z"},
        "password": {"type": "string"},
    },
    "required": ["n", "f"],
}


class Elements(HTMLParser):
    """Collects the elements of a text with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)

    def named(self, name: str) -> dict[str, str | None]:
        """Return the attributes of the first element with a name."""
        return next(attributes for _, attributes in self.found if attributes.get("name") == name)


def test_every_input_has_a_label_and_names_its_texts() -> None:
    """`for`, `id` and `aria-describedby` fit together; nothing is an inline script or style, and markup is escaped."""
    html = render_fields(make_fields(SCHEMA))
    elements = Elements(html)
    identities = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(identities) == len(set(identities))
    labels = {attributes["for"] for tag, attributes in elements.found if tag == "label" and "for" in attributes}
    for tag, attributes in elements.found:
        for identity in (attributes.get("aria-describedby") or "").split():
            assert identity in identities
        if tag in ("input", "select", "textarea") and attributes.get("name") != "m":
            assert attributes["id"] in labels
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not [tag for tag, _ in elements.found if tag in ("script", "a")]
    assert "how <many>. At least 1." in elements.texts


def test_fields_hold_their_defaults() -> None:
    """Each input begins with its default, as it would be typed; a secret and a file hold nothing."""
    fields = make_fields(SCHEMA)
    assert [format_default(field) for field in fields] == [
        [], ['"><script>alert(1)</script>'], ["on"], ['"b"'], ['"y"'], ["1\n2"], ['{\n  "a": 1\n}'], [],
        ["2024-01-31T10:00:00Z"], [],
    ]  # fmt: skip
    elements = Elements(render_fields(fields))
    assert elements.named("s")["value"] == '"><script>alert(1)</script>'
    assert "checked" in elements.named("b")
    assert elements.named("d")["type"] == "text"  # a browser's input has no time zone
    assert elements.named("password").get("value") is None
    assert [attributes["value"] for _, attributes in elements.found if "selected" in attributes] == ['"b"']


def test_a_default_is_read_back_as_it_is() -> None:
    """A form that is sent as it came gives no values but those that are required."""
    fields = make_fields(SCHEMA)
    result = parse_form(fields, [(field.name, text) for field in fields for text in format_default(field)])
    assert result.values == {}
    assert set(result.errors) == {"n", "f"}


@pytest.mark.parametrize("text", ["x<y", '"quoted"', "\nfirst line empty"])
def test_what_was_typed_and_refused_stays(text: str) -> None:
    """The texts of a submitted form are rendered again, with the errors beside them."""
    fields = make_fields({"properties": {"n": {"type": "integer"}, "o": {"type": "object"}}, "required": ["n", "o"]})
    result = parse_form(fields, [("n", text), ("o", text)])
    elements = Elements(render_fields(fields, result.typed, result.errors))
    assert elements.named("n")["value"] == text
    assert elements.named("n")["aria-invalid"] == "true"
    assert f"\n{text}" in elements.texts  # a browser drops the first line feed of a text area
    assert result.errors["n"] in elements.texts


def test_html_is_not_escaped_again() -> None:
    """Template engines ask for `__html__`."""
    assert Html("<b>").__html__() == "<b>"
