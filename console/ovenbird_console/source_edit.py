"""Replace the source within the text of a function document: comments and the form of all else stay."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from ovenbird.errors import DocumentError, InputError
from ovenbird.function_document import parse

_NAMES = ("code", "base64")  # fields that hold an inline source

_HEADER = re.compile(r"[|>][-+0-9]*([ \t]+#[^\r\n]*)?")  # the first line of a block


class _Place(NamedTuple):
    """Where a field stands in a text: from its key to the end of its value; the column of its key.

    `comment` is what follows the `|` of a block in its line.
    """

    start: int
    end: int
    column: int
    is_flow: bool
    comment: str


def replace_source(text: str, code: str) -> str:
    """Return the text of a document with another inline source. Errors: DocumentError; InputError where it cannot be.

    What was written is read again: all but the source has to be as before.
    """
    expected = copy.deepcopy(parse(text, "the document"))
    source = expected["spec"]["source"]
    source.pop("base64", None)
    source["code"] = code
    for changed in _list_candidates(text, code):
        try:
            if parse(changed, "the document") == expected:
                return changed
        except DocumentError:
            continue
    raise InputError(
        "the source cannot be replaced without changing what else the document says: it has an anchor, or is written"
        " twice",
        hint="edit the file",
    )


def _list_candidates(text: str, code: str) -> Iterator[str]:
    """Yield texts with the new source, the most readable form first."""
    place = _find_source(text)
    if place is None:
        return
    forms = [] if place.is_flow else [_format_block(code, place)]
    for form in (*forms, _format_quoted(code) + place.comment):
        old = text[place.start : place.end]
        tail = "" if place.is_flow else old[len(old.rstrip()) :]  # blank lines before what follows
        yield f"{text[: place.start]}code: {form.rstrip() if tail else form}{tail}{text[place.end :]}"


def _format_quoted(code: str) -> str:
    """Return a text as one line in quotes."""
    return str(yaml.safe_dump(code, default_style='"', allow_unicode=True, width=float("inf"))).rstrip("\n")


def _format_block(code: str, place: _Place) -> str:
    """Return a text as a block of lines below the key of a place."""
    chomping = "" if code.endswith("\n") and not code.endswith("\n\n") else "-" if not code.endswith("\n") else "+"
    indicator = "2" if code[:1] in " \n" else ""
    lines = (f"{' ' * (place.column + 2)}{line}" if line else "" for line in code.split("\n"))
    return f"|{indicator}{chomping}{place.comment}\n" + "\n".join(lines)


def _find_source(text: str) -> _Place | None:
    """Return where the inline source of a document stands; None where the document is no plain mapping."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    is_flow = False
    for name in ("spec", "source"):
        if not isinstance(node, yaml.MappingNode):
            return None
        is_flow = is_flow or bool(node.flow_style)
        node = next((value for key, value in node.value if key.value == name), None)
    if not isinstance(node, yaml.MappingNode):
        return None
    is_flow = is_flow or bool(node.flow_style)
    for key, value in node.value:
        if key.value in _NAMES:
            header = _HEADER.match(text, value.start_mark.index)
            comment = (header[1] or "") if header else ""
            return _Place(key.start_mark.index, value.end_mark.index, key.start_mark.column, is_flow, comment)
    return None
