"""Refuse a module whose file was changed after its import: what runs in the session is not what would be recorded."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ..errors import CaptureError
from .comparison import iterate_code, same_code
from .definitions import list_layers
from .source_units import read_file


def check_modules(name: str, path: Path) -> None:
    """Check the modules of a local file or folder that are imported, as `check_module` does; `name` is the top one."""
    for module_name in sorted(sys.modules):
        if module_name == name or module_name.startswith(f"{name}."):
            module = sys.modules[module_name]
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file.endswith(".py") and Path(file).absolute().is_relative_to(path):
                text = read_file(file)
                if text is not None:
                    check_module(module, file, text)


def check_module(module: types.ModuleType, file: str, text: str) -> None:
    """Raise CaptureError unless each function of a module is in the text that its file has now. Lines may have moved.

    Functions that the module has by other ways than by this file are passed over.
    """
    if type(getattr(module.__spec__, "loader", None)).__name__ == "AssertionRewritingHook":
        return  # pytest compiles the file in its own way
    hint = f"load it again: `importlib.reload({module.__name__})`, or restart the session"
    try:
        codes = _compile_codes(text, file)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        message = f"`{file}` was changed after it was imported, and does not compile: line {line}"
        raise CaptureError(message, name=module.__name__, line=line, hint="mend it, and load it again") from None
    for name, function in _list_functions(module):
        code = function.__code__
        if code.co_filename == file and not any(
            other.co_name == code.co_name and same_code(other, code) for other in codes
        ):
            raise CaptureError(
                f"`{name}` is not what `{file}` has now: the file was changed after it was imported",
                name=name,
                line=code.co_firstlineno,
                hint=hint,
            )


@lru_cache(maxsize=256)
def _compile_codes(text: str, file: str) -> list[types.CodeType]:
    """Return the code of a module and of all functions in it. Runs of one function compile its modules once."""
    return list(iterate_code(compile(text, file, "exec", dont_inherit=True)))


def _list_functions(module: types.ModuleType) -> Iterator[tuple[str, types.FunctionType]]:
    """Yield the functions of a module and of its classes by name, with what their decorators wrap."""
    for name, value in list(vars(module).items()):
        is_own_class = isinstance(value, type) and value.__module__ == module.__name__
        members = vars(value).items() if is_own_class else [(name, value)]
        for member_name, member in list(members):
            for layer in list_layers(member):
                if layer.__globals__ is vars(module):
                    yield f"{name}.{member_name}" if is_own_class else name, layer
