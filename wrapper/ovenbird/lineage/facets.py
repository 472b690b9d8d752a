"""Facets of OpenLineage: what an event says of a run, a job and a data set beyond their names.

Spec: https://github.com/OpenLineage/OpenLineage/tree/main/spec/facets
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import __version__
from ..common.redact import redact_text
from .git_location import GitLocation
from .parent_run import ParentRun, RunReference
from .reported_run import Record, ReportedRun, format_error

PRODUCER = f"pkg:pypi/ovenbird@{__version__}"
Facets = dict[str, Any]
_MOST_COLUMNS = 2000  # of a schema
_VERSIONS = {
    "ParentRunFacet": "1-2-0", "ErrorMessageRunFacet": "1-0-1", "ProcessingEngineRunFacet": "1-1-1",
    "TagsRunFacet": "1-0-0", "JobTypeJobFacet": "2-0-4", "SourceCodeLocationJobFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0", "DatasetVersionDatasetFacet": "1-0-1", "DatasetTypeDatasetFacet": "1-0-1",
    "InputStatisticsInputDatasetFacet": "1-0-0", "OutputStatisticsOutputDatasetFacet": "1-0-2",
}  # fmt: skip


def make_facet(kind: str, **members: Any) -> Facets:
    """Return a facet of the published kind, with the URL of its schema."""
    url = f"https://openlineage.io/spec/facets/{_VERSIONS[kind]}/{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **members}


def make_run_facets(run: ReportedRun, parent: ParentRun | None, error: Mapping[str, str] | None) -> Facets:
    """Return the facets of a run: engine, tags, its parent, and the error of one that has failed."""
    tags = [{"key": "ovenbird.run", "value": run.key, "source": "INTEGRATION"}] if run.key else []
    tags += [_make_tag(label) for label in run.labels]
    facets = {
        "processing_engine": make_facet(
            "ProcessingEngineRunFacet", name="Ovenbird", version=__version__, openlineageAdapterVersion=__version__
        ),
    }
    if tags:
        facets["tags"] = make_facet("TagsRunFacet", tags=tags)
    if parent:
        members = {"root": _refer(parent.root)} if parent.root else {}
        facets["parent"] = make_facet("ParentRunFacet", **_refer(parent.run), **members)
    if error:
        message, trace = redact_text(format_error(error)), redact_text(error.get("traceback") or "")
        details = {"stackTrace": trace} if trace else {}
        facets["errorMessage"] = make_facet(
            "ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON", **details
        )
    return facets


def make_job_facets(run: ReportedRun, location: GitLocation | None) -> Facets:
    """Return the facets of a job: its type, and where its source lies in git."""
    facets = {
        "jobType": make_facet(
            "JobTypeJobFacet",
            processingType="BATCH",
            integration="OVENBIRD",
            jobType="SWEEP" if run.is_sweep else "JOB",
        )
    }
    if location:
        facets["sourceCodeLocation"] = make_facet(
            "SourceCodeLocationJobFacet", type="git", url=location.url, repoUrl=location.repository,
            path=location.path, version=location.revision,
        )  # fmt: skip
    return facets


def make_dataset_facets(record: Record) -> Facets:
    """Return the facets of a data set: schema, version, and what it is."""
    facets = {
        "version": make_facet("DatasetVersionDatasetFacet", datasetVersion=record["id"]),
        "datasetType": make_facet("DatasetTypeDatasetFacet", datasetType=_name_type(record)),
    }
    schema = record["spec"].get("schema")
    fields = schema.get("fields") if isinstance(schema, Mapping) else None
    if isinstance(fields, list):
        columns = [
            {"name": str(column["name"]), "type": str(column.get("type") or "any"), "ordinal_position": number}
            for number, column in enumerate(fields[:_MOST_COLUMNS], 1)
            if isinstance(column, Mapping) and "name" in column
        ]
        facets["schema"] = make_facet("SchemaDatasetFacet", fields=columns)
    return facets


def make_statistics(record: Record) -> dict[str, int]:
    """Return rows, bytes and files of a data set, as far as they are recorded."""
    status = record["status"]
    preview, listed, fingerprint = (status.get(name) or {} for name in ("preview", "files", "fingerprint"))
    counts: dict[str, Any] = {}
    if isinstance(preview, Mapping):
        counts["rowCount"] = preview.get("rows")
    if isinstance(listed, list) and listed and all(isinstance(info, Mapping) for info in listed):
        counts["fileCount"] = len(listed)
        counts["size"] = sum(info["size"] for info in listed if isinstance(info.get("size"), int))
    elif isinstance(fingerprint, Mapping) and fingerprint:
        counts |= {"size": fingerprint.get("size"), "fileCount": fingerprint.get("files", 1)}
    return {name: value for name, value in counts.items() if isinstance(value, int)}


def _name_type(record: Record) -> str:
    if record["type"] == "model":
        return "MODEL"
    return "TABLE" if record["kind"] == "table" else "FILE"


def _make_tag(label: str) -> dict[str, str]:
    key, _, value = label.partition("=")
    return {"key": key, "value": value or "true", "source": "USER"}


def _refer(reference: RunReference) -> dict[str, Any]:
    return {
        "run": {"runId": reference.run},
        "job": {"namespace": reference.namespace, "name": reference.job},
    }
