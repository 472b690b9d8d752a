"""What other packages do for the API, by the entry points `ovenbird.actions`: the runtime never imports the builder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ..common.text import show_value
from ..errors import SettingsError


@contextlib.contextmanager
def open_action(name: str) -> Iterator[Callable[..., Any]]:
    """Yield the function of an action, such as `build`.

    Errors: SettingsError where the builder is not installed, or a package that it needs is not, in the block too.
    """
    from importlib.metadata import entry_points

    from ..common.install_hint import format_install_command

    entries = list(entry_points(group="ovenbird.actions", name=name))
    if not entries:
        raise SettingsError(
            "the builder, which makes and runs images, is not installed here", hint=format_install_command("build")
        )
    try:
        yield entries[0].load()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in sys.modules:
            raise
        raise SettingsError(
            f"the builder needs the package {show_value(error.name)}", hint=format_install_command("build")
        ) from None
