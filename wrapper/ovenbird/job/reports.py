"""Report a run to OpenLineage and MLflow, where the environment names their servers.

What it takes is imported only then: an empty run has to be quick.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import OvenbirdError
from ..function.target import Target
from ..platform import keys
from ..platform.entities.file_entity import MATERIALS, FileEntity
from ..platform.entities.json_values import json_value
from ..platform.entities.run import Run
from ..platform.store import EntityStore, Record, format_timestamp
from .result import RunResult

if TYPE_CHECKING:
    from ..lineage.reported_run import RunOutcome

_SERVERS = ("OPENLINEAGE_URL", "MLFLOW_TRACKING_URI")
_MOST = 100  # data sets that are reported of a run, of those it has read and of those it has made
_log = logging.getLogger("ovenbird")


class Reports(Protocol):
    """Reports one run. Nothing is raised."""

    def start(self, target: Target, title: str, inputs: Mapping[str, str]) -> None:
        """Report the start; `title` names the function. Variables then tell of the run to what it starts."""

    def note_input(self, entity: FileEntity, value: Any) -> None:
        """Keep what is known of the content of an input that was read: a DataFrame has columns and rows."""

    def end(self, state: str, error: Mapping[str, str] | None, outcome: RunResult, *, recorded: bool) -> None:
        """Report the end; the variables are as before. Without `recorded`, the store is not asked for anything."""


class NoReports:
    """The reports of a run where no server is named."""

    def start(self, target: Target, title: str, inputs: Mapping[str, str]) -> None:
        """Do nothing."""

    def note_input(self, entity: FileEntity, value: Any) -> None:
        """Do nothing."""

    def end(self, state: str, error: Mapping[str, str] | None, outcome: RunResult, *, recorded: bool) -> None:
        """Do nothing."""


class JobReports:
    """The reports of a run that has a record."""

    def __init__(self, record: Run, store: EntityStore, environ: Mapping[str, str]) -> None:
        from ..lineage.run_reports import RunReports

        self._record, self._store = record, store
        self._reports = RunReports(environ)
        self._tables: dict[str, tuple[dict[str, Any], int]] = {}

    def start(self, target: Target, title: str, inputs: Mapping[str, str]) -> None:
        """Report the start."""
        from ..lineage.reported_run import ReportedRun

        with _warn_of_faults():
            record = self._record
            labels = record.metadata.get("labels") or ()
            name = str(record.metadata.get("name") or "")
            run = ReportedRun(
                record.id, record.key, record.project, title, str(target), target.root,
                target.function.source if target.function else "", str(record.status.started or format_timestamp()),
                title="" if name in ("run", record.id) else name,
                note=str(record.metadata.get("description") or ""),
                labels=[str(label) for label in labels],
                inputs=[text for text in inputs.values() if "/" in text and not keys.is_key(text)],
            )  # fmt: skip
            self._reports.start(run)
            self._reports.set_variables()

    def note_input(self, entity: FileEntity, value: Any) -> None:
        """Keep the schema and the number of rows of a DataFrame, which the record of an input does not have."""
        from ..platform.tables.dataframes import describe_schema, get_engine

        with _warn_of_faults():
            if get_engine(value) and hasattr(value, "__len__"):  # not one that is read later
                self._tables[entity.key] = describe_schema(value), len(value)

    def end(self, state: str, error: Mapping[str, str] | None, outcome: RunResult, *, recorded: bool) -> None:
        """Report the end."""
        try:
            with _warn_of_faults():
                self._reports.end(self._describe_end(state, error, outcome, recorded))
        finally:
            self._reports.restore_variables()

    def _describe_end(
        self, state: str, error: Mapping[str, str] | None, outcome: RunResult, recorded: bool
    ) -> RunOutcome:
        from ..lineage.reported_run import RunOutcome

        status: dict[str, Any] = json_value(self._record.status)
        links = json_value(self._record.metadata.get("relationships") or [])
        consumed = [link["dest"] for link in links if link.get("type") == "consumes"]
        inputs, outputs = (
            {name: record for name, key in pairs[:_MOST] if (record := self._read(key, recorded))}
            for pairs in (list(zip(consumed, consumed, strict=True)), list(outcome.outputs.items()))
        )
        for key, (schema, rows) in self._tables.items():
            if record := inputs.get(key):
                record["spec"].setdefault("schema", schema)
                record["status"].setdefault("preview", {"rows": rows})
        return RunOutcome(
            state, str(status.get("ended") or format_timestamp()), (status.get("error") or error) if error else None,
            parameters=status.get("parameters") or {},
            metrics=self._record.metrics if recorded else status.get("metrics") or {},
            results=json_value(outcome.results), inputs=list(inputs.values()), outputs=outputs,
        )  # fmt: skip

    def _read(self, key: str, recorded: bool) -> Record | None:
        """Return the record of a data item, an artifact or a model; None of anything else, or where it is gone."""
        for entity in self._record.logged:
            if entity.key == key:
                return entity.to_dict()
        with contextlib.suppress(OvenbirdError):
            parsed = keys.parse_key(key)
            return self._store.read(parsed) if recorded and parsed.type in MATERIALS else None
        return None


def names_servers(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a server that may take reports."""
    return any(environ.get(name) for name in _SERVERS)


def open_reports(record: Run, store: EntityStore, environ: Mapping[str, str]) -> Reports:
    """Return the reports of a run."""
    if names_servers(environ):
        with _warn_of_faults():
            return JobReports(record, store, environ)
    return NoReports()


@contextlib.contextmanager
def _warn_of_faults() -> Iterator[None]:
    """Make a warning of any error in the block: a report is never the state of a run."""
    try:
        yield
    except Exception as broken:
        _log.warning("the run was not reported: %s; it goes on", type(broken).__name__)
