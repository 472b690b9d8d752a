"""Look at the handler's file before an image is made of it: what could never run is told at the build."""

from __future__ import annotations

import ast
import difflib
import warnings
from pathlib import Path

from ovenbird.common.text import show_value
from ovenbird.document import Function


def check(function: Function, root: Path, shown: str) -> tuple[str, ...]:
    """Warnings about the handler's module in the tree: not there, no Python, or without a handler of that name.

    None is an error: a module may come from a dependency, a name be made at run time, and the image's Python may be
    newer than this one.
    """
    module, _, attribute = function.handler.rpartition(":")
    module = module or function.default_module
    base = root.joinpath(*module.split("."))
    path = next((one for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file()), None)
    if path is None:
        if base.is_dir() or any(base.parent.glob(f"{base.name}.*.so")):
            return ()
        return (f"{shown}: there is no module {show_value(module)} in the source, so a dependency has to bring it",)
    place = path.relative_to(root).as_posix()
    try:
        names = _names(path.read_bytes())
    except SyntaxError as error:
        return (f"{place}, line {error.lineno}: {type(error).__name__}: {error.msg}",)
    except (ValueError, RecursionError) as error:
        return (f"{place}: {error}",)
    name = attribute.partition(".")[0]
    if names is None or name in names:
        return ()
    near = difflib.get_close_matches(name, names, 1)
    meant = f"; did you mean {show_value(near[0])}?" if near else ""
    return (f"{place} does not seem to define the handler {show_value(name)}{meant}",)


def module_path(function: Function) -> str:
    """The path of the file that the handler's module is, where it is no package."""
    module = function.handler.rpartition(":")[0] or function.default_module
    return module.replace(".", "/") + ".py"


def _names(source: bytes) -> set[str] | None:
    """The names that a file binds, wherever; None when it may bind others while it runs. Errors: SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    unknown = {"*", "__getattr__", "globals", "vars", "exec", "setattr"}
    return None if found & unknown else found
