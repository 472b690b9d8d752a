"""Collect the statements of the source that a function needs, those that they need, and so on."""

from __future__ import annotations

import ast
import sys
import types
import typing
from collections import deque
from dataclasses import dataclass
from typing import Any

from ..common.did_you_mean import did_you_mean
from ..errors import CaptureError
from .bindings import check_binding, is_pure_binding
from .comparison import FUTURE_ANNOTATIONS
from .definitions import GENERATED, Refusal, list_layers
from .source_units import SourceUnit
from .statements import Statement, first_line, is_type_checking, list_code, parse_unit
from .syntax_tree import walk
from .used_names import find_line, find_used_names, is_builtin

# names that every module has; `__file__` is not among them, since the captured module lies elsewhere
_OF_MODULES = {"__name__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__debug__"}
_NOTEBOOK = "leave out what only a notebook has (`%`, `!`, `display`), or do it in another cell"
_NOTEBOOK_NAMES = {"get_ipython", "display", "In", "Out"}
_TYPES = (type, types.GenericAlias, types.UnionType, typing.TypeVar)


@dataclass(frozen=True, slots=True)
class Use:
    """Where a name is used: by the statement that binds `user`, which is empty for what only comes along."""

    user: str
    statement: Statement
    name: str

    @property
    def line(self) -> int:
        """The line of the unit."""
        return find_line(self.statement, self.name) or first_line(self.statement.node)

    def __str__(self) -> str:
        if not self.user:
            return f"`{self.name}` comes along with the function"
        return f"`{self.user}` uses `{self.name}` ({self.statement.locate(self.line)})"


class Collector:
    """Collects statements from the units that ran in a namespace.

    Definitions and imports come first: which names a function sets by `global` has to be known before values are
    compared with their source.
    """

    def __init__(self, namespace: dict[str, Any], units: list[SourceUnit]) -> None:
        self.namespace = namespace
        self.statements = [statement for unit in units for statement in parse_unit(unit)]
        self._bindings: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.binds:
                self._bindings.setdefault(name, []).append(statement)
        self._collected: dict[tuple[int, int], Statement] = {}
        self._bound_by: dict[str, list[Statement]] = {}
        self._declared: set[str] = set()
        self._definitions: deque[Use] = deque()
        self._values: deque[Use] = deque()
        self._seen: set[str] = set()

    def find_binding(self, name: str) -> tuple[Statement | None, Refusal | None]:
        """Return the statement that gave a name its value; else None, and why the newest one did not."""
        refusal: Refusal | None = None
        for statement in reversed(self._bindings.get(name, [])):
            reason = check_binding(statement, name, self.namespace)
            if reason is None or (reason.is_unknown and refusal is None):  # the newest has the benefit of the doubt
                return statement, None
            refusal = refusal or reason
        return None, refusal

    def add(self, name: str, statement: Statement) -> None:
        """Collect the statement that binds a name, and ask for the names that it uses."""
        self._bound_by.setdefault(name, [])
        if statement not in self._bound_by[name]:
            self._bound_by[name].append(statement)
        if self._collected.get(statement.key) is not None:
            return
        self._collected[statement.key] = statement
        used = find_used_names(statement)
        self._declared |= used.declared
        for used_name in sorted(used.needed):
            self._ask(Use(name, statement, used_name))
        for used_name in sorted(used.in_hints | used.in_text):
            # postponed annotations may have names that exist nowhere
            if self._is_type(used_name) or (used_name in used.in_hints and used_name in self.namespace):
                self._ask(Use(name, statement, used_name))

    def collect(self) -> list[Statement]:
        """Follow all names that were asked for, and return the statements.

        Errors: CaptureError for a name that cannot be captured.
        """
        while self._definitions or self._values:
            use = self._definitions.popleft() if self._definitions else self._values.popleft()
            for statement in self._resolve(use):
                self.add(use.name, statement)
                for attached in self._list_attached(use.name, statement):
                    self.add(use.name, attached)
        return list(self._collected.values())

    def list_needed(self, statement: Statement, *, at_once: bool) -> list[Statement]:
        """Return the collected statements that bind what a statement uses; with `at_once` what it needs as it runs."""
        used = find_used_names(statement)
        names = (used.at_once if at_once else used.needed) | used.in_hints
        statements = {
            other.key: other for name in names for other in self._bound_by.get(name, []) if other is not statement
        }
        return [statements[key] for key in sorted(statements)]

    def newest(self, name: str) -> Statement | None:
        """Return the last statement that binds a name, whether it is in effect or not; None when none does."""
        return next(reversed(self._bindings.get(name, [])), None)

    def request(self, name: str, by: Statement) -> None:
        """Ask for a name that belongs to the module without being used by what is in it."""
        self._ask(Use("", by, name))

    def list_live_functions(self) -> list[tuple[str, types.FunctionType]]:
        """Return the functions of the session that are collected, by name, with those that wrap them.

        What a library generates, such as the `__init__` of a data class, has no source and is left out.
        """
        functions: list[tuple[str, types.FunctionType]] = []
        for name in self._bound_by:
            value = self.namespace.get(name)
            members = list(vars(value).values()) if isinstance(value, type) else [value]
            functions += [
                (name, layer)
                for member in members
                for layer in list_layers(member)
                if layer.__globals__ is self.namespace and not layer.__code__.co_filename.startswith(GENERATED)
            ]
        return functions

    def find_future_flags(self) -> int:
        """Return the flag of postponed annotations when any collected function was compiled with it; else 0."""
        flags = 0
        for _, function in self.list_live_functions():
            flags |= function.__code__.co_flags & FUTURE_ANNOTATIONS
        return flags

    def list_code(self, flags: int) -> list[types.CodeType]:
        """Return all code objects of the collected statements."""
        return [code for statement in self._collected.values() for code in list_code(statement, flags)]

    def _ask(self, use: Use) -> None:
        if use.name in self._seen or use.name in _OF_MODULES:
            return
        self._seen.add(use.name)
        value = self.namespace.get(use.name)
        is_definition = isinstance(value, types.FunctionType | types.ModuleType | type)
        (self._definitions if is_definition else self._values).append(use)

    def _is_type(self, name: str) -> bool:
        """Return whether a name that only annotations use is a type, or one that only type checkers import."""
        if name in self.namespace:
            value = self.namespace[name]
            return isinstance(value, _TYPES) or type(value).__module__ == "typing"
        return any(is_type_checking(statement.node) for statement in self._bindings.get(name, []))

    def _resolve(self, use: Use) -> list[Statement]:
        name = use.name
        candidates = self._bindings.get(name, [])
        if name not in self.namespace:
            guarded = [statement for statement in candidates if is_type_checking(statement.node)]
            if guarded or name in self._declared:
                return guarded[-1:]
            if is_builtin(name):
                self._refuse_dynamic(use)
                return []
            raise self._missing_error(use, candidates)
        statement, refusal = self.find_binding(name)
        if statement is not None:
            return self._list_submodule_imports(name, statement)
        if name in self._declared:  # a function that is captured sets it
            return [other for other in reversed(candidates) if is_pure_binding(other, self.namespace)][:1]
        if refusal is not None:
            where = candidates[-1].locate(refusal.line)
            raise CaptureError(f"{use}, which {refusal.reason} ({where})", name=name, line=use.line, hint=refusal.hint)
        if is_builtin(name) and not candidates:
            self._refuse_dynamic(use)
            return []
        raise self._unbound_error(use)

    def _list_submodule_imports(self, name: str, statement: Statement) -> list[Statement]:
        """Return the statement, and for `import a.b` every other import below `a`: they all bind `a`."""
        if not isinstance(statement.node, ast.Import):
            return [statement]
        texts = {statement.text: statement}
        for other in self._bindings[name]:
            if (
                isinstance(other.node, ast.Import)
                and any("." in alias.name and not alias.asname for alias in other.node.names)
                and check_binding(other, name, self.namespace) is None
            ):
                texts.setdefault(other.text, other)
        return list(texts.values())

    def _list_attached(self, name: str, statement: Statement) -> list[Statement]:
        """Return functions that are registered with a captured one: `@area.register`, as `singledispatch` has it."""
        if isinstance(statement.node, ast.Import | ast.ImportFrom):
            return []
        attached: dict[str, Statement] = {}
        for other in self.statements:
            decorators = getattr(other.node, "decorator_list", [])
            if any(_root(decorator) == name for decorator in decorators if not isinstance(decorator, ast.Name)):
                attached[other.text] = other
        return [other for other in attached.values() if other is not statement]

    @staticmethod
    def _refuse_dynamic(use: Use) -> None:
        """Refuse `globals()`: which names it reaches cannot be seen."""
        if use.name == "globals":
            raise CaptureError(
                f"{use}: which names it reaches cannot be seen",
                name=use.name,
                line=use.line,
                hint="use the names themselves, or a dictionary",
            )

    def _missing_error(self, use: Use, candidates: list[Statement]) -> CaptureError:
        if use.name == "__file__":
            reason, hint = "which a notebook does not have", "pass the file or the folder as an input"
        elif use.name in _NOTEBOOK_NAMES:
            reason, hint = "which only a notebook has", _NOTEBOOK
        elif candidates:
            reason = f"which was bound ({candidates[-1].locate()}) and is not there: it was deleted, or its cell failed"
            hint = "run its cell again, or remove the use"
        else:
            reason = "which is not defined"
            hint = did_you_mean(use.name, self.namespace) or "define or import it before the function is captured"
        return CaptureError(f"{use}, {reason}", name=use.name, line=use.line, hint=hint)

    def _unbound_error(self, use: Use) -> CaptureError:
        """Return the error for a name that has a value and that no statement of the source binds."""
        name = use.name
        if name == "__file__":
            reason = "the path of the script, and the captured module lies elsewhere"
            hint = "pass the file or the folder as an input"
        elif name in _NOTEBOOK_NAMES or _is_of_ipython(self.namespace[name]):
            reason, hint = "which only a notebook has", _NOTEBOOK
        elif star := self._find_star_import(name):
            reason = f"which comes from a star import ({star.locate()})"
            module = next(module for module in _list_star_modules(star) if hasattr(sys.modules.get(module), name))
            hint = f"import it by name: `from {module} import {name}`"
        else:
            reason = "which no statement of the source binds: it was set by `globals()`, `exec` or a magic"
            hint = "define it by a statement of its own, or pass it as a parameter"
        return CaptureError(f"{use}, {reason}", name=name, line=use.line, hint=hint)

    def _find_star_import(self, name: str) -> Statement | None:
        for statement in reversed(self._bindings.get("*", [])):
            if any(hasattr(sys.modules.get(module), name) for module in _list_star_modules(statement)):
                return statement
        return None


def _list_star_modules(statement: Statement) -> list[str]:
    """Return the modules whose names a statement imports by a star."""
    nodes = [node for node in walk(statement.node) if isinstance(node, ast.ImportFrom)]
    return [node.module or "" for node in nodes if any(alias.name == "*" for alias in node.names)]


def _root(node: ast.expr) -> str:
    """Return the name that a decorator such as `app.get("/")` begins with, if it is an attribute of that name."""
    if isinstance(node, ast.Call):
        node = node.func
    if not isinstance(node, ast.Attribute):
        return ""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_of_ipython(value: Any) -> bool:
    return (getattr(value, "__module__", None) or type(value).__module__ or "").startswith(("IPython", "ipykernel"))
