"""Compare functions and classes of a session with the definitions in its source."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .comparison import same_code, same_value
from .pure_values import ImpureError, check_purity, evaluate, matches
from .statements import Statement, find_codes, first_line
from .syntax_tree import walk

RUN_AGAIN = "run its cell or its file again, and then what uses it"
GENERATED = ("<string>", "<attrs ")  # file names of the code that `dataclass` and attrs make
_LAYERS = 20  # wrappers around a function that are looked into
_PLAIN_TYPES: tuple[type, ...] = (type(None), bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
_COMPARED_TYPES = (*_PLAIN_TYPES, types.FunctionType, type)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a statement cannot stand for a name: a clause whose subject is the name, its line, and what to do.

    `is_unknown`: nothing speaks against the statement, and nothing shows that it is the one.
    """

    reason: str
    line: int
    hint: str
    is_unknown: bool = False


def check_function(
    statement: Statement, node: ast.FunctionDef | ast.AsyncFunctionDef, value: Any, namespace: dict[str, Any]
) -> Refusal | None:
    layers = list_layers(value)
    line = first_line(node)
    for layer in layers:
        codes = find_codes(statement, node.name, line, layer.__code__.co_flags)
        if any(same_code(code, layer.__code__) for code in codes):
            return (
                _check_defaults(node, layer, namespace)
                or _check_attributes(node, layer)
                or _check_decorators(node, layers, namespace)
            )
    # an object of the decorator's may not show the function
    is_unknown = bool(node.decorator_list) and not any(layer.__code__.co_name == node.name for layer in layers)
    return Refusal("differs from its source, which was changed since it ran", line, RUN_AGAIN, is_unknown)


def list_layers(value: Any) -> list[types.FunctionType]:
    """Return the functions that a value is made of: itself, and those that its decorators wrap."""
    layers: list[types.FunctionType] = []
    todo: list[Any] = [value]
    visited: set[int] = set()
    while todo and len(visited) < _LAYERS:
        item = todo.pop(0)
        if id(item) in visited or isinstance(item, types.ModuleType):
            continue
        visited.add(id(item))
        if isinstance(item, types.FunctionType):
            layers.append(item)
            for cell in item.__closure__ or ():
                todo += [part for part in _read_cell(cell) if callable(part) and not isinstance(part, type)]
        try:
            content = list(vars(item).values()) if not isinstance(item, type) else []
            wrapped = [getattr(item, name, None) for name in ("__wrapped__", "__func__", "func")]
        except Exception:  # an object of a user's class may raise anything  # noqa: S112
            continue
        todo += [part for part in (*wrapped, *content) if isinstance(part, types.FunctionType) or part is wrapped[0]]
    return layers


def _read_cell(cell: types.CellType) -> list[Any]:
    """Return the content of a cell of a closure as a list; empty when it is not set yet."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _check_defaults(
    node: ast.FunctionDef | ast.AsyncFunctionDef, live: types.FunctionType, namespace: dict[str, Any]
) -> Refusal | None:
    """Refuse a default that is another value now than when the function was defined, or was changed by a call."""
    positional = [*node.args.posonlyargs, *node.args.args]
    values = live.__defaults__ or ()
    pairs = list(zip(positional[len(positional) - len(node.args.defaults) :], node.args.defaults, values, strict=False))
    keywords = live.__kwdefaults__ or {}
    for argument, expression in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if expression is not None and argument.arg in keywords:
            pairs.append((argument, expression, keywords[argument.arg]))
    for argument, expression, value in pairs:
        try:
            is_same = not isinstance(value, _COMPARED_TYPES) or matches(expression, value, namespace)
        except ImpureError:
            continue
        if not is_same:
            return Refusal(
                f"has another default of `{argument.arg}` now than its source gives", expression.lineno, RUN_AGAIN
            )
    return None


def _check_decorators(
    node: ast.FunctionDef | ast.AsyncFunctionDef, layers: list[types.FunctionType], namespace: dict[str, Any]
) -> Refusal | None:
    """Refuse a decorator of the session whose arguments are others now, as in `@repeat(TIMES)`.

    A wrapper keeps them in its closure, by the names of the decorator's parameters.
    """
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Name):
            continue
        function = namespace.get(decorator.func.id)
        if not isinstance(function, types.FunctionType) or function.__globals__ is not namespace:
            continue
        try:
            check_purity(ast.Tuple([*decorator.args, *(word.value for word in decorator.keywords)]), namespace)
            values = [evaluate(argument, namespace) for argument in decorator.args]
            words = {word.arg: evaluate(word.value, namespace) for word in decorator.keywords if word.arg}
            arguments = inspect.signature(function).bind(*values, **words).arguments
        except Exception:  # it calls something, or has other parameters now  # noqa: S112
            continue
        for layer in layers:
            cells = zip(layer.__code__.co_freevars, layer.__closure__ or (), strict=False)
            for name, cell in cells:
                is_plain = name in arguments and isinstance(arguments[name], _PLAIN_TYPES)
                if is_plain and not any(same_value(content, arguments[name]) for content in _read_cell(cell)):
                    reason = f"is decorated with another `{name}` of `{decorator.func.id}` than its source gives"
                    return Refusal(reason, decorator.lineno, RUN_AGAIN)
    return None


def _check_attributes(node: ast.FunctionDef | ast.AsyncFunctionDef, live: types.FunctionType) -> Refusal | None:
    if node.decorator_list or not vars(live):
        return None
    names = ", ".join(f"`{name}`" for name in sorted(vars(live)))
    hint = "keep such values as names of the module"
    return Refusal(f"has attributes that were set after its definition: {names}", first_line(node), hint)


def check_class(statement: Statement, node: ast.ClassDef, value: Any, namespace: dict[str, Any]) -> Refusal | None:
    line = first_line(node)
    changed = Refusal("differs from its source, which was changed since it ran", line, RUN_AGAIN)
    if not isinstance(value, type):
        return replace(changed, is_unknown=bool(node.decorator_list))
    for base in node.bases:
        if not _is_base(base, value, namespace):
            return Refusal(f"has another base than `{ast.unparse(base)}` is now", line, RUN_AGAIN)
    methods = [child for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)]
    written = {method.name for method in methods}
    members = vars(value)
    scope = {**namespace, **members}
    for method in methods:
        layers = [layer for part in _list_functions(members.get(method.name)) for layer in list_layers(part)]
        codes = [find_codes(statement, method.name, first_line(method), layer.__code__.co_flags) for layer in layers]
        pairs = [(code, layer) for group, layer in zip(codes, layers, strict=True) for code in group]
        same = next((layer for code, layer in pairs if same_code(code, layer.__code__)), None)
        is_last = [other for other in methods if other.name == method.name][-1] is method
        if same is None and is_last and (not method.decorator_list or any(codes)):
            return changed
        if same is not None and (refusal := _check_defaults(method, same, scope)):
            return Refusal(f"has a method that {refusal.reason}", refusal.line, refusal.hint)
    for name, member in members.items():
        is_own = isinstance(member, types.FunctionType) and member.__globals__ is namespace
        if is_own and name not in written and not member.__code__.co_filename.startswith(GENERATED):
            # as in `key = lambda self: 1`; and what Python 3.14 makes of annotations
            if member.__name__ == "<lambda>" or name.startswith("__annotate"):
                continue
            return Refusal(f"has a method that was set after its definition: `{name}`", line, "define it in the class")
    return _check_class_values(node, members, scope)


def _is_base(base: ast.expr, value: type, namespace: dict[str, Any]) -> bool:
    """Return whether what a base is called is still what the class was made with; True for a base by a call."""
    while isinstance(base, ast.Subscript):  # `Generic[T]`
        base = base.value
    if not isinstance(base, ast.Name | ast.Attribute) or any(isinstance(part, ast.Call) for part in walk(base)):
        return True
    try:
        live = evaluate(base, namespace)
    except Exception:
        return False
    return not isinstance(live, type) or live in value.__mro__ or live in getattr(value, "__orig_bases__", ())


def _list_functions(member: Any) -> list[Any]:
    """Return the functions of a member of a class: of a method, a property, a class method."""
    if isinstance(member, property):
        return [part for part in (member.fget, member.fset, member.fdel) if part is not None]
    return [getattr(member, "__func__", member)]


def _check_class_values(node: ast.ClassDef, members: Mapping[str, Any], scope: dict[str, Any]) -> Refusal | None:
    """Refuse a class whose plain values, such as `depth = 3` or `depth = DEPTH`, are others now."""
    last: dict[str, ast.expr] = {}
    for child in node.body:
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name) and child.value:
            last[child.target.id] = child.value
        elif isinstance(child, ast.Assign):
            last |= {target.id: child.value for target in child.targets if isinstance(target, ast.Name)}
    for name, expression in last.items():
        value = members.get(name)
        if name not in members or not isinstance(value, _PLAIN_TYPES) or type(value) not in _PLAIN_TYPES:
            continue
        try:
            check_purity(expression, scope)
            again = evaluate(expression, scope)
        except Exception:  # it calls something, or needs a name of the body that is gone  # noqa: S112
            continue
        if not name.startswith("__") and not same_value(again, value):
            return Refusal(f"has another `{name}` now than its source gives", expression.lineno, RUN_AGAIN)
    return None
