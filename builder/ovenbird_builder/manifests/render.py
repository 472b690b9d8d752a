"""Documents -> YAML or JSON, on stdout or in files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ovenbird.common.text import show_value

from ..errors import SpecError

Document = dict[str, Any]
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9 ._/:@+-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


class _Dumper(yaml.SafeDumper):
    """YAML that every parser reads alike: text that some version of YAML takes for something else is quoted."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature of yaml.Dumper
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else '"'
    if "\n" in value:
        style = "|"  # where that cannot hold the text, the emitter quotes it
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(documents: Sequence[Document]) -> str:
    """The documents as YAML, each with its `---` before it."""
    form: dict[str, Any] = {"sort_keys": False, "explicit_start": True, "width": 10_000, "allow_unicode": True}
    return str(yaml.dump_all(documents, Dumper=_Dumper, **form))


def to_json(documents: Sequence[Document]) -> str:
    """The documents as one JSON object, a List."""
    found = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write(documents: Sequence[Document], output: str, *, as_json: bool) -> list[Path]:
    """Write a file, or into a folder (that exists, or whose name ends in a slash) one for each document; their paths.

    Errors: SpecError when that cannot be done.
    """
    form = to_json if as_json else to_yaml
    target = Path(output)
    if not (output.endswith("/") or target.is_dir()):
        return [_put(target, form(documents))]
    ending = "json" if as_json else "yaml"
    found = {}
    for document in documents:
        about = document["metadata"]
        name = about.get("name") or about["generateName"].rstrip("-")
        found[target / f"{document['kind'].lower()}-{name}.{ending}"] = form([document])
    return [_put(path, text) for path, text in found.items()]


def _put(path: Path, text: str) -> Path:
    """Write under a temporary name, then rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SpecError(f"--output: cannot write {show_value(str(path))}: {error.strerror}") from None
    return path
