"""`ovenbird.runs`, `ovenbird.get` and `ovenbird.project`: read what was recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, overload

from ..common.text import show_value
from ..errors import InputError, SettingsError
from ..platform import keys
from ..platform.entities.entity import Entity, read_entity
from ..platform.entities.run import Run
from ..platform.project.project import Project, resolve_project_name
from ..platform.queries import locate_entity
from ..platform.store import EntityStore
from ..settings import Settings, resolve
from .card_display import CardDisplay
from .stores import open_shared_store

if TYPE_CHECKING:
    from ..display.card import Card
    from .records.run_list import RunList


_MOST_ROWS = 100  # of a table that is shown


class Runs(CardDisplay, Sequence[Run]):
    """Runs, newest first; each is read when it is asked for.

    `is_truncated`: there are more than the limit. `rows` has the columns of each run, as `ovenbird runs list` names
    them: `id`, `state`, `param.depth`, `result.rows`, `metric.loss`, `tag.size`.
    """

    def __init__(self, listing: RunList, store: EntityStore, environ: Mapping[str, str]) -> None:
        self._listing, self._store, self._environ = listing, store, environ
        self.is_truncated = listing.is_truncated

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the columns of each run."""
        return self._listing.rows

    def __len__(self) -> int:
        return len(self._listing.runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...

    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        if isinstance(index, slice):
            return [self._read(summary) for summary in self._listing.runs[index]]
        return self._read(self._listing.runs[index])

    def __iter__(self) -> Iterator[Run]:
        return map(self._read, self._listing.runs)

    def as_df(self) -> Any:
        """Return a pandas DataFrame with a row for each run; its columns are those of `rows`.

        Errors: SettingsError where pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError:
            from ..common.install_hint import format_install_command

            raise SettingsError("a DataFrame needs pandas", hint=format_install_command("tables")) from None
        return pd.DataFrame(self.rows)

    def __repr__(self) -> str:
        from ..display.text_card import render_text

        return render_text(self._make_card())

    def _make_card(self) -> Card:
        from ..display.table_card import make_run_table_card
        from .records.run_list import RunList

        head = RunList(self._listing.runs[:_MOST_ROWS])
        notes = [f"{len(self) - _MOST_ROWS} more rows are not shown"] if len(self) > _MOST_ROWS else []
        notes += ["there are more runs: limit=None returns all"] if self.is_truncated else []
        return make_run_table_card(len(self), head.select_columns(head.columns), notes)

    def _read(self, summary: Mapping[str, Any]) -> Run:
        return Run(self._store, self._store.read(keys.parse_key(summary["key"])), self._environ)


def runs(
    *,
    state: str | None = None,
    function: str | None = None,
    since: datetime | timedelta | str | None = None,
    where: Mapping[str, Any] | None = None,
    name: str | None = None,
    project: str | None = None,
    limit: int | None = 100,
) -> Runs:
    """Return the runs that meet all conditions, newest first.

    `function` is a name or a key. `since` is a moment, an age (`timedelta`, or text such as `2h`). `where` takes
    columns with their values: `{"param.depth": 3, "tag.size": "small"}`. `limit=None` is no limit.

    Errors: InputError for a state that there is not, SettingsError, PlatformError.
    """
    if limit is not None and limit < 1:
        raise SettingsError(f"limit: expected a whole number from 1, found {show_value(limit)}", hint="`limit=None`")
    from .records.run_query import RunQuery, find_runs

    store, environ, _ = _open()
    query = RunQuery(
        project=project, name=name, state=state, function=function, since=_parse_since(since),
        where=tuple((where or {}).items()), limit=limit,
    )  # fmt: skip
    return Runs(find_runs(store, query), store, environ)


def get(key: str) -> Entity:
    """Return what a key names: a run, a data item, an artifact, a model, a function; or the run of an id or a name.

    Errors: InputError if there is none.
    """
    from ..platform import entities  # noqa: F401  # each type that a key may name

    if not isinstance(key, str):
        raise InputError(f"a key is a text, found {show_value(key)}")
    store, environ, _ = _open()
    if not keys.is_key(key):
        key = str(locate_entity(store, "run", key, None))
    entity: Entity = read_entity(store, key, environ)
    return entity


def project(name: str = "") -> Project:
    """Return a project of the store: its entities can be stored, read and listed. Errors: InputError, PlatformError.

    Without a name it is `PROJECT_NAME`, else `default`.
    """
    store, environ, settings = _open()
    return Project(store, resolve_project_name(name or settings.project, environ, ""), environ)


def _open() -> tuple[EntityStore, Mapping[str, str], Settings]:
    """Return the store of this process, with variables and settings. Errors: SettingsError, PlatformError."""
    settings, environ = resolve("invoke", {}, os.environ), dict(os.environ)
    store = open_shared_store(settings, environ)
    store.reap()
    return store, environ, settings


def _parse_since(since: datetime | timedelta | str | None) -> datetime | None:
    """Return a moment with a zone. Errors: SettingsError."""
    if since is None:
        return None
    if isinstance(since, timedelta):
        return datetime.now(timezone.utc) - since
    if isinstance(since, datetime):
        return since.astimezone()
    from .records.run_query import parse_since

    try:
        return parse_since(since)
    except (ValueError, AttributeError) as error:
        raise SettingsError(f"since={show_value(since)}: expected {error}") from None
