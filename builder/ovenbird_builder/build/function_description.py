"""What a function says of itself beside its name: version, description and license, for the labels of its image."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovenbird.function_document import FunctionSpec

from ..oci import label_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST = 1000  # characters
_LICENSE = 100  # characters; longer is the text of a license, not its name
_LIMIT = 1024 * 1024  # bytes of a pyproject.toml


def describe_function(function: FunctionSpec, source: Path) -> dict[str, str]:
    """Return labels of a function: from `metadata` of its document, else from the pyproject.toml of its source.

    Whatever is missing or no text is left out; faults of the file are reported when it is locked.
    """
    metadata = _read_table(function.raw.get("metadata"))
    project = _read_project(source / "pyproject.toml")
    values = {
        label_names.VERSION: _read_text(metadata.get("version")) or _read_text(project.get("version")),
        label_names.DESCRIPTION: _read_text(metadata.get("description")) or _read_text(project.get("description")),
        label_names.LICENSES: _read_license(metadata.get("license")) or _read_license(project.get("license")),
    }
    return {name: text for name, text in values.items() if text}


def _read_project(path: Path) -> Mapping[str, Any]:
    """Return `[project]` of a pyproject.toml, with what only `[tool.poetry]` has."""
    try:
        if path.is_symlink() or path.stat().st_size > _LIMIT:
            return {}
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {**_read_table(_read_table(document.get("tool")).get("poetry")), **_read_table(document.get("project"))}


def _read_table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_text(value: Any) -> str:
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""


def _read_license(value: Any) -> str:
    """Return the expression or the name of a license; the older form is a table with its text."""
    text = _read_text(value.get("text") if isinstance(value, dict) else value)
    return text if len(text) <= _LICENSE else ""
