"""Functions in the files below a folder: read from their syntax, so nothing of the user's is imported."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ovenbird.errors import OvenbirdError
from ovenbird.function.target import DEFAULT_ATTRIBUTE, Target, parse
from ovenbird.function_document import NAMES

_DEEPEST = 4  # folders below the first one
_MOST = 300  # files that are read
_LARGEST = 256 * 1024  # bytes of a file that is read
_SKIPPED = {"node_modules", "site-packages", "__pycache__", "build", "dist", "tests", "venv", "env"}
_NO_TARGET = re.compile(r"(test_.*|conftest|setup|noxfile|.*_test|__\w+__)\.py")
_HOOKS = ("init", "close", "main")


class FoundTarget(NamedTuple):
    """A function of a file: the target as it is typed below the folder, its name, the first line of its docstring."""

    text: str
    name: str
    summary: str = ""


def find_targets(folder: Path) -> list[FoundTarget]:
    """Return the functions of documents and of modules below a folder: documents first, then by path."""
    documents: list[FoundTarget] = []
    functions: list[FoundTarget] = []
    covered: set[tuple[Path, str]] = set()
    for path in _walk(folder):
        text = str(path.relative_to(folder))
        if path.name in NAMES:
            document = _read_document(path, text)
            if document is not None:
                target, entry = document
                documents.append(entry)
                covered.add((target.root.joinpath(*target.module.split(".")).with_suffix(".py"), target.attribute))
        else:
            functions += _read_module(path, text)
    rest = [entry for entry in functions if _locate(folder, entry.text) not in covered]
    return [*documents, *rest]


def _locate(folder: Path, text: str) -> tuple[Path, str]:
    path, _, attribute = text.rpartition(":")
    return (folder / path).resolve(), attribute


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files that may hold functions, those of a folder before those below it."""
    count = 0
    for root, folders, files in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(
            name for name in folders
            if depth < _DEEPEST and name not in _SKIPPED and not name.startswith(".")
            and not os.path.exists(os.path.join(root, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118  # many names
        )  # fmt: skip
        for name in sorted(files, key=lambda name: (name not in NAMES, name)):
            if name in NAMES or (name.endswith(".py") and not _NO_TARGET.fullmatch(name)):
                count += 1
                if count > _MOST:
                    return
                yield Path(root, name)


def _read_document(path: Path, text: str) -> tuple[Target, FoundTarget] | None:
    """Return the target of a function document with its entry; None for one of another kind, or a broken one."""
    try:
        target = parse(str(path))
    except OvenbirdError:
        return None
    assert target.function is not None
    metadata = target.function.raw.get("metadata")
    summary = metadata.get("description") if isinstance(metadata, dict) else ""
    return target, FoundTarget(text, target.function.name, str(summary or ""))


def _read_module(path: Path, text: str) -> list[FoundTarget]:
    """Return the public functions at the top of a module; only its handlers, where it has any."""
    try:
        if path.stat().st_size > _LARGEST:
            return []
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    public = [node for node in nodes if not node.name.startswith("_") and node.name not in _HOOKS]
    handlers = [node for node in public if node.name == DEFAULT_ATTRIBUTE or any(map(_is_handler, node.decorator_list))]
    return [
        FoundTarget(f"{text}:{node.name}", path.stem if node.name == DEFAULT_ATTRIBUTE else node.name, _summarize(node))
        for node in handlers or public
    ]


def _is_handler(decorator: ast.expr) -> bool:
    """Return whether a decorator is `@handler`, `@ovenbird.handler` or a call of one."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == DEFAULT_ATTRIBUTE


def _summarize(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return (ast.get_docstring(node) or "").strip().partition("\n")[0]
