"""Put the files of an entity where they belong, and record them: CREATED, then READY, or ERROR with the reason."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ovenbird.errors import OutputError, OvenbirdError

from . import files
from .copying import writing
from .material import Material, scratch

Write = Callable[[Path], str | None]
"""Writes the file it is given; returns the digest, when it has one."""


def deposit(entity: Material, target: str, environ: Mapping[str, str], content: Sequence[Path] | Write) -> None:
    """Store `content` (local files and folders, or what writes the one file it is given) as the files of a new entity.

    `target` is the URL of a file, or of a folder and ends in `/`. The entity is recorded before, and READY after; when
    that fails it stays as ERROR, with the reason. OutputError names what was stored and what was not.
    """
    if not files.scheme(target):
        target = str(files.local(target).absolute()) + ("/" if target.endswith("/") else "")
    entity.spec.path = target
    entity.save()
    try:
        stored = _write(content, target, environ) if callable(content) else files.upload(content, target, environ)
        entity.status.update(files=stored, state="READY")
        entity.save(update=True)
    except BaseException as error:
        entity.status.update(state="ERROR", message=str(error) or type(error).__name__)
        with contextlib.suppress(OvenbirdError):  # a full disk takes no record either; the first error tells more
            entity.save(update=True)
        raise


def _write(write: Write, target: str, environ: Mapping[str, str]) -> list[files.Info]:
    name = target.rpartition("/")[2]
    if files.scheme(target):
        folder = scratch()
        try:
            _guarded(write, folder / name, target)
            return files.upload([folder / name], target, environ)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    path = files.local(target)
    try:
        with writing(path) as part:
            digest = _guarded(write, part, target)
    except OSError as error:
        hint = "--files-store chooses another place"
        raise OutputError(f"{target} was not stored: {error.strerror or error}", hint=hint) from error
    return [files.describe(path, name, digest)] if digest else files.upload([path], target, environ)


def _guarded(write: Write, path: Path, target: str) -> str | None:
    """Call the writer; what it raises, whatever library it is of, becomes an OutputError."""
    try:
        return write(path)
    except OvenbirdError:
        raise
    except Exception as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
        raise OutputError(f"{files.shown(target)} was not stored: {reason}") from error
