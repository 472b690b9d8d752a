"""Render fields as accessible HTML: a label, a description and an error at each, which its input names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .field import NO_DEFAULT, Field, FieldKind, Html
from .form_values import format_json

_TYPES = {
    FieldKind.DATE: "date",
    FieldKind.DATE_TIME: "datetime-local",
    FieldKind.TIME: "time",
    FieldKind.SECRET: "password",
    FieldKind.FILE: "file",
}
_MODES = {FieldKind.INTEGER: "numeric", FieldKind.NUMBER: "decimal"}
_NOUNS = {
    FieldKind.INTEGER: "whole number",
    FieldKind.NUMBER: "number",
    FieldKind.LIST: "list, one on each line",
    FieldKind.JSON: "JSON",
    FieldKind.INPUT: "key, path or URL",
    FieldKind.DATE_TIME: "date and time",
    FieldKind.CHOICES: "any of these",
    FieldKind.SWITCH: "yes or no",
}
_LIMITS = (
    ("minimum", "at least {}"), ("exclusiveMinimum", "more than {}"), ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"), ("multipleOf", "a multiple of {}"), ("minLength", "{} characters or more"),
    ("maxLength", "{} characters at most"), ("pattern", "matching {}"), ("minItems", "{} items or more"),
    ("maxItems", "{} items at most"),
)  # fmt: skip
_ZONE = re.compile(r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})$")
_FEW_ROWS, _MOST_ROWS = 3, 12


def render_fields(
    fields: Iterable[Field],
    typed: Mapping[str, list[str]] = {},
    errors: Mapping[str, str] = {},
    prefix: str = "field",
) -> Html:
    """Return the HTML of fields, without a form around them.

    `typed` and `errors`: what was typed and what was refused, by the name of the field, as in a `FormResult`. Without
    `typed` a field holds its default. `prefix` begins each id, which is one of its own in a page with one such form.
    """
    return Html(
        "\n".join(
            render_field(field, typed.get(field.name), errors.get(field.name, ""), f"{prefix}-{index}")
            for index, field in enumerate(fields)
        )
    )


def render_field(field: Field, typed: list[str] | None, error: str, identity: str) -> Html:
    """Return the HTML of one field: `<div class="field">` with its label, input, description and error.

    The error's element is there without an error too, so that a script can fill it.
    """
    notes = [f"{identity}-help"] if _describe(field) else []
    attributes = {
        "id": identity,
        "name": field.name,
        "aria-describedby": " ".join([*notes, f"{identity}-error"]),
        "aria-invalid": "true" if error else None,
        "required": field.required and field.kind not in (FieldKind.CHOICES, FieldKind.SWITCH),
    }
    texts = format_default(field) if typed is None else typed
    parts = _RENDERERS.get(field.kind, _render_input)(field, texts, attributes)
    help_text = f'<small id="{identity}-help" class="help">{escape(_describe(field))}</small>' if notes else ""
    hidden = "" if error else " hidden"
    message = f'<small id="{identity}-error" class="error" role="alert"{hidden}>{escape(error)}</small>'
    name = escape(field.name)
    return Html(
        f'<div class="field" data-field="{name}" data-kind="{field.kind.value}">{parts}{help_text}{message}</div>'
    )


def format_default(field: Field) -> list[str]:
    """Return the texts that a field holds before anything is typed."""
    value = field.default
    if value is NO_DEFAULT or value is None or field.kind is FieldKind.FILE:
        return []
    if field.kind is FieldKind.SWITCH:
        return ["on"] if value else []
    if field.kind is FieldKind.CHOICES:
        return [format_json(item) for item in value] if isinstance(value, list) else []
    if field.kind is FieldKind.LIST and isinstance(value, list):
        texts = [item if isinstance(item, str) else format_json(item) for item in value]
        plain = all(text.strip() == text and text and "\n" not in text for text in texts)
        return ["\n".join(texts)] if plain and not (texts and texts[0].startswith("[")) else [format_json(value)]
    if field.kind in (FieldKind.JSON, FieldKind.LIST):
        return [json.dumps(value, ensure_ascii=False, indent=2)] if value not in ({}, []) else [format_json(value)]
    if field.kind is FieldKind.CHOICE:
        return [format_json(value)]
    return [value if isinstance(value, str) else format_json(value)]


def _describe(field: Field) -> str:
    """Return the description of a field: its own, then its limits in words."""
    limits = [text.format(field.schema[word]) for word, text in _LIMITS if word in field.schema]
    sentence = ", ".join(limits)
    sentence = f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""
    stop = "" if field.help.endswith((".", "!", "?", ":")) or not (field.help and sentence) else "."
    return f"{field.help}{stop} {sentence}".strip()


def _render_label(field: Field, identity: str, element: str = "label") -> str:
    noun = _NOUNS.get(field.kind, "" if field.kind in (FieldKind.CHOICE, FieldKind.TEXT) else field.kind.value)
    words = [word for word in (noun, "" if field.required else "optional") if word]
    small = f' <small class="kind">{", ".join(words)}</small>' if words else ""
    target = f' for="{identity}"' if element == "label" else ""
    return f"<{element}{target}><span>{escape(field.label)}</span>{small}</{element}>"


def _render_input(field: Field, texts: list[str], attributes: dict[str, Any]) -> str:
    text = texts[-1] if texts else ""
    if field.multiline:
        return _render_area(field, texts, attributes)
    kind = _TYPES.get(field.kind, "text")
    if kind == "datetime-local" and text and (_ZONE.search(text) or not _is_moment(text)):
        kind = "text"  # a browser's own input has no time zone, and would drop what it cannot read
    attributes = {
        **attributes,
        "type": kind,
        "value": None if kind in ("file", "password") else text,
        "inputmode": _MODES.get(field.kind),
        "step": "any" if kind == "time" and "." in text else 1 if kind in ("time", "datetime-local") else None,
        "multiple": field.many,
        "data-encoding": field.encoding or None,
        "autocomplete": "off",
        "spellcheck": "false" if kind == "text" else None,
        "list": f"{attributes['id']}-list" if field.suggestions else None,
    }
    options = "".join(f"<option>{escape(suggestion)}</option>" for suggestion in field.suggestions)
    datalist = f'<datalist id="{attributes["id"]}-list">{options}</datalist>' if options else ""
    uploads = _render_uploads(field, attributes)
    return f"{_render_label(field, attributes['id'])}<input{_join_attributes(attributes)}>{datalist}{uploads}"


def _render_uploads(field: Field, attributes: dict[str, Any]) -> str:
    """Return the input for files that are sent in place of paths; empty where the field takes none."""
    if not field.takes_files:
        return ""
    words = "files of this computer" if field.many else "a file of this computer"
    own = {"type": "file", "name": field.name, "multiple": field.many, "aria-label": f"{field.label}: {words}",
           "aria-describedby": attributes["aria-describedby"]}  # fmt: skip
    return f'<div class="uploads"><small>or {words}</small><input{_join_attributes(own)}></div>'


def _is_moment(text: str) -> bool:
    return (
        re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?", text)
        is not None
    )


def _render_area(field: Field, texts: list[str], attributes: dict[str, Any]) -> str:
    text = "\n".join(texts)
    rows = min(max(text.count("\n") + 1, _FEW_ROWS), _MOST_ROWS)
    attributes = {
        **attributes,
        "rows": rows,
        "autocomplete": "off",
        "spellcheck": str(field.kind is FieldKind.TEXT).lower(),
    }
    # HTML drops one line feed at the beginning
    area = f"<textarea{_join_attributes(attributes)}>\n{escape(text)}</textarea>"
    return f"{_render_label(field, attributes['id'])}{area}{_render_uploads(field, attributes)}"


def _render_switch(field: Field, texts: list[str], attributes: dict[str, Any]) -> str:
    attributes = {**attributes, "type": "checkbox", "role": "switch", "checked": bool(texts)}
    box = f"<input{_join_attributes(attributes)}>"
    return f'<label for="{attributes["id"]}">{box} <span>{escape(field.label)}</span></label>'


def _render_choice(field: Field, texts: list[str], attributes: dict[str, Any]) -> str:
    chosen = texts[-1] if texts else ""
    options = (
        [] if field.required and field.default is NO_DEFAULT and chosen else [_render_option("", "\u2014", chosen)]
    )
    if not field.nullable and field.default is not NO_DEFAULT:
        options = []  # one of them is always chosen
    options += [_render_option(format_json(choice), _name_choice(choice), chosen) for choice in field.choices]
    select = f"<select{_join_attributes(attributes)}>{''.join(options)}</select>"
    return f"{_render_label(field, attributes['id'])}{select}"


def _render_option(value: str, text: str, chosen: str) -> str:
    selected = " selected" if value == chosen else ""
    return f'<option value="{escape(value)}"{selected}>{escape(text)}</option>'


def _render_choices(field: Field, texts: list[str], attributes: dict[str, Any]) -> str:
    boxes = []
    for index, choice in enumerate(field.choices):
        value = format_json(choice)
        box = {"type": "checkbox", "name": field.name, "value": value, "id": f"{attributes['id']}-{index}",
               "checked": value in texts}  # fmt: skip
        boxes.append(f"<label><input{_join_attributes(box)}> {escape(_name_choice(choice))}</label>")
    group = {key: value for key, value in attributes.items() if key not in ("name", "required", "aria-invalid")}
    return f"<fieldset{_join_attributes(group)}>{_render_label(field, '', 'legend')}{''.join(boxes)}</fieldset>"


def _name_choice(choice: Any) -> str:
    if isinstance(choice, bool):
        return "yes" if choice else "no"
    return choice if isinstance(choice, str) and choice else format_json(choice)


def _join_attributes(attributes: dict[str, Any]) -> str:
    """Return attributes as HTML. One that is None or False is left out, one that is True has no value."""
    return "".join(
        f" {name}" if value is True else f' {name}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )


_RENDERERS = {
    FieldKind.SWITCH: _render_switch,
    FieldKind.CHOICE: _render_choice,
    FieldKind.CHOICES: _render_choices,
    FieldKind.LIST: _render_area,
    FieldKind.JSON: _render_area,
}
