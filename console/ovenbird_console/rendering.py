"""Templates to pages: Jinja2, with every value escaped."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ovenbird import __version__
from ovenbird.common.text import cut_text
from ovenbird.common.units import show_size

from .function_files import digest_code
from .links import link_to, link_to_latest
from .moments import format_age, format_duration, format_moment
from .navigation import NAVIGATION

_LONGEST = 2000  # characters of one value on a page


def render(request: Request, template: str, *, status_code: int = 200, **values: Any) -> HTMLResponse:
    """Return a page. Its template has `request`, `navigation` and the given values."""
    text = TEMPLATES.get_template(template).render(
        request=request, path=request.url.path, navigation=NAVIGATION, version=__version__, **values
    )
    return HTMLResponse(text.encode("utf-8", "replace"), status_code)


def format_value(value: Any) -> str:
    """Return a JSON value as text: a string as it is, a float with at most six digits, the rest as JSON."""
    if isinstance(value, str):
        return cut_text(value, _LONGEST)
    if isinstance(value, float):
        return f"{value:.6g}"
    return cut_text(json.dumps(value, ensure_ascii=False, default=str), _LONGEST)


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _is_containing(values: Collection[Any], value: Any) -> bool:
    return value in values


TEMPLATES.tests["containing"] = _is_containing


def format_json(value: Any) -> str:
    """Return a value as JSON for an attribute that the script reads; the template escapes it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def format_pretty(value: Any) -> str:
    """Return a JSON value in lines."""
    return cut_text(json.dumps(value, ensure_ascii=False, indent=2, default=str), 100 * _LONGEST)


TEMPLATES.filters.update(
    pretty=format_pretty,
    json=format_json,
    bytes=show_size,
    digest=digest_code,
    link_latest=link_to_latest,
    moment=format_moment,
    age=format_age,
    duration=format_duration,
    value=format_value,
    link=link_to,
)
