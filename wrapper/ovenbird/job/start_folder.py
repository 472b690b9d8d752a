"""Paths of a run's settings, as they were meant where it was started: the function may go to another folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..common.named_paths import exists
from ..settings import Settings


def absolute_path(text: str) -> str:
    """Return a relative path as an absolute one. A URL, `-`, a path with `~` and `""` stay as they are."""
    if not text or text == "-" or text.startswith(("/", "~")) or "://" in text:
        return text
    try:
        return os.path.join(os.getcwd(), text)  # noqa: PTH109, PTH118  # a slash at the end stays
    except OSError:  # the current folder was removed
        return text


def _expand_home(text: str) -> str:
    """Return a path with `~` at its start replaced by the home folder: a shell does not expand `--result-file=~/x`."""
    return os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111  # keeps what it cannot expand


def absolute_settings(settings: Settings) -> Settings:
    """Return the settings with absolute paths for the files that are written at the end."""
    paths = {
        "result_file": _expand_home(absolute_path(settings.result_file)),
        "output_dir": absolute_path(settings.output_dir),
        "files_store": absolute_path(settings.files_store),
    }
    changed: dict[str, Any] = {name: path for name, path in paths.items() if path != getattr(settings, name)}
    return replace(settings, **changed) if changed else settings  # a copy of 80 fields costs every run


def absolute_inputs(inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs with absolute paths for those that are existing files. All others stay as they are."""
    return {name: absolute_path(text) if exists(text) else text for name, text in inputs.items()}


def absolute_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables with an absolute path for the files store."""
    name = "DHCORE_DEFAULT_FILES_STORE"
    return {**environ, name: absolute_path(environ[name])} if environ.get(name) else {**environ}
