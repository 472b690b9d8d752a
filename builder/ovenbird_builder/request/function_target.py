"""Resolve a target: a function document, a folder that holds one, a file or a module of plain code."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.file_kind import ARCHIVES, NOTEBOOK_HINT, describe_file
from ovenbird.common.named_paths import is_file, is_folder
from ovenbird.common.redact import redact_source
from ovenbird.common.text import show_value
from ovenbird.function_document import MODULE, VERSIONS, FunctionSpec, find, read

from ..errors import BuildRequestError
from ..sources import symlinks

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_MODULE = re.compile(MODULE)
_DEFAULT = "handler"
_FORMS = "`function.yaml`, a folder that holds one, `FILE.py:handler`, or `pkg.mod:fn`"


class FunctionTarget(Struct, frozen=True):
    """A function and, where it came from one, the path of its document."""

    function: FunctionSpec
    document: Path | None = None


def resolve_target(target: str, source: str = "") -> FunctionTarget:
    """Return the function that a target names; `source` is the folder of the code, where that is not the target's own.

    Errors: BuildRequestError for a target of no known form; DocumentError for a document that does not parse.
    """
    if "://" in target:
        raise BuildRequestError(
            f"{show_value(redact_source(target))} is a URL, not a target",
            hint="a function document has it as `spec.source.source`",
        )
    if target.endswith((".yaml", ".yml")):
        return _read_document(Path(target), source)
    if is_folder(target):
        return _read_document(find(Path(target)), source)
    location, _, attribute = target.partition(":")
    if attribute and not _DOTTED.fullmatch(attribute):
        raise BuildRequestError(
            f"{show_value(target)}: {show_value(attribute)} is not the name of an attribute", hint=_FORMS
        )
    if location.endswith(".py"):
        return FunctionTarget(_read_code_file(Path(location), attribute or _DEFAULT, source))
    if attribute and _MODULE.fullmatch(location) and not location.endswith(".ipynb"):
        root = _resolve_folder(source or ".")
        return FunctionTarget(_make_function(root, location, attribute))
    if kind := describe_file(Path(location if location.endswith(".ipynb") else target)):
        raise BuildRequestError(
            f"{show_value(target)} is not a target: it is {kind}", hint=_suggest_target(kind, target)
        )
    raise BuildRequestError(f"{show_value(target)} is not a target: no such file or folder", hint=_FORMS)


def _suggest_target(kind: str, target: str) -> str:
    """Return the hint for a target that is a file of another kind."""
    if "bundle" in kind:
        return "`ovenbird build` takes a bundle; the other verbs take what it was made of"
    if kind == "a notebook":
        return NOTEBOOK_HINT
    if kind in ARCHIVES:
        return (
            f"an archive is the source of a document: `spec.source` has `source: {target}` and `handler: main:handler`"
        )
    return _FORMS


def choose_python_version(function: FunctionSpec, flag: str) -> str:
    """Return the Python version of the flag, else of the document, or "". Errors: BuildRequestError."""
    version = flag.removeprefix("PYTHON").replace("_", ".") if flag.startswith("PYTHON") else flag
    if version and version not in VERSIONS:
        raise BuildRequestError(f"--python: expected one of {', '.join(VERSIONS)}, found {show_value(flag)}")
    return version or function.python_version


def list_function_folders(function: FunctionSpec) -> tuple[Path, ...]:
    """Return the folders of this machine that a function is made of."""
    folders = (function.root, function.local_source, function.source_root)
    return tuple(folder for folder in folders if folder and folder.is_dir())


def _read_document(path: Path, source: str) -> FunctionTarget:
    function = read(path)
    if source:
        folder = _resolve_folder(source)
        function = _replace_source(function, folder)
    return FunctionTarget(function, path.resolve())


def _replace_source(function: FunctionSpec, folder: Path) -> FunctionSpec:
    module = function.handler if ":" in function.handler else f"{function.default_module}:{function.handler}"
    return replace(function, source=str(folder), code=None, handler=module, source_root=None)


def _read_code_file(path: Path, attribute: str, source: str) -> FunctionSpec:
    if not is_file(path):
        raise BuildRequestError(f"no file {show_value(str(path))}", hint=_FORMS)
    path = path.absolute().parent.resolve() / path.name  # a link counts as the file that it is, where it lies
    root = _resolve_folder(source) if source else path.parent
    if path.is_relative_to(root):
        symlinks.check_link(root, path.relative_to(root).as_posix(), str(root))
    else:
        raise BuildRequestError(f"{show_value(str(path))} does not lie below `--source` {show_value(str(root))}")
    return _make_function(root, ".".join(path.relative_to(root).with_suffix("").parts), attribute)


def _make_function(root: Path, module: str, attribute: str) -> FunctionSpec:
    """Return the function of code without a document, named after its folder, or else after its module.

    A part of `spec` that a document would hold is filled in, so that the image's document is complete.
    """
    name = re.sub(r"[^a-zA-Z0-9.+_-]+", "-", root.name).strip("-.") or module.rpartition(".")[2]
    handler = f"{module}:{attribute}"
    raw: dict[str, Any] = {"name": name, "kind": "python", "spec": {"source": {"source": ".", "handler": handler}}}
    return FunctionSpec(root=root, name=name, handler=handler, source=".", raw=raw)


def _resolve_folder(name: str) -> Path:
    path = Path(name)
    if not is_folder(path):
        raise BuildRequestError(f"--source: {show_value(redact_source(name))} is not a folder")
    return path.resolve()
