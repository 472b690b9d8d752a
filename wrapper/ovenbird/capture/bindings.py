"""Say whether a statement of the source is what gave a name its value in the session, and if not, why."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator
from typing import Any

from .definitions import RUN_AGAIN, Refusal, check_class, check_function
from .pure_values import ImpureError, check_purity, describe_value, matches
from .statements import Statement, first_line, is_name_guard, is_type_checking, list_bindings

_AS_INPUT = "pass it as an input or a parameter, or compute it in `init` or in the function itself"


def check_binding(statement: Statement, name: str, namespace: dict[str, Any]) -> Refusal | None:
    """Return None when the statement, run again, gives the name the value that it has; else why it does not."""
    return _check_node(statement, statement.node, name, namespace)


def _check_node(statement: Statement, node: ast.stmt, name: str, namespace: dict[str, Any]) -> Refusal | None:
    value = namespace.get(name)
    line = first_line(node)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _check_import(node, name, value)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return check_function(statement, node, value, namespace)
    if isinstance(node, ast.ClassDef):
        return check_class(statement, node, value, namespace)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return _check_value(node, name, value, namespace)
    if type(node).__name__ == "TypeAlias":
        return None if type(value).__name__ == "TypeAliasType" else Refusal("was bound again", line, RUN_AGAIN)
    if isinstance(node, ast.If | ast.Try):
        if is_name_guard(node):
            hint = "set it above that line: the guard's body runs in a script only"
            return Refusal("is set below `if __name__ == ...`", line, hint)
        return _check_branches(statement, node, name, namespace)
    hint = f"set it by one assignment, or {_AS_INPUT}"
    if isinstance(value, types.FunctionType | type):
        hint = "define it at the top of the module or of a cell, once"
    return Refusal(f"is set by {_describe_statement(node)}", line, hint)


def _describe_statement(node: ast.stmt) -> str:
    words = {
        ast.For: "a `for` loop", ast.AsyncFor: "an `async for` loop", ast.While: "a `while` loop",
        ast.With: "a `with` block", ast.AsyncWith: "an `async with` block", ast.AugAssign: "an assignment such as `+=`",
        ast.Match: "a `match` block", ast.Expr: "an expression with `:=`",
    }  # fmt: skip
    return words.get(type(node), f"a statement of another kind (`{type(node).__name__}`)")


def _check_branches(
    statement: Statement, node: ast.If | ast.Try, name: str, namespace: dict[str, Any]
) -> Refusal | None:
    """Check an `if` or a `try` at the top, as around imports: one of its branches gives the value."""
    refusal = None
    for child in list_branches(node):
        if isinstance(child, ast.If | ast.Try):
            continue
        if name in list_bindings(child):
            if is_type_checking(node) and name not in namespace:
                return None
            again = _check_node(statement, child, name, namespace)
            if again is None:
                return None
            refusal = refusal or again
    hint = f"set it by one assignment, or {_AS_INPUT}"
    return refusal or Refusal("is set in a way that cannot be followed", first_line(node), hint)


def list_branches(node: ast.If | ast.Try) -> Iterator[ast.stmt]:
    """Yield the statements in all branches of an `if` or a `try`, nested ones too."""
    for child in ast.iter_child_nodes(node):
        parts = child.body if isinstance(child, ast.ExceptHandler) else [child]
        for part in parts:
            if isinstance(part, ast.stmt):
                yield part
            if isinstance(part, ast.If | ast.Try):
                yield from list_branches(part)


def _check_import(node: ast.Import | ast.ImportFrom, name: str, value: Any) -> Refusal | None:
    if isinstance(node, ast.ImportFrom) and node.level:
        module = f"{'.' * node.level}{node.module or ''}"
        return Refusal(
            f"is imported by `from {module} import`, which a module without a package cannot do",
            node.lineno,
            "name the module in full: `from package.module import name`",
        )
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            home = sys.modules.get(node.module or "")
            origin = getattr(home, alias.name, sys.modules.get(f"{node.module}.{alias.name}"))
        else:
            origin = sys.modules.get(alias.name if alias.asname else alias.name.partition(".")[0])
        bound = alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0])
        if bound == name and (origin is value or _is_reloaded(origin, value)):
            return None
    return Refusal(f"is {describe_value(value)} now, not what the import gives", node.lineno, RUN_AGAIN)


def _is_reloaded(origin: Any, value: Any) -> bool:
    """Return whether two objects are the same thing of a module that was loaded a second time, as autoreload does."""
    names = [
        (getattr(item, "__module__", None), getattr(item, "__qualname__", None), type(item)) for item in (origin, value)
    ]
    return names[0] == names[1] and None not in names[0]


def _check_value(node: ast.Assign | ast.AnnAssign, name: str, value: Any, namespace: dict[str, Any]) -> Refusal | None:
    assert node.value is not None
    line = node.lineno
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        try:
            if isinstance(target, ast.Name):
                if target.id != name or matches(node.value, value, namespace):
                    continue
            elif isinstance(target, ast.Tuple | ast.List) and all(isinstance(part, ast.Name) for part in target.elts):
                check_purity(node.value, namespace)
                names = [part.id for part in target.elts if isinstance(part, ast.Name)]
                values = tuple(namespace.get(part) for part in names)
                as_tuple = ast.Tuple([ast.Starred(node.value, ast.Load())], ast.Load())
                if matches(ast.fix_missing_locations(as_tuple), values, namespace):
                    continue
            else:
                return Refusal("is set by an assignment to several targets", line, "set it by an assignment of its own")
        except ImpureError as error:
            hint = "define it by `def`, with decorators above" if isinstance(value, types.FunctionType) else _AS_INPUT
            return Refusal(f"is {describe_value(value)} that {error} makes", line, hint)
        return Refusal(f"is {describe_value(value)} with another value now than its source gives", line, RUN_AGAIN)
    return None


def is_pure_binding(statement: Statement, namespace: dict[str, Any]) -> bool:
    """Return whether a statement is an assignment that can be run again, whatever the name holds now."""
    node = statement.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    try:
        check_purity(node.value, namespace)
    except ImpureError:
        return False
    return True
