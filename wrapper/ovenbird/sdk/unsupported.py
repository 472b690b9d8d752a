"""What only a platform can do, by the names of its SDK: each function is there, and raises one error when called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..common.text import show_value
from ..platform.unsupported_names import platform_only_error

_VERBS = ("create", "delete", "get", "import", "list", "load", "log", "new", "refresh", "search", "set", "update")
_CLIENT = (
    "get_credentials_and_config", "get_current_profile", "get_k8s_resource_profiles", "get_s3_client",
    "get_sql_engine", "get_store_by_entity", "refresh_token", "set_current_profile",
)  # fmt: skip
_CREATED_BY_RUNS = ("new_run", "import_run")


def find_unsupported(name: str) -> Callable[..., Any]:
    """Return a function that raises PlatformOnlyError. Errors: AttributeError for a name that the SDK lacks too."""
    words = name.split("_")
    if words[0] not in _VERBS or not _find_reason(name):
        raise AttributeError(f"module 'ovenbird' has no attribute {show_value(name)}", name=name)

    def call(*args: object, **kwargs: object) -> NoReturn:
        del args, kwargs
        raise platform_only_error(f"ovenbird.{name}", _find_reason(name))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Raise PlatformOnlyError: {_find_reason(name)}."
    return call


def _find_reason(name: str) -> str:
    from ..platform.unsupported_names import find_part_reason

    if name in _CLIENT:
        return "it is about the platform's own client; variables and `~/.dhcore.ini` say how Ovenbird signs in"
    if name in _CREATED_BY_RUNS:
        return "`function.run` creates a run"
    if name == "import_project":
        return "`get_or_create_project`, and `import_*` of each entity"
    if name.startswith("load_"):
        return f"`{name.replace('load_', 'import_')}` adds what a file describes"
    return find_part_reason(name)
