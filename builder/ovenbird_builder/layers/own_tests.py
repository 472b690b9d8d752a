"""Find the tests that a distribution brings of itself: folders `tests` and `test` in its packages, and `conftest.py`.

A folder stays as soon as a module outside of it imports something of it, or names it as a path: the `testing` modules
of numpy or scikit-learn are no tests, and Bottleneck or astropy do not start without theirs.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence

_FOLDERS = ("tests", "test")
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?)\.py")
# an import or a text that may lead to tests; what holds none of these is not parsed
_HINT = re.compile(
    rb"\b(?:from|import)\b[^\n#]{0,200}\b(?:tests?|conftest)\b"
    rb"|^[ \t]*tests?,?[ \t]*$|[\"'/.](?:tests?|conftest)[\"'/.]",
    re.M,
)
_LARGEST = 4 * 1024 * 1024  # bytes of a module that is parsed; a larger one may need any tests
_NAME = re.compile(r"[\w.-]*\w")  # of a module: one that ends with a point is the beginning of many
_JOINS = frozenset(("join", "joinpath", "Path", "PurePath"))


def find_own_tests(paths: Collection[str], read: Callable[[str], bytes]) -> frozenset[str]:
    """Return those of the paths of a distribution, relative to site-packages, that only its tests need.

    `read` gives the content of a module by its path.
    """
    units = _group_by_unit(paths)
    known_paths = {ancestor.removesuffix(".py") for path in paths for ancestor in _list_places(path)}
    needed: set[str] = set()
    queue = [path for path in sorted(paths) if path.endswith(".py") and not _find_unit(path, units)]
    while queue and len(needed) < len(units):
        path = queue.pop()
        for unit in set(_list_needed_units(path, read(path), units, known_paths)) - needed:
            needed.add(unit)
            queue += (path for path in units[unit] if path.endswith(".py"))
    return frozenset(path for unit, members in units.items() if unit not in needed for path in members)


def _group_by_unit(paths: Collection[str]) -> dict[str, list[str]]:
    """Return the paths by the folder of tests, or the `conftest.py`, that they stay or go with."""
    parents = {posixpath.dirname(path) for path in paths if path.endswith(".py")}
    tops = {path.partition("/")[0] for path in paths if path.endswith((".py", ".so"))} - set(_FOLDERS)
    like_tests = {
        folder
        for path in paths
        if _TEST_FILE.fullmatch(posixpath.basename(path)) or posixpath.basename(path) == "conftest.py"
        for folder in _list_test_folders(path)
    }
    units: dict[str, list[str]] = {}
    for path in paths:
        for folder in _list_test_folders(path):  # the outermost that holds tests
            parent = posixpath.dirname(folder)
            if folder in like_tests and (parent in parents if parent else tops):
                units.setdefault(folder, []).append(path)
                break
        else:
            if path.endswith("/conftest.py"):
                units[path] = [path]
    return units


def _list_test_folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: index + 1]) for index, part in enumerate(parts[:-1]) if part in _FOLDERS]


def _find_unit(path: str, units: Collection[str]) -> str:
    """Return the unit that a path is or lies in, empty for none."""
    while path:
        if path in units or (path := f"{path}.py") in units:
            return path
        path = posixpath.dirname(path)
    return ""


def _list_places(path: str) -> Iterator[str]:
    """Yield a path and the folders above it."""
    while path:
        yield path
        path = posixpath.dirname(path)


def _list_needed_units(path: str, data: bytes, units: Collection[str], known_paths: Collection[str]) -> Iterator[str]:
    """Yield the units of which the module at a path imports something, or names what lies in it."""
    if not _HINT.search(data):
        return
    if len(data) > _LARGEST:
        yield from units
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that a newer Python does not know
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a template, or for another version
        return
    folder = posixpath.dirname(path)
    for node in ast.walk(tree):
        for target in _list_imports(node, folder):
            if unit := _find_unit(target, units):
                yield unit
        for text in _list_paths(node):
            for base in (*_list_places(folder), ""):
                target = posixpath.normpath(posixpath.join(base, text))
                if target.removesuffix(".py") in known_paths and (unit := _find_unit(target, units)):
                    yield unit


def _list_imports(node: ast.AST, folder: str) -> Iterator[str]:
    """Yield what an import names, as paths."""
    if isinstance(node, ast.Import):
        yield from (alias.name.replace(".", "/") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = folder.split("/")
        start = parts[: len(parts) - node.level + 1] if node.level else []
        start = [*start, *(node.module or "").split(".")] if node.module else start
        yield from ("/".join([*start, alias.name]) for alias in node.names)


def _list_paths(node: ast.AST) -> Iterator[str]:
    """Yield paths of tests and of what lies with them, from texts: `pkg.tests`, `tests/data`, `join("tests", "data")`.

    A mere `tests` is none of these: it is compared or left out more often than it is opened.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isprintable():
        if "." in node.value and _NAME.fullmatch(node.value):
            path = node.value.lstrip(".").replace(".", "/")
            yield from _check_path(path) if "/" in path or path not in _FOLDERS else (path,)
        yield from _check_path(node.value)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _JOINS:
            yield from _join_constants(node.args)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield from _join_constants(_flatten_division(node))


def _check_path(text: str) -> Iterator[str]:
    parts = text.split("/")
    if len(parts) > 1 and len(text) < 200 and ({*_FOLDERS, "conftest", "conftest.py"} & set(parts)):
        yield text


def _join_constants(values: Sequence[ast.expr]) -> Iterator[str]:
    """Yield the path that texts in a row make; what stands between them may be anything."""
    words: list[str] = []
    for value in (*values, None):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            words.append(value.value.strip("/"))
        elif words:
            yield from _check_path("/".join(words))
            words = []


def _flatten_division(node: ast.expr) -> list[ast.expr]:
    """Return the operands of `a / "b" / "c"`."""
    values: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        values.insert(0, node.right)
        node = node.left
    return [node, *values]
