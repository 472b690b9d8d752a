"""A function as a job: Job, CronJob, or a Job with an index for each line of parameters."""

from __future__ import annotations

from ovenbird.common.hashing import hash_text

from .metadata import make_labels, make_metadata
from .pod import EACH, Document, make_container, make_spec, resolve_settings
from .pod_failure_policy import make_exit_rule, make_policy
from .request import ManifestRequest

_ENDING = 60  # seconds for the handler's `finally`, the outputs it has made and the record of the run
# exit statuses that another attempt gives again: settings, document, load, init; and arguments, which are a line's own
_HOPELESS, _ARGUMENTS = (70, 71, 72, 73), 77
_STOPPED = (137, 143)  # killed (no memory left) or stopped: worth another attempt
_PARALLEL = 10  # runs at once where nothing says how many
_HISTORY = 3  # runs of a CronJob that are kept, of those that went well and of those that did not


def make_documents(request: ManifestRequest) -> list[Document]:
    """Return the objects of a job: the parameters first, when there is a list of them."""
    parameters = [_make_parameters(request)] if request.each else []
    body = _make_spec(request, parameters[0]["metadata"]["name"] if parameters else "")
    if request.schedule:
        return [*parameters, _make_cron_job(request, body)]
    about = make_metadata(request)
    if request.generate_name:
        about = {"generateName": f"{about.pop('name')}-", **about}
    return [*parameters, {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": body}]


def _make_parameters(request: ManifestRequest) -> Document:
    """Return a ConfigMap named by its content: it never changes below a Job that runs."""
    text = "\n".join(request.each) + "\n"
    name = f"{request.name}-{hash_text(text)[:10]}"
    key = EACH.rpartition("/")[2]
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": make_metadata(request, name), "immutable": True,
        "data": {key: text},
    }  # fmt: skip


def _make_spec(request: ManifestRequest, parameters: str) -> Document:
    resolve_settings(request)  # what the run would refuse is refused now
    pod = make_spec(
        request, make_container(request, ["run"]), restartPolicy="Never", terminationGracePeriodSeconds=_ENDING
    )  # fmt: skip
    job_spec: Document = {}
    if request.each:
        pod["volumes"].append({"name": "each", "configMap": {"name": parameters}})
        job_spec = {"completionMode": "Indexed", "completions": len(request.each)}
        job_spec["parallelism"] = min(request.parallelism or _PARALLEL, len(request.each))
        # a limit for each: a line that fails takes no attempt from the others
        job_spec["backoffLimitPerIndex"] = request.further_attempts
    else:
        job_spec["backoffLimit"] = request.further_attempts
    job_spec["podFailurePolicy"] = _make_failure_policy(bool(request.each))
    if request.ttl is not None:
        job_spec["ttlSecondsAfterFinished"] = request.ttl
    return {**job_spec, "template": {"metadata": {"labels": make_labels(request)}, "spec": pod}}


def _make_failure_policy(indexed: bool) -> Document:
    """Return the rules: a function that cannot work ends the job, a line that does not fit ends alone."""
    if indexed:
        hopeless = [make_exit_rule("FailJob", *_HOPELESS), make_exit_rule("FailIndex", _ARGUMENTS)]
    else:
        hopeless = [make_exit_rule("FailJob", *_HOPELESS, _ARGUMENTS)]
    return make_policy(*hopeless, make_exit_rule("Count", *_STOPPED))


def _make_cron_job(request: ManifestRequest, body: Document) -> Document:
    spec: Document = {"schedule": request.schedule}
    if request.time_zone:
        spec["timeZone"] = request.time_zone
    spec |= {
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": _HISTORY,
        "failedJobsHistoryLimit": _HISTORY,
        "jobTemplate": {"metadata": {"labels": make_labels(request)}, "spec": body},
    }
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": make_metadata(request), "spec": spec}
