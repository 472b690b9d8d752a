"""What is reported of a run: plain values, which no store and no user code is needed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
"""The record of a data item, an artifact or a model."""


@dataclass(frozen=True)
class ReportedRun:
    """A run that starts. `handler` is `MODULE:NAME`, `root` the folder of its source, `source` where that is from.

    `inputs` are paths and URLs, as far as they are known before the function is loaded. `is_sweep`: it is a sweep, the
    parent of the runs of its lines.
    """

    identity: str
    key: str
    project: str
    function: str
    handler: str
    root: Path
    source: str
    started: str
    title: str = ""
    note: str = ""
    labels: Sequence[str] = ()
    inputs: Sequence[str] = ()
    is_sweep: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """How a run has ended: its state (COMPLETED, ERROR, STOPPED), the moment in ISO 8601, what it has read and made.

    `error` holds type, message and traceback. `metrics` are numbers or series of numbers. `outputs` are records by the
    names of the outputs.
    """

    state: str
    ended: str
    error: Mapping[str, str] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[Record] = ()
    outputs: Mapping[str, Record] = field(default_factory=dict)


def format_error(error: Mapping[str, str]) -> str:
    """Return type and message; the message of what user code has raised begins with its type."""
    kind, message = error["type"], error["message"]
    return message if message.startswith(kind) else f"{kind}: {message}"
