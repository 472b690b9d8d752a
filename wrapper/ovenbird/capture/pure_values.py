"""Evaluate a value of the source again, where that has no effect, and compare it with the one in the session."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import types
from typing import Any

from .comparison import same_value
from .pure_calls import is_pure_call
from .syntax_tree import walk

_PLAIN = (
    ast.Constant | ast.Name | ast.Tuple | ast.List | ast.Set | ast.Dict | ast.BinOp | ast.UnaryOp | ast.BoolOp
    | ast.Compare | ast.IfExp | ast.JoinedStr | ast.FormattedValue | ast.Subscript | ast.Slice | ast.Starred
    | ast.Attribute | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda | ast.Call
)  # fmt: skip
_EXPRESSIONS: dict[type[ast.AST], str] = {ast.Await: "`await`", ast.NamedExpr: "an expression with `:=`"}


class ImpureError(Exception):
    """The expression calls something whose effect is not known. The text names it."""


def matches(expression: ast.expr, value: Any, namespace: dict[str, Any]) -> bool:
    """Return whether an expression of the source still gives `value`.

    Errors: ImpureError when the expression may not be evaluated again.
    """
    check_purity(expression, namespace)
    try:
        again = evaluate(expression, namespace)
    except Exception:
        return False
    return same_value(again, value)


def check_purity(expression: ast.expr, namespace: dict[str, Any]) -> None:
    """Raise ImpureError unless all that an expression does is to make a value of values."""
    nodes = list(walk(expression))
    bodies = {id(part) for node in nodes if isinstance(node, ast.Lambda) for part in walk(node.body)}
    targets = [node.target for node in nodes if isinstance(node, ast.comprehension)]
    variables = {part.id for target in targets for part in walk(target) if isinstance(part, ast.Name)}
    for node in nodes:
        if id(node) in bodies:  # runs when it is called
            if isinstance(node, ast.Name) and node.id in variables:
                raise ImpureError(f"a lambda over the loop's `{node.id}`")
            continue
        if isinstance(node, ast.expr) and not isinstance(node, _PLAIN):
            raise ImpureError(_EXPRESSIONS.get(type(node), "an expression of another kind"))
        if isinstance(node, ast.Call) and not (_is_text_method(node.func, variables) or _is_pure(node.func, namespace)):
            name = _name_call(node)
            is_magic = name.startswith("get_ipython(")
            raise ImpureError("a magic or a shell command (`%`, `!`)" if is_magic else f"`{name}`")


def _is_text_method(function: ast.expr, variables: set[str]) -> bool:
    """Return whether a call is that of a method of `str` on a variable of a comprehension."""
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in variables
        and hasattr(str, function.attr)
    )


def _is_pure(function: ast.expr, namespace: dict[str, Any]) -> bool:
    """Return whether the function of a call is one that may be called again. It is looked up, not called."""
    if any(isinstance(node, ast.Lambda) for node in walk(function)):
        return False
    if isinstance(function, ast.Attribute):
        check_purity(function.value, namespace)
    elif not isinstance(function, ast.Name | ast.Subscript):
        return False
    with contextlib.suppress(Exception):
        live = evaluate(function, namespace)
        live = getattr(live, "__origin__", live)  # `dict[str, int]()`
        return is_pure_call(live) or is_record(live)
    return False


def is_record(kind: Any) -> bool:
    """Return whether to construct a class only fills its fields: a dataclass, a NamedTuple, an Enum, a Struct or a
    model without code of its own for it.
    """
    if not isinstance(kind, type):
        return False
    own = [name for base in kind.__mro__ for name, value in vars(base).items() if _is_own_code(name, value)]
    names = {f"{base.__module__}.{base.__name__}" for base in kind.__mro__}
    record_bases = {"enum.Enum", "msgspec.Struct", "pydantic.main.BaseModel"} & names
    return not own and bool(record_bases or dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"))


def _is_own_code(name: str, value: Any) -> bool:
    """Return whether a method of construction was written by a user, not generated."""
    if name not in ("__init__", "__new__", "__post_init__", "model_post_init", "__attrs_post_init__"):
        return False
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    home = getattr(value, "__module__", None) or ""
    library_modules = ("pydantic", "msgspec", "enum", "typing", "collections", "namedtuple_")
    return code is not None and not code.co_filename.startswith("<string>") and not home.startswith(library_modules)


def evaluate(expression: ast.expr, namespace: dict[str, Any]) -> Any:
    """Return the value of an expression that was checked."""
    code = compile(ast.Expression(expression), "<value>", "eval", dont_inherit=True)
    return eval(code, dict(namespace))  # noqa: S307  # what it may do was checked


def describe_value(value: Any) -> str:
    """Return the type of a value, for a message; never the value, which may be a secret."""
    kind = type(value)
    if isinstance(value, types.ModuleType):
        return f"the module `{value.__name__}`"
    if isinstance(value, functools.partial):
        return "a `functools.partial` object"
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    return f"{'an' if name[0] in 'aeiou' else 'a'} `{name}`"


def _name_call(node: ast.expr) -> str:
    """Return what is called, without its arguments: these may be secrets."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name_call(node.value)}.{node.attr}"
    return f"{_name_call(node.func)}(...)" if isinstance(node, ast.Call) else "(...)"
