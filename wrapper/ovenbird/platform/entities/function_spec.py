"""Build the spec of a Python function from the arguments of the platform's SDK."""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.named_paths import is_file
from ...common.redact import redact_record
from ...common.text import show_value
from ...errors import InputError

_SOURCE = ("code_src", "code", "base64", "handler", "init_function", "lang")
_REST = ("image", "base_image", "python_version", "requirements")


def python_spec(name: str, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec: the source's location (`code_src`) or content (`code`, `base64`), and the `handler`.

    The text of a local file goes into the spec, as a platform can run it then. Errors: InputError.
    """
    label = f"function {show_value(name)}"
    if kind != "python":
        raise InputError(f"{label} is of kind {show_value(kind)}", hint="Ovenbird records functions of kind `python`")
    fields = {field: value for field, value in options.items() if value is not None}
    source = dict(fields.pop("source", None) or {})
    if "source" in source:
        source["code_src"] = source.pop("source")
    source |= {field: fields.pop(field) for field in _SOURCE if field in fields}
    unknown = sorted({*fields} - {*_REST} | {*source} - {*_SOURCE})
    if unknown:
        hint = ", ".join((*_SOURCE, *_REST))
        raise InputError(f"{label} has no {', '.join(map(show_value, unknown))}", hint=f"one of {hint}")
    if not source.get("handler"):
        raise InputError(f"{label}: its handler is not named", hint='`handler="module:function"`')
    fields.setdefault("python_version", f"PYTHON{sys.version_info[0]}_{sys.version_info[1]}")
    if isinstance(fields.get("requirements"), str):
        fields["requirements"] = fields["requirements"].split("\n")
    return {"source": _make_source(label, source), **fields}


def _make_source(label: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    source = {"lang": "python", "handler": fields["handler"]}
    if fields.get("init_function"):
        source["init_function"] = fields["init_function"]
    location, text, inline = fields.get("code_src"), fields.get("code"), fields.get("base64")
    if text is not None:
        inline = b64encode(str(text).encode()).decode()
    if inline is not None:
        try:
            b64decode(inline, validate=True)
        except (ValueError, TypeError):
            raise InputError(f"{label}: base64 is {show_value(inline)}") from None
    elif (
        location is not None and "://" not in str(location) and is_file(path := Path(location)) and path.suffix == ".py"
    ):
        inline = b64encode(path.read_bytes()).decode()
    if location is None and inline is None:
        raise InputError(f"{label} has no source", hint="`code_src` (a path or a URL), `code` (text), or `base64`")
    source["source"] = _name_location(str(location)) if location is not None else "main.py"
    if inline is not None:
        source["base64"] = inline
    return source


def _name_location(location: str) -> str:
    """Return a source's location as it is recorded: a folder or an archive of this machine by its absolute path."""
    path = Path(location)
    if "://" not in location and path.suffix != ".py" and path.exists():
        return str(path.absolute())
    return redact_record(location)
