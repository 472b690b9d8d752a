"""What a Python file binds and imports when it is imported, read from its syntax tree; nothing of it is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator

from msgspec import Struct

_MISSING = frozenset(["ImportError", "ModuleNotFoundError", "Exception", "BaseException"])
# names whose use may bind others, or find modules elsewhere
_DYNAMIC = frozenset(["globals", "locals", "vars", "exec", "eval", "setattr", "__getattr__"])
_DYNAMIC_ATTRIBUTES = frozenset(["__dict__", "__globals__", "f_globals", "f_locals", "exec", "eval", "setattr"])


class ImportedModule(Struct, frozen=True):
    """An import that is run whenever the file is: the module, how many dots it begins with, the names taken from it."""

    module: str
    level: int
    names: tuple[str, ...]
    line: int


class ModuleScan(Struct, frozen=True):
    """What a file binds at its top, or None where it may bind more; methods of its classes; what it surely imports.

    `definitions` are the functions and classes among its names. `is_decorated` tells that one of them has a decorator,
    `moves_path` that the file changes `sys.path`.
    """

    names: frozenset[str] | None
    definitions: frozenset[str]
    methods: frozenset[str]
    imports: tuple[ImportedModule, ...]
    is_decorated: bool
    moves_path: bool


def scan(source: bytes) -> ModuleScan:
    """Return the imports and definitions of a file. Errors: SyntaxError, ValueError, RecursionError of the parser."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    names: set[str] = set()
    definitions: set[str] = set()
    methods: set[str] = set()
    unknown = moves_path = is_decorated = False
    for node in _iter_top_level(tree.body):
        names |= _list_bound_names(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            definitions.add(node.name)
            is_decorated = is_decorated or bool(node.decorator_list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            names |= set(node.names)
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            unknown = True
        elif isinstance(node, ast.ClassDef):
            methods |= {name for child in node.body for name in _list_bound_names(child)}
        elif isinstance(node, ast.Attribute) and node.attr in ("path", "modules", "meta_path", "path_hooks"):
            is_sys = isinstance(node.value, ast.Name) and node.value.id == "sys"
            moves_path = moves_path or is_sys
            unknown = unknown or (is_sys and node.attr == "modules")
        elif isinstance(node, ast.Attribute):
            unknown = unknown or node.attr in _DYNAMIC_ATTRIBUTES
        elif isinstance(node, ast.Name):
            unknown = unknown or node.id in _DYNAMIC
    unknown = unknown or "__getattr__" in names
    imports = tuple(_iter_imports(tree.body))
    defined_names = None if unknown else frozenset(names)
    return ModuleScan(defined_names, frozenset(definitions), frozenset(methods), imports, is_decorated, moves_path)


def _iter_top_level(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the statements that an import may run, on any branch, those inside functions and classes excepted."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def _list_bound_names(node: ast.AST) -> set[str]:
    """Return the names that one node binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
        return {node.name}
    if isinstance(node, ast.MatchMapping) and node.rest:
        return {node.rest}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return set()


def _iter_imports(body: Iterable[ast.stmt]) -> Iterator[ImportedModule]:
    """Yield imports that nothing makes optional: no condition, no handler of ImportError, no function."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (ImportedModule(alias.name, 0, (), node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ImportedModule(node.module or "", node.level, tuple(alias.name for alias in node.names), node.lineno)
        elif isinstance(node, ast.ClassDef) or (isinstance(node, ast.With) and not _is_suppressing(node)):
            yield from _iter_imports(node.body)
        elif isinstance(node, ast.Try):
            if not any(_is_catching(handler) for handler in node.handlers):
                yield from _iter_imports(node.body)
            yield from _iter_imports(node.finalbody)


def _is_suppressing(node: ast.With) -> bool:
    return any("suppress" in ast.unparse(item.context_expr) for item in node.items)


def _is_catching(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler takes the error of a missing module."""
    if handler.type is None:
        return True
    nodes = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) in _MISSING for node in nodes
    )
