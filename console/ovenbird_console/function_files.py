"""Function documents that the page writes: a new function, and another source of an inline one."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ovenbird.common.atomic_files import write_file
from ovenbird.errors import DocumentError, InputError
from ovenbird.function_document import NAMES, parse, validate

from .source_edit import replace_source

FIELDS = ("name", "form", "code", "source", "handler", "init_function", "python_version", "base_image", "requirements",
          "instructions")  # fmt: skip
_NAME = r"[a-zA-Z0-9][a-zA-Z0-9.+\-_]{0,99}"
EXAMPLE = '''def handler(name: str, times: int = 1) -> dict:
    """Greet somebody."""
    return {"greeting": ", ".join([f"Hello {name}"] * times)}
'''
DEFAULTS = {**dict.fromkeys(FIELDS, ""), "form": "inline", "code": EXAMPLE, "handler": "handler"}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def make_document(typed: Mapping[str, str], folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the document of a form, and what is wrong with it by field; `""` is of no field."""
    source: dict[str, Any] = {"code": typed["code"].replace("\r\n", "\n")} if typed["form"] == "inline" else {}
    if typed["form"] != "inline" and typed["source"]:
        source["source"] = typed["source"]
    source["handler"] = typed["handler"]
    if typed["init_function"]:
        source["init_function"] = typed["init_function"]
    spec: dict[str, Any] = {"python_version": typed["python_version"]} if typed["python_version"] else {}
    spec["source"] = source
    if typed["base_image"]:
        spec["base_image"] = typed["base_image"]
    for name in ("requirements", "instructions"):
        if lines := [line.strip() for line in typed[name].splitlines() if line.strip()]:
            spec[name] = lines
    document = {"kind": "python", "name": typed["name"], "spec": spec}
    errors = _find_errors(document, folder)
    if typed["form"] == "inline" and not typed["code"].strip():
        errors["code"] = "Write the function, such as `def handler(): ...`."
    elif typed["form"] != "inline" and not typed["source"]:
        errors["source"] = "Name the source."
    if not re.fullmatch(_NAME, typed["name"]):
        errors["name"] = "1 to 100 letters, digits or . + - _; a letter or a digit comes first."
    elif (folder / typed["name"]).exists():
        errors["name"] = f"There is already a file or folder {typed['name']}."
    return document, errors


def _find_errors(document: dict[str, Any], folder: Path) -> dict[str, str]:
    """Return the problems that a document has, each at the field of the form that it is about."""
    errors: dict[str, str] = {}
    for problem in validate(document, folder):
        where, _, text = problem.partition(": ")
        name = where.split(".")[-1].partition("[")[0]
        errors.setdefault(name if name in FIELDS else "", text[:1].upper() + text[1:])
    return errors


def write_function(document: dict[str, Any], folder: Path) -> Path:
    """Write the document of a new function into a folder of its name; return its path. Errors: InputError."""
    target = folder / str(document["name"])
    try:
        target.mkdir()
    except OSError as error:
        raise InputError(f"cannot make the folder {target}: {error.strerror or error}") from None
    path = target / NAMES[0]
    source = document["spec"]["source"]
    text = source.get("source")
    if text and "://" not in text and not Path(text).is_absolute():  # a path was typed as seen from the start folder
        source["source"] = "../" + text
    try:
        _write(path, document)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def digest_code(code: str) -> str:
    """Return what tells one source text from another."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()


def replace_code(path: Path, code: str, before: str) -> None:
    """Replace the inline source of a document, whose digest was `before`; its comments stay.

    Errors: DocumentError; InputError where somebody else has changed it meanwhile.
    """
    path = next((path / name for name in NAMES if (path / name).is_file()), path) if path.is_dir() else path
    text = path.read_bytes().decode()
    document = parse(text, str(path))
    source = document.get("spec", {}).get("source", {})
    current = _read_code(source)
    if digest_code(current) != before:
        raise InputError("the source was changed meanwhile, in another tab or an editor", hint="load the page again")
    if not code.strip():
        raise InputError("the source is empty", hint="write a function, such as `def handler(): ...`")
    changed = replace_source(text, code.replace("\r\n", "\n"))
    if problems := validate(parse(changed, str(path)), path.parent):
        raise DocumentError("the document would not be valid:", problems=tuple(problems))
    write_file(path, changed.encode())


def _read_code(source: Mapping[str, Any]) -> str:
    import base64

    if source.get("base64"):
        return base64.b64decode("".join(str(source["base64"]).split())).decode()
    return str(source.get("code") or "")


def _write(path: Path, document: dict[str, Any]) -> None:
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    write_file(path, text.encode())
