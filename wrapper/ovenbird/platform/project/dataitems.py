"""What a project does with data items beside storing and reading one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...common.text import show_value
from ...errors import OutputError
from ..entities.file_entity import Dataitem
from .entity_methods import (
    delete_method,
    import_method,
    list_method,
    log_kind_method,
    new_method,
    update_method,
    versions_method,
)
from .part import ProjectPart


class ProjectDataitems(ProjectPart):
    """The methods of a project for data items."""

    log_generic_dataitem = log_kind_method(Dataitem, "dataitem")
    new_dataitem = new_method(Dataitem)
    get_dataitem_versions = versions_method(Dataitem)
    list_dataitems = list_method(Dataitem)
    import_dataitem = import_method(Dataitem)
    update_dataitem = update_method(Dataitem)
    delete_dataitem = delete_method(Dataitem)

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

    def log_table(
        self, name: str, source: Any = None, data: Any = None, sql: str | None = None, drop_existing: bool = False,
        path: str | None = None, description: str | None = None, labels: list[str] | None = None,
        file_format: str | None = None, read_df_params: Mapping[str, Any] | None = None, engine: str | None = None,
        **kwargs: Any,
    ) -> Dataitem:  # fmt: skip
        """Store a table, from a file or a DataFrame; its schema and its first rows are recorded, see `log_dataitem`."""
        if sql is not None:
            hint = "read the table with `pandas.read_sql`, and give it as `data`"
            raise OutputError(f"{show_value(name)}: `log_table(sql=…)` is not supported", hint=hint)
        return self.log_dataitem(
            name, "table", source, data, drop_existing=drop_existing, path=path, description=description, labels=labels,
            file_format=file_format, read_df_params=read_df_params, engine=engine, **kwargs,
        )  # fmt: skip

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
