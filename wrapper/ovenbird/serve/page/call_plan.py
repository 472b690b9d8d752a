"""Turn a filled form into the request that calls the function. Nothing is sent here: the page does that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from ...common.text import escape_json
from ...page.field import NO_DEFAULT, Field, FieldKind
from ...page.form_values import FormResult, parse_form
from .call_form import BODY, FILE, MEDIA, METHOD, PATH, CallForm, Layout

_SAFE_IN_PATH = "/:@!$&'()*+,;=~%-._?[]"
_BODILESS = ("GET", "HEAD")


@dataclass(frozen=True)
class ChosenFile:
    """A file that the page puts in: of which field, and its name."""

    field: str
    name: str


@dataclass(frozen=True)
class CallPlan:
    """One request. `path` is relative to the root of the service and has no slash in front.

    `arguments` are the values by name, or the value itself (`NO_DEFAULT` for a raw request); files are `ChosenFile`s.
    `content`: text, a file, the parts of a multipart form, or None for no body. In a JSON text, the bytes of a file
    stand as `{placeholder}`, which are the keys of `encoded`.
    """

    method: str
    path: str
    layout: Layout
    headers: dict[str, str] = field(default_factory=dict)
    content: str | ChosenFile | list[tuple[str, str | ChosenFile]] | None = None
    arguments: Any = NO_DEFAULT
    encoded: dict[str, ChosenFile] = field(default_factory=dict)
    streams: bool = False


def plan_call(
    form: CallForm, pairs: Iterable[tuple[str, str]], files: Mapping[str, list[str]], mark: str
) -> tuple[CallPlan | None, dict[str, str]]:
    """Return the request for a form as it was filled, or None and what was refused, by the name of the field.

    `files`: the names of the files that were chosen, by field. `mark`: text that nothing which was typed holds.
    """
    named = [(name, file) for name, names in files.items() for file in names]
    if form.layout is Layout.RAW:
        return _plan_raw(form, {**dict(pairs)}, files), {}
    result = parse_form(form.fields, [*pairs, *named])
    if result.errors:
        return None, result.errors
    return _plan_fields(form, result, mark), {}


def _plan_raw(form: CallForm, texts: dict[str, str], files: Mapping[str, list[str]]) -> CallPlan:
    method, media, body = texts.get(METHOD, ""), texts.get(MEDIA, "").strip(), texts.get(BODY, "")
    choices = form.fields[0].choices
    method = json.loads(method) if method.startswith('"') else method
    method = method if method in choices else str(form.fields[0].default)
    content: str | ChosenFile | None = ChosenFile(FILE, files[FILE][0]) if files.get(FILE) else body
    if method in _BODILESS or content == "":
        content = None
    headers = {"content-type": media} if media and content is not None else {}
    return CallPlan(method, _clean_path(texts.get(PATH, "")), form.layout, headers, content, streams=form.streams)


def _clean_path(path: str) -> str:
    """Return a path below the root of the service, with what no URL holds escaped. A fragment is never sent."""
    return quote(path.strip().partition("#")[0].lstrip("/\\"), safe=_SAFE_IN_PATH)


def _plan_fields(form: CallForm, result: FormResult, mark: str) -> CallPlan:
    files = {
        item.name: [ChosenFile(item.name, name) for name in result.files[item.name]]
        for item in form.fields
        if item.name in result.files
    }
    arguments = {
        **result.values,
        **{
            item.name: files[item.name] if item.many else files[item.name][-1]
            for item in form.fields
            if item.name in files
        },
    }
    plan = CallPlan(form.method, "", form.layout, {}, None, arguments, {}, form.streams)
    if form.layout is Layout.MULTIPART:
        parts = [part for name, value in arguments.items() for part in _split_parts(name, value, form.fields)]
        return _replace(plan, content=parts)
    if form.layout is Layout.QUERY:
        pairs = [
            (name, str(text))
            for key, value in arguments.items()
            for name, text in _split_parts(key, value, form.fields)
        ]
        return _replace(plan, path=f"?{urlencode(pairs)}" if pairs else "")
    value = arguments
    if form.layout is Layout.VALUE:
        value = arguments.get(form.fields[0].name, form.fields[0].default)
        if value is NO_DEFAULT:
            return plan
    return _plan_json(plan, value, mark)


def _plan_json(plan: CallPlan, value: Any, mark: str) -> CallPlan:
    """Return the plan with a value as its JSON body. A file of it is a placeholder, which the page replaces."""
    encoded: dict[str, ChosenFile] = {}

    def stand_in(part: Any) -> str:
        placeholder = f"{mark}-{len(encoded)}"
        encoded[placeholder] = part
        return placeholder

    text = escape_json(json.dumps(value, ensure_ascii=False, default=stand_in))
    return _replace(plan, headers={"content-type": "application/json"}, content=text, arguments=value, encoded=encoded)


def _split_parts(name: str, value: Any, fields: Iterable[Field]) -> list[tuple[str, str | ChosenFile]]:
    """Return the fields of a form or a query for one argument: a list of texts or files is several."""
    if isinstance(value, ChosenFile):
        return [(name, value)]
    if isinstance(value, list) and value and all(isinstance(item, (str, ChosenFile)) for item in value):
        return [(name, item) for item in value]
    as_json = any(item.name == name and item.kind is FieldKind.JSON for item in fields)
    if isinstance(value, str) and not (as_json and value[:1] in ("{", "[", '"')):
        return [(name, value)]
    return [(name, json.dumps(value, ensure_ascii=False))]


def _replace(plan: CallPlan, **changes: Any) -> CallPlan:
    from dataclasses import replace

    return replace(plan, **changes)
