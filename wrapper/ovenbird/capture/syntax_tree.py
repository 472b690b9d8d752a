"""Walk syntax trees without the constants in lists and dictionaries: a table in a source may have a million of them."""

from __future__ import annotations

import ast
import os
import threading
from collections import deque
from collections.abc import Iterator

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


_LOCKS = [threading.Lock()]


def parse_python(text: str) -> ast.Module:
    """Return the tree of a source text. Errors: SyntaxError, ValueError.

    One thread at a time: Python 3.11 raises SystemError when several make trees (python/cpython#106905).
    """
    with _LOCKS[0]:
        return ast.parse(text)


def parse_expression(text: str) -> ast.Expression:
    """Return the tree of one expression; otherwise as `parse_python`."""
    with _LOCKS[0]:
        return ast.parse(text, mode="eval")


def _renew_lock() -> None:
    """Replace the lock in a forked child, where the thread that holds it does not exist."""
    _LOCKS[0] = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def list_children(node: ast.AST) -> list[ast.AST]:
    """Return the children of a node; of a list, a set, a tuple or a dictionary those that are no constants."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [item for item in node.elts if type(item) is not ast.Constant]
    if isinstance(node, ast.Dict):
        return [item for item in (*node.keys, *node.values) if item is not None and type(item) is not ast.Constant]
    if isinstance(node, ast.Constant | ast.Name):
        return []
    return list(ast.iter_child_nodes(node))


def list_blocks(node: ast.AST) -> list[ast.AST]:
    """Return the children of a node that are statements or hold them, such as handlers of errors."""
    return [child for name in _BLOCKS for child in getattr(node, name, ()) if isinstance(child, _STATEMENTS)]


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, as `ast.walk` does, without the constants in lists and dictionaries."""
    todo = deque([node])
    while todo:
        node = todo.popleft()
        yield node
        todo.extend(list_children(node))
