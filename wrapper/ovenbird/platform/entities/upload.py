"""Store the files of an entity, and record its state: CREATED, then READY, or ERROR with the reason."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ...common.atomic_files import drafting
from ...common.private_files import close_to_others
from ...common.redact import redact_url
from ...common.temporary_folders import make_temporary_folder
from ...common.user_warnings import tolerate_warnings
from ...errors import OutputError, OvenbirdError
from ..storage import files, recorded_files, schemes
from ..storage.tree_walk import Identity, identify_folder
from .entity_path import PathEntity

Write = Callable[[Path], str | None]
"""Writes the file it is given; returns the digest, when it has one."""
_EXPIRED = ("answered 401", "answered 403", "ExpiredToken", "InvalidToken")
_ANNOUNCED = 32 * 1024 * 1024  # bytes; what is larger takes long enough for the state UPLOADING to be worth a call


def upload_entity(
    entity: PathEntity,
    target: str,
    environ: Mapping[str, str],
    content: Sequence[Path] | Write,
    rescue: Path | None = None,
    files_store: str = "",
) -> None:
    """Store `content` (local files and folders, or what writes the one file it is given) as the files of an entity.

    `target` is the URL of a file, or of a folder and ends in `/`. The entity, which may be new, is recorded before, and
    READY after; when that fails it stays as ERROR, with the reason, and what was written for it is kept in the folder
    `rescue`, if given. A folder is stored without the store, and without `files_store`, which it may hold. OutputError
    names what was stored and what was not.
    """
    if not schemes.get_scheme(target):
        target = str(schemes.get_local_path(target).absolute()) + ("/" if target.endswith("/") else "")
    entity.spec.path = target
    is_local = not schemes.get_scheme(target)
    if is_local and rescue is None:
        return _record_upload(entity, lambda: _write_local(entity, content, target, environ, files_store))
    folder = make_temporary_folder()

    def store() -> list[files.Info]:
        if is_local:
            return _write_local(entity, content, target, environ, files_store)
        return _upload_content(entity, content, target, environ, folder, files_store)

    try:
        try:
            _record_upload(entity, store)
        except OvenbirdError as error:
            if rescue is None or not (saved := _rescue_content(entity, content, target, folder, rescue)):
                raise
            failed = OutputError(f"{error.message}; its files are kept in {saved}", hint=error.hint)
            raise failed from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _record_upload(entity: PathEntity, store: Callable[[], list[files.Info]]) -> None:
    """Record the entity before and after `store`, which returns the stored files."""
    entity.save(update=entity._is_saved)
    try:
        with tolerate_warnings():
            infos = store()
        entity.status.update(files=infos, state="READY")
        entity.save(update=True)
    except BaseException as error:
        entity.status.update(state="ERROR", message=str(error) or type(error).__name__)
        with contextlib.suppress(OvenbirdError):  # a full disk takes no record either; the first error tells more
            entity.save(update=True)
        raise


def _list_own_folders(entity: PathEntity, files_store: str) -> set[Identity]:
    """Return folders that are left out of a stored folder: the files store and the embedded store."""
    root = Path(entity._store.files_root())
    home = root.parent if (root.parent / "ovenbird.db").exists() else root
    others = [schemes.get_local_path(files_store)] if files_store else []
    return {identity for folder in (root, home, *others) if (identity := identify_folder(folder)) is not None}


def _upload_content(
    entity: PathEntity,
    content: Sequence[Path] | Write,
    target: str,
    environ: Mapping[str, str],
    folder: Path,
    files_store: str,
) -> list[files.Info]:
    """Upload the content. It is written to `folder` first, if it is not a file yet."""
    if callable(content):
        path = folder / target.rpartition("/")[2]
        _call_writer(content, path, target)
        content = [path]
    if sum(path.stat().st_size for path in content if path.is_file()) > _ANNOUNCED:
        entity.status.state = "UPLOADING"
        entity.save(update=True)
    skip = _list_own_folders(entity, files_store)
    try:
        return files.upload(content, target, environ, skip)
    except OutputError as error:
        if not any(word in error.message for word in _EXPIRED) or not entity._store.renew_credentials():
            raise
        return files.upload(content, target, environ, skip)


def _rescue_content(
    entity: PathEntity, content: Sequence[Path] | Write, target: str, folder: Path, rescue: Path
) -> str:
    """Save files that could not be sent. Return their folder; empty text if saving failed too.

    Files of the user stay where they are."""
    if not callable(content):
        return ", ".join(map(str, content))
    name = target.rpartition("/")[2]
    try:
        if not (folder / name).exists():
            content(folder / name)
        copies = rescue / entity.name
        copies.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / name, copies / name)
    except Exception:  # the writer is of any library, and has had its say if it is the writer that fails
        return ""
    return str(copies / name)


def _write_local(
    entity: PathEntity,
    content: Sequence[Path] | Write,
    target: str,
    environ: Mapping[str, str],
    files_store: str,
) -> list[files.Info]:
    """Store below a local folder. Only the owner can read files of the store itself."""
    infos = _place_files(content, target, environ, _list_own_folders(entity, files_store))
    if entity._is_stored():
        root, base = Path(entity._store.files_root()), schemes.get_local_path(recorded_files.folder_of(target))
        stored = [base / info["path"] for info in infos]
        folders = {parent for path in stored for parent in path.parents if root in (parent, *parent.parents)}
        close_to_others([*stored, *folders])
    return infos


def _place_files(
    content: Sequence[Path] | Write, target: str, environ: Mapping[str, str], skip: Collection[Identity]
) -> list[files.Info]:
    if not callable(content):
        return files.upload(content, target, environ, skip)
    path, name = schemes.get_local_path(target), target.rpartition("/")[2]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafting(path) as part:
            digest = _call_writer(content, part, target)
    except OSError as error:
        hint = "`--files-store`, or the variable `OVENBIRD_FILES_STORE`, chooses another place"
        raise OutputError(f"{target} was not stored: {error.strerror or error}", hint=hint) from error
    return [files.describe_file(path, name, digest)] if digest else files.upload([path], target, environ)


def _call_writer(write: Write, path: Path, target: str) -> str | None:
    """Call the writer. Any exception that it raises becomes an OutputError."""
    try:
        return write(path)
    except OvenbirdError:
        raise
    except Exception as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
        raise OutputError(f"{redact_url(target)} was not stored: {reason}") from error
