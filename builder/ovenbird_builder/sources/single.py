"""What a source that is one file is called in the tree, so that the handler's module finds it."""

from __future__ import annotations

import re

from ovenbird.common.text import show_value
from ovenbird.function_document import MODULE, FunctionSpec

from ..errors import SourceError

_DEFAULT = "main"  # what a bare handler means where the source is not local


def choose_file_name(function: FunctionSpec, name: str, origin: str) -> tuple[str, tuple[str, ...]]:
    """Return the file's name in the tree, and warnings. It keeps its own, unless only `main.py` can be meant.

    Errors: SourceError when the handler names a module that this file cannot be.
    """
    module = function.handler.rpartition(":")[0]
    stem = name.removesuffix(".py") if name.endswith(".py") else ""
    if stem and (module == stem or (stem.isidentifier() and not module)):
        return name, ()
    if module in ("", _DEFAULT):
        why = "" if stem.isidentifier() else f"{show_value(name)} is not the name of a module"
        return f"{_DEFAULT}.py", (f"{origin}: {why}; it is kept as {_DEFAULT}.py",) if why else ()
    raise SourceError(
        f"{origin}: the handler {show_value(function.handler)} names the module {show_value(module)},"
        f" and the source is one file, {show_value(name)}",
        hint=f"write {stem}:{function.handler.rpartition(':')[2]}"
        if re.fullmatch(MODULE, stem) and "." not in stem
        else "rename the file",
    )
