"""Write the files of an existing entity: `upload` and `write_df`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...common.named_paths import describe_broken_link, exists
from ...common.redact import redact_url
from ...common.temporary_folders import make_temporary_folder
from ...common.text import show_value
from ...errors import OutputError
from ..storage.schemes import SQL, WEB, get_local_path, get_scheme
from ..tables import dataframes
from . import upload_content
from .entity_path import CSV_INDEX, PathEntity
from .upload import upload_entity

_WRITERS = {
    "pandas": {"parquet": "to_parquet", "csv": "to_csv"},
    "polars": {"parquet": "write_parquet", "csv": "write_csv"},
}


def upload(entity: PathEntity, source: Any, keep_dir_structure: bool = False) -> None:
    """Store files at the entity's path; it is UPLOADING, then READY, or ERROR with the reason.

    Errors: OutputError; for a source that is not there or does not fit the path the entity stays as it is.
    """
    target = _require_writable(entity)
    for item in [source] if isinstance(source, (str, os.PathLike)) else source:
        if not exists(get_local_path(str(item))):
            problem = describe_broken_link(get_local_path(str(item))) or f"no file {show_value(str(item))}"
            raise OutputError(f"{entity.key}: {problem}")
    if keep_dir_structure:
        source = stage_tree(source, Path.cwd())
    plan = upload_content.make_content(entity.name, entity.kind, source=source, data=None, write=None, filename="")
    if not plan.filename and not target.endswith("/"):
        hint = "a path that ends in `/` is a folder"
        raise OutputError(f"{entity.key}: {show_value(source)} does not fit {redact_url(target)}, a file", hint=hint)
    entity.status.update(plan.status)
    _replace_files(entity, target, plan.content)


def write_df(entity: PathEntity, frame: Any, extension: str | None, **options: Any) -> str:
    """Write a DataFrame at the entity's path, with its schema and preview; return the path. Errors: OutputError."""
    target = _require_writable(entity)
    if target.endswith("/"):
        raise OutputError(f"{entity.key}: {redact_url(target)} is a folder", hint="`write_df` takes the path of a file")
    engine = dataframes.get_engine(frame)
    if engine is None:
        raise OutputError(f"{entity.key}: `write_df` takes a DataFrame, not {type(frame).__name__}")
    form = (extension or Path(target.partition("?")[0]).suffix or "parquet").lstrip(".").lower()
    if form not in _WRITERS[engine]:
        raise OutputError(f"{entity.key}: extension {show_value(form)} cannot be written", hint="parquet or csv")
    if hasattr(frame, "collect") and not hasattr(frame, "write_parquet"):
        frame = frame.collect()
    if engine == "pandas":
        options.setdefault("index", False)
    entity.spec["schema"] = dataframes.describe_schema(frame)
    entity.status.preview = dataframes.make_preview(frame)
    _replace_files(entity, target, lambda path: getattr(frame, _WRITERS[engine][form])(path, **options) and None)
    return target


def stage_tree(source: Any, root: Path) -> str:
    """Return a temporary folder that holds files below the folders that their paths name, relative to `root`."""
    folder = make_temporary_folder()
    for item in [source] if isinstance(source, (str, os.PathLike)) else source:
        path = get_local_path(str(item))
        name = path if not path.is_absolute() else _path_below(path, root)
        if ".." in name.parts:
            raise OutputError(f"{show_value(str(item))} lies outside of {root}", hint="give paths below it")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / path).is_dir():
            shutil.copytree(root / path, folder / name, copy_function=_link_file, dirs_exist_ok=True)
        else:
            _link_file(str(root / path), str(folder / name))
    return f"{folder}/"


def _path_below(path: Path, root: Path) -> Path:
    return path.relative_to(root) if root in path.parents else Path(path.name)


def _link_file(source: str, target: str, **_: Any) -> str:
    """Link or, across file systems, copy a file. Errors: OutputError."""
    try:
        os.link(os.path.realpath(source), target)
    except FileNotFoundError as error:
        raise OutputError(f"no file {show_value(source)}") from error
    except OSError:
        shutil.copy2(source, target)
    return target


def _require_writable(entity: PathEntity) -> str:
    """Return the path of an entity whose files can be written. Errors: OutputError."""
    target = entity._path()
    if get_scheme(target) in (*WEB, SQL):
        raise OutputError(f"{entity.key}: nothing is written to {redact_url(target)}", hint="a folder, s3, gs or az")
    return target


def _replace_files(entity: PathEntity, target: str, new: Sequence[Path] | upload_content.Write) -> None:
    entity.status.state = "UPLOADING"
    entity.status.pop("message", None)
    entity.status.pop(CSV_INDEX, None)
    upload_entity(entity, target, entity._environ, new)
