"""`--reload`: replace the workers when a file below the source folder changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ...errors import SettingsError

_SUFFIXES = (".py", ".yaml", ".yml", ".json", ".toml", ".txt")
_IGNORED = frozenset(
    (".venv", "venv", "node_modules", "__pycache__", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache")
)


def watch(roots: list[Path], changed: Callable[[], None]) -> None:
    """Call `changed` from a thread whenever files below `roots` change. Errors: SettingsError without watchfiles."""
    try:
        import watchfiles
    except ImportError:
        from ...common.install_hint import format_install_command

        raise SettingsError(
            "`--reload` needs the package `watchfiles`", hint=format_install_command("reload")
        ) from None

    def is_watched(_: object, path: str) -> bool:
        file = Path(path)
        return file.suffix in _SUFFIXES and any(
            file.is_relative_to(root) and not _IGNORED & set(file.relative_to(root).parts) for root in roots
        )

    def look() -> None:
        for changes in watchfiles.watch(*roots, watch_filter=is_watched, debounce=200, raise_interrupt=False):
            names = sorted({Path(path).name for _, path in changes})
            logging.getLogger("ovenbird").info("changed: %s; reloading", ", ".join(names[:5]))
            changed()

    threading.Thread(target=look, name="ovenbird-reload", daemon=True).start()
