"""What is shown of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.redact import mask_record
from .card import Card, Curves, Fields, Part, Text
from .cell_text import format_cell, format_moment, format_seconds

_NO_NAME = "run"  # what the metadata of a run says that was given no name


def make_run_card(record: Mapping[str, Any], metrics: Mapping[str, Any], log: str = "") -> Card:
    """Return the card of a run: state, times, parameters, results, metrics, outputs, and how it failed.

    Secret parameters and URLs are masked.
    """
    masked = mask_record(record)
    spec, status, metadata = masked["spec"], masked["status"], masked["metadata"]
    name = str(metadata.get("name") or "")
    facts = {
        "function": get_function_name(spec.get("function")),
        "id": "" if name in ("", _NO_NAME, record["id"]) else record["id"],
        "project": record["project"], "started": format_moment(status.get("started")),
        "took": format_seconds(status.get("seconds")), "reused from": status.get("reused_from"),
        "note": metadata.get("description"),
    }  # fmt: skip
    parameters = {**(spec.get("parameters") or {}), **(status.get("parameters") or {})}
    parts: list[Part] = [
        *_list_failure(status), Fields("Parameters", parameters), Fields("Inputs", spec.get("inputs") or {}),
        Fields("Results", status.get("results") or {}), Curves("Metrics", metrics),
        Fields("Outputs", status.get("outputs") or {}), Text("Log", log),
    ]  # fmt: skip
    return Card("Run", name if facts["id"] else record["id"], str(status.get("state") or ""), facts, parts)


def describe_run(record: Mapping[str, Any]) -> str:
    """Return a run in one line: function, state and id."""
    status, function = record["status"], get_function_name(record["spec"].get("function"))
    return " ".join(word for word in ("Run", function, str(status.get("state") or ""), str(record["key"])) if word)


def get_function_name(key: Any) -> str:
    """Return the function's name from its key, or from `python://project/name:id`."""
    return str(key or "").rpartition("/")[2].partition(":")[0]


def _list_failure(status: Mapping[str, Any]) -> list[Part]:
    """Return what is said of a failure: type and message, and the traceback."""
    error = status.get("error") or {}
    message = error.get("message") or status.get("message") or ""
    title = f"{error.get('type') or 'Message'}: {message}" if message else ""
    if trace := error.get("traceback"):
        return [Text(format_cell(title, 300) or "Traceback", str(trace), is_open=True)]
    return [Fields("", {str(error.get("type") or "message"): message})] if message else []
