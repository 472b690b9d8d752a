"""Find the names of the module's scope that a statement uses, as it runs or once its functions are called."""

from __future__ import annotations

import ast
import builtins
import functools
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from .statements import Statement
from .syntax_tree import list_children, parse_expression, parse_python, walk

# scopes of functions that run as soon as they are made
_AT_ONCE = ("genexpr", "listcomp", "setcomp", "dictcomp", "lambda")
_HOMES = (None, "builtins", "io", "_io", "_sitebuiltins")  # modules of Python's own builtins
# builtins that a notebook replaces by its own
_REPLACED = {"input", "open", "print", "breakpoint", "exit", "quit", "__import__"}


@dataclass(frozen=True, slots=True)
class UsedNames:
    """The names of the module's scope that a statement uses.

    `needed` are all that its code looks up; `at_once` those of them that have to exist when the statement runs;
    `in_hints` those that only annotations have, and `in_text` those in annotations that are written as text;
    `declared` those that its functions set by `global`.
    """

    needed: frozenset[str]
    at_once: frozenset[str]
    in_hints: frozenset[str]
    in_text: frozenset[str]
    declared: frozenset[str]


def find_used_names(statement: Statement) -> UsedNames:
    """Return the names that a statement uses. Its own scopes are resolved as the compiler does it."""
    return _analyze(statement.text)


@functools.lru_cache(maxsize=1024)
def _analyze(text: str) -> UsedNames:
    node = parse_python(text).body[0]
    try:
        table = symtable.symtable(text, "<statement>", "exec")
    except SyntaxError:  # `await` outside of a function, in a notebook
        names = frozenset(child.id for child in walk(node) if isinstance(child, ast.Name))
        return UsedNames(names, names, frozenset(), frozenset(), frozenset())
    needed = set(_list_reads(node, frozenset()))
    at_once = set(needed)
    declared: set[str] = set()
    for scope, is_at_once in _walk_scopes(table, True):
        if scope is table:
            continue
        for symbol in scope.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                needed.add(symbol.get_name())
                if is_at_once:
                    at_once.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                declared.add(symbol.get_name())
    if isinstance(node, ast.ClassDef):
        needed |= set(_list_read_before_bound(node))
        at_once |= needed & set(_list_read_before_bound(node))
    in_code = {child.id for child in _walk_code(node) if isinstance(child, ast.Name)}
    hints = list(_list_hints(node))
    in_hints = {name for hint in hints for name in _list_hint_names(hint, as_text=False)} & needed
    in_text = {name for hint in hints for name in _list_hint_names(hint, as_text=True)}
    return UsedNames(
        frozenset(needed & in_code),
        frozenset(at_once & in_code),
        frozenset(in_hints - in_code),
        frozenset(in_text - in_code),
        frozenset(declared),
    )


def _walk_scopes(table: symtable.SymbolTable, is_at_once: bool) -> Iterator[tuple[symtable.SymbolTable, bool]]:
    yield table, is_at_once
    for child in table.get_children():
        runs_now = not isinstance(child, symtable.Function) or child.get_name().strip("<>") in _AT_ONCE
        yield from _walk_scopes(child, is_at_once and runs_now)


def _list_reads(node: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    """Yield the names that a statement reads in the module's scope itself.

    Not by `symtable`: from Python 3.12 on, its table of a module has the variables of comprehensions too.
    """
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in bound:
            yield node.id
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for generator in node.generators:
            yield from _list_reads(generator.iter, bound)
            bound |= {child.id for child in walk(generator.target) if isinstance(child, ast.Name)}
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in (*results, *(test for generator in node.generators for test in generator.ifs)):
            yield from _list_reads(part, bound)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        bound |= {parameter.name for parameter in getattr(node, "type_params", ())}
        for field, value in ast.iter_fields(node):
            if field not in ("body", "type_params"):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from _list_reads(child, bound)
    elif type(node).__name__ != "TypeAlias":  # its value has a scope of its own
        for child in list_children(node):
            yield from _list_reads(child, bound)


def _list_read_before_bound(node: ast.ClassDef) -> Iterator[str]:
    """Yield names that a class body reads before it binds them, as in `limit = limit`: they are the module's."""
    reads: set[str] = set()
    bound: set[str] = set()
    for statement in node.body:
        names = list(_walk_body(statement))
        reads |= {name.id for name in names if isinstance(name.ctx, ast.Load)} - bound
        bound |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(statement.name)
    yield from reads & bound


def _walk_body(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names of a statement in a class body, without those of nested scopes."""
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in node.decorator_list:
            yield from _walk_body(decorator)
    elif not isinstance(node, ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for child in list_children(node):
            yield from _walk_body(child)


def _walk_code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, without annotations."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        hints = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        todo += [child for child in list_children(node) if child not in hints]


def _list_hints(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the annotations of a statement, and the value of an alias of a type."""
    for child in walk(node):
        if isinstance(child, ast.arg | ast.AnnAssign) and child.annotation:
            yield child.annotation
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.returns:
            yield child.returns
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Subscript | ast.BinOp):
        yield node.value


def _list_hint_names(hint: ast.AST, *, as_text: bool) -> Iterator[str]:
    """Yield the names in an annotation: those in its code, or with `as_text` those in text, as in `"list[Row]"`."""
    if isinstance(hint, ast.Name) and not as_text:
        yield hint.id
    elif isinstance(hint, ast.Constant) and isinstance(hint.value, str) and as_text:
        try:
            yield from _list_hint_names(parse_expression(hint.value.strip()).body, as_text=False)
        except (SyntaxError, ValueError):
            return
    elif not (as_text and isinstance(hint, ast.Subscript) and ast.unparse(hint.value).endswith("Literal")):
        for child in ast.iter_child_nodes(hint):
            yield from _list_hint_names(child, as_text=as_text)


def find_line(statement: Statement, name: str) -> int:
    """Return the line of the statement's unit that uses a name first; the statement's own when it is only in text."""
    lines = [
        child.lineno
        for child in walk(statement.node)
        if isinstance(child, ast.Name) and child.id == name and isinstance(child.ctx, ast.Load)
    ]
    return min(lines, default=0)


def is_builtin(name: str) -> bool:
    """Return whether a name is Python's own. Others add to `builtins`: IPython, gettext, debuggers."""
    if not hasattr(builtins, name):
        return False
    home = getattr(getattr(builtins, name), "__module__", None)
    return name in _REPLACED or (home in _HOMES and name != "__IPYTHON__")
