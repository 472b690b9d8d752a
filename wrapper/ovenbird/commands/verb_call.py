"""The arguments of a verb of the runtime: its settings and flags, its target, the log and the project."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command_line.error_report import report_error
from ..common.text import show_value
from ..errors import OvenbirdError

if TYPE_CHECKING:
    from ..function.target import Target
    from ..logging_config import LogHandler
    from ..settings import Settings

_IMAGE = Path("/opt/ovenbird")  # where an image of ours has the runtime, and the function document that was built in


@dataclass(frozen=True)
class VerbCall:
    """One call of `serve`, `run`, `check`, `invoke` or `processor`.

    `overrides` names the settings that a flag or a variable sets; `flags` holds the flags that are not settings;
    `typed` is the target as it was typed, None without one.
    """

    settings: Settings
    overrides: frozenset[str]
    lines: LogHandler
    flags: dict[str, Any]
    typed: str | None

    @property
    def name(self) -> str:
        """Return the target as people call it."""
        return self.typed or os.environ.get("OVENBIRD_TARGET") or "."

    def report(self, error: OvenbirdError) -> int:
        """Report why the verb ends and return the exit status."""
        return report_error(error, self.lines, pod=True)

    def is_named_by_platform(self) -> bool:
        """Return whether the run that the platform has started says itself what is to be run."""
        if self.typed or not os.environ.get("RUN_ID") or os.environ.get("OVENBIRD_TARGET"):
            return False
        from ..job.entrypoint import is_remote

        return is_remote(self.settings, os.environ)

    def find_target(self) -> Target:
        """Return the target, read anew. Errors: DocumentError, LoadError; each names the variable that was wrong."""
        from ..function.target import default_target, parse
        from ..function_document import refuse_unknown_fields

        settings = self.settings
        named = self.typed or os.environ.get("OVENBIRD_TARGET") or settings.source
        try:
            target = parse(named or default_target(Path(), _IMAGE), settings.source)
        except OvenbirdError as error:
            if named and not self.typed and error.message.startswith(show_value(named)):
                origin = "OVENBIRD_TARGET" if os.environ.get("OVENBIRD_TARGET") else "--source or OVENBIRD_SOURCE"
                raise type(error)(f"{origin}: {error.message}", hint=error.hint) from None
            raise
        if target.function and target.function.unknown:
            if settings.strict:
                refuse_unknown_fields(target.function)
            for problem in target.function.unknown:
                logging.getLogger("ovenbird").warning("%s", f"function document: {problem}")
        return target


def make_project_opener(target: Target, settings: Settings) -> Callable[[], Any]:
    """Return what opens the project of a service, when its function asks for it."""

    def open_project() -> Any:
        from ..platform.project.project import Project, resolve_project_name
        from ..platform.store_factory import open_store

        name = resolve_project_name(settings.project, os.environ, target.function.project if target.function else "")
        return Project(open_store(settings.platform, os.environ, settings.platform_patience), name, os.environ)

    return open_project
