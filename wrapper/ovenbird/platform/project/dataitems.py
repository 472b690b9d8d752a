"""What a project does with data items beside storing and reading one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...common.text import show_value
from ...errors import OutputError
from ..entities.file_entity import Dataitem
from .part import ProjectPart, delete_entities, import_entity, list_entities, list_versions, update_entity


class ProjectDataitems(ProjectPart):
    """The methods of a project for dataitems."""

    def log_dataitem(
        self, name: str, kind: str | None = None, source: Any = None, data: Any = None, drop_existing: bool = False,
        description: str | None = None, labels: list[str] | None = None, extension: str | None = None,
        path: str | None = None, file_format: str | None = None, read_df_params: Mapping[str, Any] | None = None,
        engine: str | None = None, **kwargs: Any,
    ) -> Dataitem:  # fmt: skip
        """Store a DataFrame (`data`, as Parquet) or files (`source`) as a data item; a DataFrame is a `table`.

        `file_format`, `engine` and `read_df_params` (options of the engine's reader) say how the file of a table is
        read for its schema and its first rows.
        """
        if extension not in (None, "parquet", ".parquet"):
            raise OutputError(f"{show_value(name)}: extension {show_value(extension)}", hint="`data` becomes Parquet")
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        kind = kind or ("dataitem" if data is None else "table")
        reader = {**(read_df_params or {}), "file_format": file_format, "engine": engine}
        return cast("Dataitem", self._log(Dataitem, name, kind, source, data=data, reader=reader, **options, **kwargs))

    def log_generic_dataitem(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Dataitem:  # fmt: skip
        """Store files as a data item of kind `dataitem`."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Dataitem", self._log(Dataitem, name, "dataitem", source, **options, **kwargs))

    def log_table(
        self, name: str, source: Any = None, data: Any = None, sql: str | None = None, drop_existing: bool = False,
        path: str | None = None, description: str | None = None, labels: list[str] | None = None,
        file_format: str | None = None, read_df_params: Mapping[str, Any] | None = None, engine: str | None = None,
        **kwargs: Any,
    ) -> Dataitem:  # fmt: skip
        """Store a table, from a file or a DataFrame; its schema and its first rows are recorded, see `log_dataitem`."""
        if sql is not None:
            hint = "read the table with pandas.read_sql, and give it as `data`"
            raise OutputError(f"{show_value(name)}: log_table(sql=…) is not supported", hint=hint)
        return self.log_dataitem(
            name, "table", source, data, drop_existing=drop_existing, path=path, description=description, labels=labels,
            file_format=file_format, read_df_params=read_df_params, engine=engine, **kwargs,
        )  # fmt: skip

    def new_dataitem(
        self, name: str, kind: str = "dataitem", uuid: str | None = None, description: str | None = None,
        labels: list[str] | None = None, embedded: bool = False, path: str | None = None,
        extensions: list[Any] | None = None, **kwargs: Any,
    ) -> Dataitem:  # fmt: skip
        """Record a data item that lies at `path` (a local path or a URL) and stays there; `kwargs` go to its spec."""
        options = {
            "uuid": uuid, "description": description, "labels": labels, "embedded": embedded, "extensions": extensions,
        }  # fmt: skip
        return cast("Dataitem", self._new(Dataitem, name, kind, path, **options, **kwargs))

    def log_croissant(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Dataitem:  # fmt: skip
        """Store a data set that a Croissant file describes: `metadata.json`, or its folder, with the files it names.

        Name, description and keywords of the data set go to the metadata. Errors: OutputError.
        """
        from ..tables.croissant import read_croissant

        dataset = read_croissant(source)
        item = self._log(
            Dataitem, name, "croissant", dataset.stage(), drop_existing=drop_existing, path=path,
            description=description or dataset.description, labels=labels or dataset.keywords, **kwargs,
        )  # fmt: skip
        if dataset.name:
            item.set_name(dataset.name)
            item.save(update=True)
        return cast("Dataitem", item)

    def get_dataitem_versions(self, identifier: str) -> list[Dataitem]:
        """Return every version of a name, or of the name in a key, newest first."""
        return list_versions(self, "dataitem", identifier)

    def list_dataitems(
        self, q: str | None = None, name: str | None = None, kind: str | None = None,
        user: str | None = None, state: str | None = None, created: str | None = None, updated: str | None = None,
        versions: str | None = None,
    ) -> list[Dataitem]:  # fmt: skip
        """Return the latest dataitem of each name, or with `versions="all"` every one; see `finding.find`."""
        return list_entities(
            self, "dataitem", q=q, name=name, kind=kind, user=user, state=state, created=created, updated=updated,
            versions=versions,
        )  # fmt: skip

    def import_dataitem(self, file: str | None = None, key: str | None = None, reset_id: bool = True) -> Dataitem:
        """Add a dataitem from a YAML file that `export` has written, or from a key; `reset_id`: as a new version."""
        return cast("Dataitem", import_entity(self, "dataitem", file, key, reset_id))

    def update_dataitem(self, entity: Dataitem) -> Dataitem:
        """Store the changes of a dataitem's metadata and status."""
        return cast("Dataitem", update_entity(self, "dataitem", entity))

    def delete_dataitem(
        self, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False, cascade: bool = True
    ) -> None:
        """Forget a version (a key, or a name and `entity_id`), or all of a name; with `cascade` its files too."""
        delete_entities(self, "dataitem", identifier, entity_id, every=delete_all_versions, with_files=cascade)
