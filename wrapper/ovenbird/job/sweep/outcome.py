"""How the run of a line has ended, read from the store: also of a run whose process was killed."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...common.redact import mask_parameters
from ...errors import InputError, OvenbirdError
from ...platform import keys
from ...platform.entities.metrics import json_metrics
from ...platform.entities.run import Run
from ...platform.store import FINAL, EntityStore
from ..parameters import display_parameters
from .lines import Line

NOT_RUN = "NOT RUN"
RECORDED = "\0"
"""What the report of a line's process begins with if the end of its run is recorded; its state follows."""
COMPLETED = "COMPLETED"
_KILLED = 128  # what a shell adds to the number of the signal that has ended a process


@dataclass(frozen=True)
class Outcome:
    """The end of a line. `code` is the exit status of its run; `key` is empty if there is no record.

    `varied` are the parameters of the line alone, `parameters` all of the call; secrets are masked in both.
    """

    number: int
    state: str
    code: int
    seconds: float
    key: str = ""
    varied: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    reused_from: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as a JSON object, with the names of a result file."""
        document: dict[str, Any] = {
            "line": self.number, "id": keys.parse_key(self.key).id if self.key else None, "key": self.key or None,
            "state": self.state, "status": self.code, "seconds": self.seconds, "parameters": dict(self.parameters),
            "results": dict(self.results), "outputs": dict(self.outputs), "metrics": dict(self.metrics),
            "error": dict(self.error) if self.error else None,
        }  # fmt: skip
        return document | ({"reused_from": self.reused_from} if self.reused_from else {})


@dataclass(frozen=True)
class ProcessEnd:
    """How the process of a line has ended: its wait status, its life in seconds, and its report of an error.

    `stopped_by` is the name of the signal that was stopping the sweep by then, or `""`. `recorded` is the final state
    that the process has recorded itself, or `""`.
    """

    pid: int
    status: int
    began: float
    seconds: float
    report: str
    stopped_by: str
    recorded: str = ""

    @property
    def code(self) -> int:
        """Return the exit status as a shell shows it."""
        return self.status if self.status >= 0 else _KILLED - self.status

    def describe(self) -> tuple[str, dict[str, str]]:
        """Return the state and the error of a run that has not recorded its own end."""
        if self.stopped_by:
            message = f"stopped by {self.stopped_by}"
            return "STOPPED", {"type": "stopped", "message": message, "traceback": ""}
        if self.report:
            return "ERROR", {"type": "unrecorded", "message": self.report, "traceback": ""}
        cause = f"was killed by {signal.Signals(-self.status).name}" if self.status < 0 else f"ended with {self.status}"
        message = f"process {self.pid} {cause} before its run had ended"
        return "ERROR", {"type": "ProcessLost", "message": message, "traceback": ""}


def make_unrun_outcome(line: Line) -> Outcome:
    """Return the outcome of a line that was not begun."""
    varied = mask_parameters(display_parameters(line.parameters))
    return Outcome(line.number, NOT_RUN, 0, 0.0, varied=varied, parameters=varied)


def make_brief_outcome(key: keys.EntityKey, line: Line, end: ProcessEnd) -> Outcome:
    """Return the outcome of a line whose process has recorded its end, without what the record holds."""
    code = end.code or (0 if end.recorded == COMPLETED else 1)
    return Outcome(line.number, end.recorded, code, round(end.seconds, 3), str(key))


def read_outcome(
    store: EntityStore, key: keys.EntityKey, line: Line, end: ProcessEnd, environ: Mapping[str, str]
) -> Outcome:
    """Return the outcome of a line whose process has ended. Record the end of a run that was killed."""
    varied = mask_parameters(display_parameters(line.parameters))
    state, error = end.describe()
    try:
        record = store.read(key)
        if record["status"].get("state") not in FINAL:
            run = Run(store, record, environ)
            run._began = end.began
            run.finish(state, message=error["message"], error=error)
            record = store.read(key)
    except OvenbirdError as unread:
        if not isinstance(unread, InputError) and not end.report:
            error = {**error, "message": f"{error['message']}; {unread.message}"}
        seconds = round(end.seconds, 3)
        return Outcome(line.number, state, end.code or 1, seconds, varied=varied, parameters=varied, error=error)
    status = record["status"]
    state = str(status["state"])
    return Outcome(
        line.number,
        state,
        end.code or (0 if state == COMPLETED else 1),
        round(end.seconds, 3),
        str(record["key"]),
        varied,
        mask_parameters(status.get("parameters") or record["spec"].get("parameters") or {}),
        status.get("results") or {},
        status.get("outputs") or {},
        json_metrics(status.get("metrics") or {}),
        status.get("error") or None,
        str(status.get("reused_from") or ""),
    )
