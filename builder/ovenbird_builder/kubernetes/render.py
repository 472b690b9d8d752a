"""Documents -> YAML or JSON, on stdout or in files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ovenbird.common.atomic_files import write_file
from ovenbird.common.text import show_value

from ..errors import BuildRequestError

Document = dict[str, Any]
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9 ._/:@+-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


class _Dumper(yaml.SafeDumper):
    """YAML that every parser reads alike: text that some version of YAML takes for something else is quoted."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature of yaml.Dumper
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else '"'
    if "\n" in value:
        style = "|"  # where that cannot hold the text, the emitter quotes it
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)


def to_yaml(documents: Sequence[Document]) -> str:
    """Return the documents as YAML, each with its `---` before it."""
    form: dict[str, Any] = {"sort_keys": False, "explicit_start": True, "width": 10_000, "allow_unicode": True}
    return str(yaml.dump_all(documents, Dumper=_Dumper, **form))


def to_json(documents: Sequence[Document]) -> str:
    """Return the documents as one JSON object, a List."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(documents: Sequence[Document], output: str, removed: list[Path], *, as_json: bool) -> list[Path]:
    """Write a file, or into a folder (that exists, or whose name ends in a slash) one for each document; their paths.

    Files of the same function and action that an earlier call has written to the folder, and this one does not, are
    removed and added to `removed`. Files of others are left alone. Errors: BuildRequestError when that cannot be done,
    or the file of somebody else would be written over.
    """
    form = to_json if as_json else to_yaml
    target = Path(output)
    if not (output.endswith("/") or target.is_dir()):
        return [_put(target, form(documents))]
    ending = "json" if as_json else "yaml"
    texts = {target / f"{_make_stem(document)}.{ending}": form([document]) for document in documents}
    for path in texts:
        if path.exists() and not _read_owner(path):
            raise BuildRequestError(
                f"--output: {show_value(str(path))} is there, and no file that `ovenbird manifests` has written",
                hint="remove it, or name another folder",
            )
    written = [_put(path, text) for path, text in texts.items()]
    owners = {_identify_owner(document) for document in documents}
    for path in sorted({*target.glob("*.yaml"), *target.glob("*.json")} - set(texts)):
        if _read_owner(path) in owners:  # of an earlier time: applied on, it would bring back what is no longer meant
            _remove(path)
            removed.append(path)
    return written


def _make_stem(document: Document) -> str:
    """Return the name of a document's file, without its ending."""
    about = document["metadata"]
    return f"{document['kind'].lower()}-{about.get('name') or about['generateName'].rstrip('-')}"


def _identify_owner(document: Any) -> tuple[str, ...]:
    """Return whose document this is, if it is one of ours: namespace, instance, component; else nothing."""
    about: Any = document.get("metadata") if isinstance(document, dict) else None
    about = about if isinstance(about, dict) else {}
    labels = about.get("labels")
    if not isinstance(labels, dict) or labels.get("app.kubernetes.io/managed-by") != "ovenbird":
        return ()
    values = (
        about.get("namespace"),
        *(labels.get(f"app.kubernetes.io/{key}") for key in ("instance", "component")),
    )
    return tuple(str(value or "") for value in values)


def _read_owner(path: Path) -> tuple[str, ...]:
    """Return whose file this is: one document of ours, under the name that we give it. Else nothing."""
    try:
        (document,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and document.get("kind") == "List":
            (document,) = document["items"]
        return _identify_owner(document) if _make_stem(document) == path.stem else ()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError):
        return ()


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise BuildRequestError(f"--output: cannot remove {show_value(str(path))}: {error.strerror}") from None


def _put(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
    except OSError as error:
        raise BuildRequestError(f"--output: cannot write {show_value(str(path))}: {error.strerror}") from None
    return path
