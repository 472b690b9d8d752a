"""Where the handler lies in a source."""

from __future__ import annotations

from ovenbird.function_document import FunctionSpec


def derive_module_path(function: FunctionSpec) -> str:
    """Return the path of the file of the handler's module, if that is no package."""
    module = function.handler.rpartition(":")[0] or function.default_module
    return module.replace(".", "/") + ".py"
