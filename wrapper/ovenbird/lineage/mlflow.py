"""MLflow: the run of a tracking server, made before the function is imported and ended with its run.

`MLFLOW_RUN_ID` names it to the function, so that `mlflow.autolog()` logs to the same run. REST API:
https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..common.git_checkout import read_revision
from ..common.redact import redact_record
from . import mlflow_values as values
from .git_location import locate_source
from .json_server import Credentials, JsonServer, ReportError, check_url
from .reported_run import ReportedRun, RunOutcome, format_error

RUN_ID = "MLFLOW_RUN_ID"
_API = "api/2.0/mlflow"
_DEFAULT_EXPERIMENT = "0"
_STATES = {"COMPLETED": "FINISHED", "ERROR": "FAILED", "STOPPED": "KILLED"}
_OTHER_EXPERIMENT = "does not match environment run ID"  # the library's words
_INSTEAD = "name that by `MLFLOW_EXPERIMENT_NAME`, or set `OVENBIRD_MLFLOW=off`"
_log = logging.getLogger("ovenbird")
_MISSING, _EXISTS = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"


class MlflowReporter:
    """Makes one run of MLflow, and ends it."""

    title, variable = "MLflow", "MLFLOW_TRACKING_URI"

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the variables. Errors: ReportError for a URL that is none."""
        url = check_url(self.variable, environ[self.variable])
        user, password, token = (
            (environ.get(f"MLFLOW_TRACKING_{name}") or "").strip() for name in ("USERNAME", "PASSWORD", "TOKEN")
        )
        authority = environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or ""
        self.server = JsonServer(url, Credentials(token, user, password), environ, authority)
        self._environ = environ
        self.run_id = ""

    def report_start(self, run: ReportedRun) -> None:
        """Make the run. Errors: ReportError."""
        body = {
            "experiment_id": self._find_experiment(),
            "run_name": run.title or run.function,
            "start_time": _to_milliseconds(run.started),
            "tags": values.make_tags(_describe_run(run, self._environ)),
        }
        answer = self._call("POST", "runs/create", body)
        try:
            self.run_id = str(answer["run"]["info"]["run_id"])
        except (TypeError, KeyError):
            raise ReportError("its answer has no run: is it the address of a tracking server?") from None

    def report_end(self, outcome: RunOutcome) -> None:
        """Add what the run has given, and end it. What the function itself has logged stays. Errors: ReportError."""
        if not self.run_id:
            return
        moment = _to_milliseconds(outcome.ended)
        try:
            self._log_outcome(outcome, moment)
        finally:  # a part that the server refuses leaves no run that seems to go on
            body = {"run_id": self.run_id, "status": _STATES[outcome.state], "end_time": moment}
            self._call("POST", "runs/update", body)

    def _log_outcome(self, outcome: RunOutcome, moment: int) -> None:
        """Add metrics, parameters and tags. `moment` is in milliseconds since 1970. Errors: ReportError."""
        logged = self._read_logged()
        numbers = {name: value for name, value in outcome.results.items() if values.is_number(value)}
        metrics = values.make_metrics({**numbers, **outcome.metrics}, moment)
        parameters = values.make_parameters(outcome.parameters)
        for body in values.make_batches(
            [item for item in metrics if item["key"] not in logged["metrics"]],
            [item for item in parameters if item["key"] not in logged["params"]],
            values.make_tags(_describe_outcome(outcome)),
        ):
            self._call("POST", "runs/log-batch", {"run_id": self.run_id, **body})

    def list_variables(self) -> dict[str, str]:
        """Return the variable that names the run to the library `mlflow`."""
        return {RUN_ID: self.run_id} if self.run_id else {}

    def release(self, outcome: RunOutcome) -> None:
        """End the run in the library too, if the function has left it open: at its exit, it would call it finished."""
        if outcome.error and _OTHER_EXPERIMENT in outcome.error["message"]:
            _log.warning("MLflow: this run is in another experiment than the function asks for: %s", _INSTEAD)
        library: Any = sys.modules.get("mlflow")
        with contextlib.suppress(Exception), contextlib.redirect_stdout(sys.stderr):
            active = library.active_run() if library and self.run_id else None
            if active and active.info.run_id == self.run_id:
                library.end_run(_STATES[outcome.state])

    def _find_experiment(self) -> str:
        """Return the id of the experiment that the variables name, which is made if there is none of its name."""
        name = self._environ.get("MLFLOW_EXPERIMENT_NAME")
        if not name:
            return self._environ.get("MLFLOW_EXPERIMENT_ID") or _DEFAULT_EXPERIMENT
        try:
            return self._read_experiment(name)
        except ReportError as error:
            if error.code != _MISSING:
                raise
        try:
            return str(self._call("POST", "experiments/create", {"name": name})["experiment_id"])
        except ReportError as error:
            if error.code != _EXISTS:  # another run has just made it
                raise
        return self._read_experiment(name)

    def _read_experiment(self, name: str) -> str:
        answer = self._call("GET", "experiments/get-by-name", query={"experiment_name": name})
        try:
            return str(answer["experiment"]["experiment_id"])
        except (TypeError, KeyError):
            raise ReportError("its answer has no experiment: is it the address of a tracking server?") from None

    def _read_logged(self) -> dict[str, set[str]]:
        """Return the names of the parameters and metrics that the function has logged: those must not change."""
        answer = self._call("GET", "runs/get", query={"run_id": self.run_id})
        data = answer["run"].get("data") or {}
        return {kind: {item["key"] for item in data.get(kind) or ()} for kind in ("params", "metrics")}

    def _call(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        return self.server.call(method, f"{_API}/{path}", body, query)


def is_enabled(environ: Mapping[str, str]) -> bool:
    """Return whether runs are to be made: by a tracking server, and not in files or a database.

    `OVENBIRD_MLFLOW=off` leaves the server to the function.
    """
    if (environ.get("OVENBIRD_MLFLOW") or "").strip().lower() in ("0", "false", "off", "no"):
        return False
    return (environ.get("MLFLOW_TRACKING_URI") or "").strip().lower().startswith(("http://", "https://"))


def _describe_run(run: ReportedRun, environ: Mapping[str, str]) -> dict[str, str]:
    location, revision = locate_source(run), read_revision(run.root)
    tags = {label.partition("=")[0]: label.partition("=")[2] or "true" for label in run.labels}
    return tags | {
        "mlflow.source.name": run.handler,
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": revision,
        "mlflow.source.git.repoURL": location.repository if location else "",
        "mlflow.parentRunId": environ.get(RUN_ID) or "",
        "mlflow.user": environ.get("USER") or environ.get("LOGNAME") or "",
        "mlflow.note.content": run.note,
        "ovenbird.run": run.key,
        "ovenbird.function": f"{run.project}/{run.function}",
        "ovenbird.revision": revision,
    }


def _describe_outcome(outcome: RunOutcome) -> dict[str, str]:
    """Return tags for what is no number: outputs by their keys and paths, other results, the error."""
    tags = {f"ovenbird.output.{name}": str(record["key"]) for name, record in outcome.outputs.items()}
    tags |= {
        f"ovenbird.path.{name}": redact_record(str(record["spec"].get("path") or ""))
        for name, record in outcome.outputs.items()
    }
    others = {name: value for name, value in outcome.results.items() if not values.is_number(value)}
    tags |= {f"ovenbird.result.{item['key']}": item["value"] for item in values.make_parameters(others)}
    if outcome.error:
        tags["ovenbird.error"] = format_error(outcome.error)
    return tags


def _to_milliseconds(moment: str) -> int:
    """Return the milliseconds since 1970 of a moment in ISO 8601 in UTC."""
    return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp() * 1000)
