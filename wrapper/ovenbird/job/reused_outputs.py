"""The results, outputs and metrics of an earlier run as those of a run that reuses it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import OvenbirdError
from ..platform.entities.entity import read_entity
from ..platform.entities.run import Run
from ..platform.store import EntityStore, Record
from ..platform.tables.preview import format_preview
from .outputs import LARGEST_RESULT
from .result import Display, RunResult


def take_outputs(
    record: Run, former: Record, outcome: RunResult, store: EntityStore, environ: Mapping[str, str]
) -> None:
    """Add what an earlier run has made to `outcome` and to the record of the new run, which then names that run."""
    status = former["status"]
    outcome.results.update(status.get("results") or {})
    outcome.outputs.update(status.get("outputs") or {})
    for name in status["reuse"].get("returned") or ():
        if name in outcome.results:
            outcome.returned[name] = outcome.results[name]
        elif name in outcome.outputs:
            outcome.returned[name] = _display_output(store, outcome.outputs[name], environ)
    if shape := status.get("returned"):
        outcome.shape = shape
    record.status.reused_from = former["key"]
    if metrics := status.get("metrics"):
        record.log_metrics(metrics)


def _display_output(store: EntityStore, key: str, environ: Mapping[str, str]) -> Any:
    """Return a stored output for people, as the run that made it did: the value of a JSON file, rows, or the key."""
    try:
        entity = read_entity(store, key, environ)
        if text := format_preview(entity.status.get("preview")):
            return Display(text)
        files = entity.status.get("files") or []
        if len(files) == 1 and str(files[0].get("path")).endswith(".json") and files[0]["size"] <= LARGEST_RESULT:
            return json.loads(Path(entity.as_file()[0]).read_text(encoding="utf-8"))
    except (OvenbirdError, OSError, ValueError):
        pass  # it is stored all the same
    return Display(key)
