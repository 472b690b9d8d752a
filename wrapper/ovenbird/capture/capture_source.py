"""Capture a function as the text of a module, which can be recorded, locked and built. Nothing is pickled.

A function of a module of the user's own is that module's file, as it is. A function of an installed distribution is a
module that imports it. A function of a notebook, a script or a REPL is put together from the statements that it needs.
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import CaptureError
from .captured_module import CapturedModule
from .changed_files import check_module
from .collector import Collector
from .comparison import same_code
from .definitions import list_layers
from .imported_modules import find_owner, format_requirement, sort_imports
from .location import Location, locate_function, nested_error
from .module_text import join_statements, order_statements
from .source_units import SourceUnit, describe_origin, find_units, read_file
from .statements import Statement
from .syntax_tree import walk

_LIFECYCLE = ("init", "close")  # what a handler's module may have beside it
_FALLBACK_NAMES = ("main", "notebook", "captured")


def capture_source(function: Any, *, init: str = "init") -> CapturedModule:
    """Return the text of a module that holds a function, with what has to be there for it to run.

    `init` names the function that is called before the handler; it and `close` come along where they are defined.

    Errors: CaptureError for what has no source, or whose source is not what is in effect: the message has the name,
    its line, and what to do.
    """
    location = locate_function(function)
    namespace = location.namespace
    module = sys.modules.get(str(namespace.get("__name__")))
    is_imported = (
        module is not None and vars(module) is namespace and module.__name__ not in ("__main__", "__mp_main__")
    )
    if is_imported and module is not None:
        if _is_installed(module.__name__):
            return _import_installed(module.__name__, location.name)
        return _take_file(module, location)
    try:
        return _put_together(function, location, init)
    except RecursionError:
        raise CaptureError(
            f"`{location.name}`: an expression in its source is nested too deeply",
            name=location.name,
            hint="split it into several statements",
        ) from None


def _is_installed(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names or bool(find_owner(name))


def _import_installed(module: str, name: str) -> CapturedModule:
    """Return a module that imports a function of an installed distribution, which becomes a requirement."""
    owners = [] if module.partition(".")[0] in sys.stdlib_module_names else find_owner(module)
    requirements = tuple(sorted(map(format_requirement, owners)))
    return CapturedModule(f"from {module} import {name}\n", name, "main.py", requirements=requirements)


def _take_file(module: types.ModuleType, location: Location) -> CapturedModule:
    """Return the whole file of a user's module, after a check that the function is the one in it."""
    name, file = location.name, getattr(module, "__file__", None)
    text = read_file(file, location.namespace) if file and not file.endswith((".so", ".pyc")) else None
    if text is None:
        where = f"`{file}` cannot be read as text" if file else "it has no file"
        raise CaptureError(
            f"`{name}`: there is no source of its module `{module.__name__}`: {where}",
            name=name,
            hint="capture a function of a `.py` file or of a cell",
        )
    path = Path(file or "").absolute()
    parts = module.__name__.split(".")
    if path.stem == "__init__":
        parts.append("__init__")
    is_file = path.is_file()
    if not is_file and len(parts) > 1:
        raise CaptureError(
            f"`{name}` is of the package `{parts[0]}`, which lies in no folder but in `{file}`",
            name=name,
            hint="unpack the archive, or install it as a distribution",
        )
    check_module(module, file or "", text)
    imports = sort_imports(text, parts[0], path.parents[len(parts) - 2] if len(parts) > 1 else None)
    return CapturedModule(
        text,
        name,
        str(Path(*parts).with_suffix(".py")),
        path if is_file else None,
        tuple(sorted(imports.requirements)),
        imports.list_local(),
        tuple(sorted(imports.unresolved)),
    )


def _put_together(function: Any, location: Location, init: str) -> CapturedModule:
    """Return a module of the statements that a function of a notebook, a script or a REPL needs."""
    namespace, name = location.namespace, location.name
    layers = list_layers(function)
    units = find_units(namespace, location.code_file)
    collector = Collector(namespace, units)
    statement, refusal = collector.find_binding(name)
    newest = statement or collector.newest(name)
    if newest is not None and isinstance(newest.node, ast.Assign | ast.AnnAssign) and (error := nested_error(function)):
        raise error
    if statement is None:
        if refusal is not None:
            last = collector.newest(name)
            assert last is not None
            raise CaptureError(
                f"`{name}` {refusal.reason} ({last.locate(refusal.line)})",
                name=name,
                line=refusal.line,
                hint=refusal.hint,
            )
        raise _no_source_error(name, layers)
    collector.add(name, statement)
    for other in (init, _LIFECYCLE[1]):
        if other != name and isinstance(namespace.get(other), types.FunctionType) and collector.newest(other):
            collector.request(other, statement)
    statements = collector.collect()
    _refuse_relative_imports(name, statements)
    _check_wrappers(collector)
    text = join_statements(order_statements(statements, collector), collector.find_future_flags())
    imports = sort_imports(text)
    return CapturedModule(
        text,
        name,
        f"{_choose_module(statement.unit, imports.local_modules)}.py",
        None,
        tuple(sorted(imports.requirements)),
        imports.list_local(),
        tuple(sorted(imports.unresolved)),
    )


def _refuse_relative_imports(name: str, statements: list[Statement]) -> None:
    for statement in statements:
        for node in walk(statement.node):
            if isinstance(node, ast.ImportFrom) and node.level:
                module = f"{'.' * node.level}{node.module or ''}"
                raise CaptureError(
                    f"`{name}` needs `from {module} import` ({statement.locate(node.lineno)}), which a module without a"
                    " package cannot do",
                    name=module,
                    line=node.lineno,
                    hint="name the module in full: `from package.module import name`",
                )


def _check_wrappers(collector: Collector) -> None:
    """Raise CaptureError when what wraps a function is not what its decorator's source makes now."""
    for name, layer in collector.list_live_functions():
        codes = collector.list_code(layer.__code__.co_flags)
        if not any(same_code(code, layer.__code__) for code in codes):
            wrapper, line = layer.__code__.co_name, layer.__code__.co_firstlineno
            raise CaptureError(
                f"`{name}` is made with `{wrapper}` (line {line} of its cell or file), which was changed since",
                name=name,
                line=line,
                hint=f"run the cell of `{name}` again",
            )


def _no_source_error(name: str, layers: list[types.FunctionType]) -> CaptureError:
    codes = [layer.__code__ for layer in layers]
    return CaptureError(
        f"`{name}` has no source: {describe_origin(codes[-1]) if codes else 'no cell or file defines it'}",
        name=name,
        line=codes[-1].co_firstlineno if codes else 0,
        hint="write it into a file, or into a cell of a notebook",
    )


def _choose_module(unit: SourceUnit, local_modules: Collection[str]) -> str:
    """Return the name of the new module: the script's, unless a module that it imports is called so."""
    names = [unit.path.stem] if unit.path else []
    reserved_names = {*local_modules, *sys.stdlib_module_names}
    return next(name for name in (*names, *_FALLBACK_NAMES) if name.isidentifier() and name not in reserved_names)
