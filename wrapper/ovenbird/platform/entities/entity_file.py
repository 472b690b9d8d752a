"""Files that hold one entity as YAML: written by `export`, read by `import_*`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from ...common.atomic_files import write_file
from ...common.text import show_value
from ...common.yaml_load import load_yaml
from ...errors import InputError, OutputError


def write_entity(path: str | os.PathLike[str], record: Any) -> str:
    """Write a record, made of JSON values, as YAML; return the path. Errors: OutputError."""
    text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True)
    try:
        write_file(Path(path), text.encode())
    except OSError as error:
        raise OutputError(f"{path} was not written: {error.strerror or error}") from error
    return str(path)


def read_entity(path: str | os.PathLike[str]) -> tuple[dict[str, Any], list[Any]]:
    """Return the entity in a file, and the documents after it: the tasks of a function. Errors: InputError."""
    try:
        content = load_yaml(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is not YAML{error}") from error
    first, *rest = content if isinstance(content, list) and content else [content]
    if not isinstance(first, dict):
        raise InputError(
            f"{path} holds {show_value(first)}, not an entity", hint="`entity.export()` writes such a file"
        )
    return first, rest
