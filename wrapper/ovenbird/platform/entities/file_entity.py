"""Entities that have files: data items, artifacts, models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.named_paths import describe_broken_link, exists, is_folder
from ...common.redact import redact_record
from ...common.temporary_folders import make_temporary_folder
from ...errors import InputError
from ..storage import schemes
from .entity_path import CSV_INDEX, PathEntity

if TYPE_CHECKING:
    from typing_extensions import Self

_COLUMN_OPTIONS = {"index_col", "usecols", "columns", "names", "header"}  # of the readers of pandas and polars


class PathList(list[str]):
    """Local paths as a list that is also a path: the platform's SDK has both forms."""

    def __init__(self, paths: Iterable[str], folder: str) -> None:
        super().__init__(paths)
        self._place = folder

    def __fspath__(self) -> str:
        return self._place


class FileEntity(PathEntity):
    """An entity whose `spec.path` is a file, or a folder when it ends in `/`; `status.files` lists what it holds."""

    on_fetch: Callable[[Sequence[tuple[Path, str]]], None] | None = None
    """Called once, with the files that were fetched from a URL and their names: whoever records a run's inputs."""

    def as_file(self) -> PathList:
        """Return local paths of the files, for reading and for changing; also a path itself, as `open` takes it.

        Files of a store are copied to a temporary folder, removed when the process ends; a local file that was
        registered where it lies is given as it is. InputError: it cannot be read.
        """
        from ..storage import files

        url = self._path()
        if schemes.get_scheme(url) in (*schemes.WEB, schemes.SQL):
            path = self._download_single(make_temporary_folder())
            return PathList([str(path)], str(path))
        if not schemes.get_scheme(url) and not self._is_stored():
            local_path = schemes.get_local_path(url)
            _require_file(local_path, self.key)
            paths = [path for path, _ in files.list_local_files(local_path)] if is_folder(local_path) else []
            return PathList(map(str, paths or [local_path]), str(local_path))
        target = self._path_below(make_temporary_folder(), url)
        paths = self._fetch(target, self._names())
        return PathList(map(str, paths), str(target))

    def as_path(self) -> Path:
        """Return the local path of the file or folder, which may be changed: it is a copy where `as_file` makes one."""

        url = self._path()
        if not schemes.get_scheme(url) and not self._is_stored():
            return _require_file(schemes.get_local_path(url), self.key)
        return Path(self.download(make_temporary_folder(), overwrite=True) if self.is_folder() else self.as_file()[0])

    def local_path(self) -> Path | None:
        """Return the local path of the file or folder, for reading only; None if it is not on this machine."""

        url = self._path()
        if schemes.get_scheme(url):
            return None
        return _require_file(schemes.get_local_path(url), self.key)

    def download(self, destination: str | Path | None = None, overwrite: bool = False) -> str:
        """Copy the file or the folder to `destination` (a folder, or a file's path); the path of what was copied.

        Default: the folder `./dataitem`, `./artifact` or `./model`. InputError: the file exists, and `overwrite` is
        False.
        """

        url = self._path()
        target = Path(destination) if destination is not None else Path(self.TYPE)
        into = destination is None or is_folder(target) or str(destination).endswith("/") or not target.suffix
        if into and schemes.get_scheme(url) in (*schemes.WEB, schemes.SQL):
            return str(self._download_single(target, overwrite))
        if into and not self.is_folder():
            target = self._path_below(target, url)
        return self.copy_to(target, overwrite)

    def copy_to(self, target: Path, overwrite: bool = False) -> str:
        """Copy the file, or the folder, as `target` itself. InputError: a file is there, and no `overwrite`."""
        from ..storage import files

        folder = self.is_folder()
        recorded = self._names()
        names = recorded or (files.list_files(self._path(), self._environ) if folder else [])
        for path in [target / name for name in names] if folder else [target]:
            if exists(path) and not overwrite:
                raise InputError(
                    f"{path} exists, so {self.key} was not copied there", hint="`download(overwrite=True)`"
                )
        if schemes.get_scheme(self._path()) == schemes.SQL:
            self._write_table(target)
        else:
            self._fetch(target, names if schemes.get_scheme(self._path()) else recorded)
        return str(target)

    def is_folder(self) -> bool:
        """Return whether the entity is a folder, not a single file."""

        return schemes.is_folder_url(self._path())

    def file_name(self) -> str:
        """Return the name of the single file that the entity is."""
        name = self._path_below(Path(), self._path()).name
        return f"{name}.parquet" if schemes.get_scheme(self._path()) == schemes.SQL else name

    def as_df(self, file_format: str | None = None, engine: str | None = None, **options: Any) -> Any:
        """Return the table in the file, or in all files of the folder, as a DataFrame of pandas or polars.

        Folders as Hive and Spark write them are read: `year=2024` becomes a column, `_SUCCESS` is no data. So are
        compressed files, and tables of a database. `file_format`: csv, tsv, parquet, json, jsonl, xlsx; else the
        extension decides, or what the server says. `options` go to the reader. pandas gets the index back that a
        DataFrame had which was stored as CSV, unless `options` choose columns.
        """
        import shutil

        from ..storage import files
        from ..tables import dataframes, sql_tables
        from ..tables.table_files import read_table

        url = self._path()
        kind = schemes.get_scheme(url)
        if kind == schemes.SQL:
            query = vars(self).pop("_query", None)
            return sql_tables.read_sql(url, self._environ, dataframes.choose_engine(engine), query, **options)
        own = make_temporary_folder() if kind else None
        try:
            if own is None:
                root = _require_file(schemes.get_local_path(url), self.key)
                sources = files.list_local_files(root) if is_folder(root) else [(root, str(root))]
            elif kind in schemes.WEB:
                path, extension = files.download_web(url, own, self._environ, name=self.name)
                file_format = file_format or (None if dataframes.is_table_name(path.name) else extension or None)
                sources = [(path, path.name)]
            else:
                target = self._path_below(own, url)
                paths = files.download(url, target, self._environ, self._names())
                sources = [(path, str(path.relative_to(own))) for path in paths]
            if own is not None:
                self._notify_fetched(sources)
            frame = read_table(sources, self.key, file_format=file_format, engine=engine, options=options)
            names = self.status.get(CSV_INDEX)
            if names and len(sources) == 1 and not _COLUMN_OPTIONS & options.keys():
                frame = dataframes.restore_csv_index(frame, names)
            return frame
        finally:
            if own is not None:
                shutil.rmtree(own, ignore_errors=True)

    def upload(self, source: Any, keep_dir_structure: bool = False) -> None:
        """Store files as those of this entity, at its `spec.path`: a path, or a list of paths. Errors: OutputError.

        A folder, and several files, need a `spec.path` that ends in `/`. With `keep_dir_structure` listed files keep
        the folders of their paths.
        """
        from .overwrite import upload

        upload(self, source, keep_dir_structure)

    @property
    def files(self) -> list[dict[str, Any]]:
        """Return `status.files` with every digest. A missing digest is computed and recorded now."""
        from ..storage import files

        listed = self.status.get("files") or []
        complete = [files.add_digest(dict(info), self._path()) for info in listed]
        if any(info.get("hash") != before.get("hash") for info, before in zip(complete, listed, strict=True)):
            self.status.files = complete
            self._store.update(self.to_dict())
        return complete

    def get_file_paths(self) -> list[str]:
        """Return the paths in `status.files`, below the folder of `spec.path`."""
        return [str(info.get("path")) for info in self.status.get("files") or []]

    def refresh(self) -> Self:
        """Read the entity again; a URL keeps what it is read with, which the record does not hold."""
        before = self.spec.get("path")
        super().refresh()
        if isinstance(before, str) and redact_record(before) == self.spec.get("path"):
            self.spec.path = before
        return self

    def _names(self) -> list[str]:
        """Return the names in `status.files`. Each is checked to stay in the folder."""
        from ..storage import recorded_files

        names = recorded_files.list_names({"key": self.key, "spec": self.spec, "status": self.status})
        if names and self._is_stored():
            base = schemes.get_local_path(recorded_files.folder_of(self._path()))
            for name in names:
                recorded_files.check_inside(base, base / name)
        return names

    def _download_single(self, folder: Path, overwrite: bool = False) -> Path:
        """Fetch a web address or a table of a database into a folder, under its own name."""
        from ..storage import files

        if schemes.get_scheme(self._path()) in schemes.WEB:
            path = files.download_web(self._path(), folder, self._environ, name=self.name, overwrite=overwrite)[0]
            self._notify_fetched([(path, path.name)])
            return path
        return Path(self.copy_to(folder / self.file_name(), overwrite))

    def _write_table(self, target: Path) -> None:
        """Write the table of a database as a Parquet file, or as CSV where the name asks for it."""
        from ...common.atomic_files import drafting
        from ..tables import dataframes

        frame = self.as_df()
        target.parent.mkdir(parents=True, exist_ok=True)
        with drafting(target) as part:
            if target.suffix == ".csv" and dataframes.get_engine(frame) == "pandas":
                dataframes.write_csv(frame, part)
            else:
                dataframes.write_parquet(frame, part)

    def _fetch(self, target: Path, names: Sequence[str]) -> list[Path]:
        """Fetch the file as `target`, or the files `names` (default all) below it. Restore the executable bits."""
        from ..storage import files

        paths = files.download(self._path(), target, self._environ, names)
        if schemes.get_scheme(self._path()):
            self._notify_fetched([(path, str(path.relative_to(target))) for path in paths])
        programs = {info.get("path") for info in self.status.get("files") or [] if info.get("executable")}
        if programs:
            for path, name in zip(paths, names or [], strict=False):
                if name in programs:
                    files.mark_executable(path)
        return paths

    def _notify_fetched(self, files: Sequence[tuple[Path, str]]) -> None:
        if self.on_fetch is not None:
            tell, self.on_fetch = self.on_fetch, None
            tell(files)

    def _path_below(self, folder: Path, url: str) -> Path:
        """Return the path of the entity's file in `folder`, under its own name; for a folder, `folder` itself."""
        from urllib.parse import unquote, urlsplit

        from ..storage import recorded_files

        if schemes.is_folder_url(url):
            return folder

        path = (
            unquote(urlsplit(url).path) if schemes.get_scheme(url) in schemes.WEB else str(schemes.get_local_path(url))
        )
        name = path.rpartition("/")[2]
        return folder / recorded_files.check_member(name if name not in ("", ".", "..") else self.name, self.key)


class Dataitem(FileEntity):
    """Data: of kind `table`, which reads as a DataFrame, or of any other kind."""

    TYPE = "dataitem"

    def query(self, query: str) -> Self:
        """Set the SQL query that the next `as_df` runs in the database of a `sql://` path. Errors: ValueError."""
        if schemes.get_scheme(self._path()) != schemes.SQL:
            raise ValueError(f"{self.key} is not a table of a database: its path is not `sql://`")
        self._query = query
        return self

    def write_df(self, df: Any, extension: str | None = None, **kwargs: Any) -> str:
        """Write a DataFrame to `spec.path`, and return that; `kwargs` go to the DataFrame's own writer.

        `extension`: `parquet` or `csv`; else the one of the path decides. The index is left out unless `index=True`.
        """
        from .overwrite import write_df

        return write_df(self, df, extension, **kwargs)


class Artifact(FileEntity):
    """A file or a folder of any sort."""

    TYPE = "artifact"


class Model(FileEntity):
    """A trained model (`sklearn`, `mlflow` or any other kind), with its metrics."""

    TYPE = "model"


MATERIALS: dict[str, type[FileEntity]] = {"artifact": Artifact, "dataitem": Dataitem, "model": Model}


def _require_file(path: Path, key: str) -> Path:
    if not exists(path):
        problem = describe_broken_link(path) or f"its file {path} is not there"
        raise InputError(f"{key}: {problem}", hint="it was moved or deleted since it was recorded")
    return path
