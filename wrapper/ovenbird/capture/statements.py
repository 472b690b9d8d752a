"""Top-level statements of the source: the text of each, and the names that it binds."""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Iterator
from dataclasses import dataclass

from .comparison import FUTURE_ANNOTATIONS, iterate_code
from .source_units import SourceUnit
from .syntax_tree import list_children, parse_python, walk

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One top-level statement of a unit, with the comments right above it. `index` counts those of the unit."""

    unit: SourceUnit
    node: ast.stmt
    index: int
    text: str
    binds: frozenset[str]

    @property
    def key(self) -> tuple[int, int]:
        """What the statements of a module are sorted by."""
        return (self.unit.position, self.index)

    def locate(self, line: int = 0) -> str:
        """Return where the statement, or a line of its unit, stands: `cell 4, line 3`."""
        return f"{self.unit.label}, line {line or first_line(self.node)}"


def first_line(node: ast.stmt) -> int:
    """Return the first line of a statement, that of its first decorator."""
    decorators = node.decorator_list if isinstance(node, _Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def parse_unit(unit: SourceUnit) -> list[Statement]:
    """Return the top-level statements of a unit; none when it does not parse, since then it never ran."""
    return [
        Statement(unit, node, index, text, binds) for index, (node, text, binds) in enumerate(_parse_text(unit.text))
    ]


@functools.lru_cache(maxsize=256)
def _parse_text(text: str) -> tuple[tuple[ast.stmt, str, frozenset[str]], ...]:
    try:
        tree = compile(text, "<source>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):
        return ()
    body = tree.body
    lines = text.split("\n")
    statements = []
    for index, node in enumerate(body):
        before = body[index - 1].end_lineno or 0 if index else 0
        after = first_line(body[index + 1]) if index + 1 < len(body) else len(lines) + 1
        statements.append((node, _cut_statement(text, lines, node, before, after), frozenset(list_bindings(node))))
    return tuple(statements)


def _cut_statement(text: str, lines: list[str], node: ast.stmt, before: int, after: int) -> str:
    """Return the lines of a statement. `before` is where the one above ends, `after` where the next one begins."""
    begin, end = first_line(node), node.end_lineno or node.lineno
    if begin == before or end == after:  # several on a line, with semicolons
        return ast.get_source_segment(text, node) or ""
    while begin - 1 > before and lines[begin - 2].startswith("#") and not _is_file_comment(lines[begin - 2], begin - 1):
        begin -= 1
    last = lines[end - 1]
    # a semicolon at the end of a cell's line keeps a notebook from showing its value
    return "\n".join([*lines[begin - 1 : end - 1], last]).rstrip()


def _is_file_comment(line: str, number: int) -> bool:
    """Return whether a comment says something of the file: the interpreter, the coding, a cell's mark."""
    return line.startswith(("#!", "# %%", "#%%")) or (number <= 2 and "coding" in line)


def list_bindings(node: ast.AST) -> Iterator[str]:
    """Yield the names that a top-level statement binds when it runs."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield from _list_own_bindings(node)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            yield from (child.target.id for child in walk(node) if isinstance(child, ast.NamedExpr))
        elif isinstance(node, _Definition):
            todo += node.decorator_list
        elif not (isinstance(node, ast.AnnAssign) and node.value is None):
            todo += list_children(node)


def _list_own_bindings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, _Definition):
        yield node.name
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names if node.module != "__future__")
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def is_name_guard(node: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(isinstance(part, ast.Name) and part.id == "__name__" for part in walk(node.test))
    )


def is_type_checking(node: ast.AST) -> bool:
    """Return whether a node is `if TYPE_CHECKING:`, whose body only type checkers read."""
    if not isinstance(node, ast.If):
        return False
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def find_codes(statement: Statement, name: str, line: int, flags: int) -> list[types.CodeType]:
    """Return the code of the definition of `name` at a line of the statement's unit, compiled with these futures."""
    codes = _compile(statement, flags)
    return [code for code in codes if code.co_name == name and code.co_firstlineno == line]


def list_code(statement: Statement, flags: int) -> list[types.CodeType]:
    """Return all code objects of a statement, those of nested functions too."""
    begin, end = first_line(statement.node), statement.node.end_lineno or 0
    codes = _compile(statement, flags)
    return [code for code in codes if begin <= code.co_firstlineno <= end]


def _compile(statement: Statement, flags: int) -> tuple[types.CodeType, ...]:
    """Return all code of a statement's unit, that of a cell twice.

    A notebook compiles a cell statement by statement, `%%time` as a whole. Python calls what a name holds by other
    instructions where the name's import is part of what is compiled.
    """
    flags &= FUTURE_ANNOTATIONS
    codes = _compile_unit(statement.unit.text, flags)
    return codes if statement.unit.path else codes + _compile_statements(statement.unit.text, flags)


@functools.lru_cache(maxsize=256)
def _compile_statements(text: str, flags: int) -> tuple[types.CodeType, ...]:
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        modules = [ast.Module([node], []) for node in parse_python(text).body]
        codes = [compile(module, "<source>", "exec", flags, dont_inherit=True) for module in modules]
    except (SyntaxError, ValueError):
        return ()
    return tuple(inner for code in codes for inner in iterate_code(code))


@functools.lru_cache(maxsize=256)
def _compile_unit(text: str, flags: int) -> tuple[types.CodeType, ...]:
    try:
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return tuple(iterate_code(compile(text, "<source>", "exec", flags, dont_inherit=True)))
    except (SyntaxError, ValueError):
        return ()
