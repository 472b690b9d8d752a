"""OpenLineage: an event when a run starts, and one when it has ended, to the server that `OPENLINEAGE_URL` names.

Spec: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from . import facets
from .dataset_names import name_location, name_record
from .git_location import GitLocation, locate_source
from .json_server import Credentials, JsonServer, check_url
from .parent_run import ParentRun, RunReference, make_variables, read_parent
from .reported_run import Record, ReportedRun, RunOutcome

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_ENDPOINT = "api/v1/lineage"
_NAMESPACE = "default"
_END_TYPES = {"COMPLETED": "COMPLETE", "ERROR": "FAIL", "STOPPED": "ABORT"}
Event = dict[str, Any]


class EventSource(NamedTuple):
    """What all events of one run say."""

    run: ReportedRun
    reference: RunReference
    parent: ParentRun | None
    location: GitLocation | None


class OpenLineageReporter:
    """Sends the events of one run."""

    title, variable = "OpenLineage", "OPENLINEAGE_URL"

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the variables. Errors: ReportError for a URL that is none."""
        url = check_url(self.variable, environ[self.variable])
        token = (environ.get("OPENLINEAGE_API_KEY") or "").strip()
        self.server = JsonServer(url, Credentials(token), environ)
        self._endpoint = environ.get("OPENLINEAGE_ENDPOINT") or _ENDPOINT
        self._environ = environ
        self._parent = read_parent(environ)
        self._source: EventSource | None = None

    def report_start(self, run: ReportedRun) -> None:
        """Send START. Errors: ReportError."""
        namespace = self._environ.get("OPENLINEAGE_NAMESPACE") or _NAMESPACE
        reference = RunReference(namespace, name_job(run), make_uuid(run.identity))
        self._source = EventSource(run, reference, self._parent, locate_source(run))
        inputs = [make_dataset(*name_location(location, self._environ)) for location in run.inputs]
        self._send(make_event(self._source, "START", run.started, inputs=inputs))

    def report_end(self, outcome: RunOutcome) -> None:
        """Send COMPLETE, FAIL or ABORT. Errors: ReportError."""
        if self._source is None:
            return
        inputs = make_inputs(outcome.inputs, self._environ)
        outputs = make_outputs(outcome.outputs.values(), self._environ)
        kind = _END_TYPES[outcome.state]
        self._send(make_event(self._source, kind, outcome.ended, inputs=inputs, outputs=outputs, error=outcome.error))

    def list_variables(self) -> dict[str, str]:
        """Return the variables that name this run as a parent."""
        return make_variables(self._source.reference, self._source.parent) if self._source else {}

    def _send(self, event: Event) -> None:
        self.server.call("POST", self._endpoint, event)


def is_enabled(environ: Mapping[str, str]) -> bool:
    """Return whether events are to be sent."""
    is_disabled = (environ.get("OPENLINEAGE_DISABLED") or "").strip().lower() == "true"
    return bool(environ.get("OPENLINEAGE_URL")) and not is_disabled


def name_job(run: ReportedRun) -> str:
    """Return the name of the job: project and function, and for a sweep the word `sweep`."""
    return f"{run.project}.{run.function}" + (".sweep" if run.is_sweep else "")


def make_uuid(identity: str) -> str:
    """Return the id of a run as a UUID with hyphens. An id of another form gives one that is always the same."""
    from uuid import NAMESPACE_URL, UUID, uuid5

    try:
        return str(UUID(identity))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, f"ovenbird:{identity}"))


def make_event(
    source: EventSource,
    kind: str,
    moment: str,
    *,
    inputs: list[Event],
    outputs: list[Event] | None = None,
    error: Mapping[str, str] | None = None,
) -> Event:
    """Return a run event. `moment` is in ISO 8601."""
    run, reference = source.run, source.reference
    return {
        "eventType": kind,
        "eventTime": moment,
        "producer": facets.PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": reference.run, "facets": facets.make_run_facets(run, source.parent, error)},
        "job": {
            "namespace": reference.namespace, "name": reference.job,
            "facets": facets.make_job_facets(run, source.location),
        },
        "inputs": inputs,
        "outputs": outputs or [],
    }  # fmt: skip


def make_dataset(namespace: str, name: str, facet_groups: Mapping[str, Mapping[str, Any]] | None = None) -> Event:
    """Return a data set without the groups of facets that are empty."""
    groups = {group: dict(members) for group, members in (facet_groups or {}).items() if members}
    return {"namespace": namespace, "name": name, **groups}


def make_inputs(records: Iterable[Record], environ: Mapping[str, str]) -> list[Event]:
    """Return the data sets that a run has read, each once."""
    datasets = {}
    for record in records:
        if identity := name_record(record, environ):
            counts = facets.make_statistics(record)
            statistics = {"inputStatistics": facets.make_facet("InputStatisticsInputDatasetFacet", **counts)}
            groups = {"facets": facets.make_dataset_facets(record), "inputFacets": statistics if counts else {}}
            datasets[identity] = make_dataset(*identity, groups)
    return list(datasets.values())


def make_outputs(records: Iterable[Record], environ: Mapping[str, str]) -> list[Event]:
    """Return the data sets that a run has made, each once."""
    datasets = {}
    for record in records:
        if identity := name_record(record, environ):
            counts = facets.make_statistics(record)
            statistics = {"outputStatistics": facets.make_facet("OutputStatisticsOutputDatasetFacet", **counts)}
            groups = {"facets": facets.make_dataset_facets(record), "outputFacets": statistics if counts else {}}
            datasets[identity] = make_dataset(*identity, groups)
    return list(datasets.values())
