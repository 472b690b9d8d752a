"""Put collected statements in order and join them to the text of a module."""

from __future__ import annotations

import ast

from .collector import Collector
from .comparison import FUTURE_ANNOTATIONS
from .statements import Statement

_FUTURE = "from __future__ import annotations"
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def order_statements(statements: list[Statement], collector: Collector) -> list[Statement]:
    """Return the statements in the order of the source, each after what it needs when it runs.

    A file ran from top to bottom. Cells ran in any order: where a cell was edited and run again, what it defines may
    be needed by an earlier one.
    """
    ordered: list[Statement] = []
    visited: set[tuple[int, int]] = set()

    def place(statement: Statement) -> None:
        if statement.key in visited:
            return
        visited.add(statement.key)
        for needed in collector.list_needed(statement, at_once=True):
            place(needed)
            if isinstance(needed.node, ast.FunctionDef | ast.AsyncFunctionDef):  # it may be called as a decorator
                for inner in collector.list_needed(needed, at_once=False):
                    place(inner)
        ordered.append(statement)

    by_position = sorted(statements, key=lambda statement: statement.key)
    if len({statement.unit.position for statement in statements}) < 2:
        return by_position
    for statement in by_position:
        place(statement)
    return ordered


def join_statements(statements: list[Statement], flags: int) -> str:
    """Return the text of a module. `flags` are those of the code of its functions: whether annotations are postponed.

    Two blank lines stand around definitions; neighbours of the source stay neighbours; one blank line separates others.
    """
    pieces: list[str] = [_FUTURE, "\n"] if flags & FUTURE_ANNOTATIONS else []
    before: Statement | None = None
    for statement in statements:
        if before is None:
            pieces.append("\n" if pieces else "")
        elif isinstance(statement.node, _Definition) or isinstance(before.node, _Definition):
            pieces.append("\n\n")
        elif not _are_neighbours(before, statement):
            pieces.append("\n")
        pieces += [statement.text, "\n"]
        before = statement
    return "".join(pieces)


def _are_neighbours(first: Statement, second: Statement) -> bool:
    if first.unit.text != second.unit.text:
        return False
    lines = second.text.count("\n")
    begin = (second.node.end_lineno or 0) - lines
    return begin - (first.node.end_lineno or 0) <= 1
