"""`ovenbird check`: load a function and print the contract that was resolved."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..command_line.data_stdout import reserve_stdout
from .verb_call import VerbCall

if TYPE_CHECKING:
    from ..function.target import Target
    from ..settings import Settings


def main(call: VerbCall) -> int:
    """Print the contract of the function and return the exit status."""
    target, settings = call.find_target(), call.settings
    if settings.strict and target.function:
        name = call.typed or os.environ.get("OVENBIRD_TARGET") or settings.source or "."
        _check_for_build(name, settings.source)
    return check(target, settings, call.name, as_json=call.flags["json"], with_imports=call.flags["imports"])


def check(target: Target, settings: Settings, name: str, *, as_json: bool, with_imports: bool = False) -> int:
    """Print the contract of a function and return the exit status. `name` is the target as it was typed.

    With `with_imports`, a report on its import follows, which this process has to make for the first time.
    """
    from ..api.contract import describe_function
    from ..function.describe import format_description

    with reserve_stdout():
        description = describe_function(target, settings, name, with_imports=with_imports)
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(description)).decode())
        return 0
    print(format_description(description))
    if with_imports:
        from .import_report import format_import_report

        print(f"\n{format_import_report(description['imports'])}")
    return 0


def _check_for_build(target: str, source: str) -> None:
    """Raise DocumentError for a document that a build would refuse; log a warning where no builder is installed."""
    try:
        if build := _find_builder():
            build(["check", target, *([f"--source={source}"] if source else [])])
            return
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in sys.modules:
            raise
    from ..common.install_hint import format_install_command  # and with it importlib.metadata

    logging.getLogger("ovenbird").warning(
        "%s",
        "--strict: what a build would refuse is not checked, as no builder is installed: "
        + format_install_command("build"),
    )


def _find_builder() -> Callable[[list[str]], int] | None:
    """Return the verb `build` of the builder, None where it is not installed."""
    from importlib.metadata import entry_points

    entries = list(entry_points(group="ovenbird.commands", name="build"))
    verb: Callable[[list[str]], int] | None = entries[0].load() if entries else None
    return verb
