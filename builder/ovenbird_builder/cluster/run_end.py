"""How a run has ended, from the exit status and the termination message of its container."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ovenbird.common.text import cut_text, escape_controls

from .pod_status import ContainerEnd

_STOPPED = (129, 130, 143)  # exit statuses of a run that a signal has stopped
_LONGEST = 100  # characters of a result in a line


class RunEnd(Struct, frozen=True):
    """The end of a run: its state, the exit status of its container, what it made, and the error of one that failed.

    `run` is the key of its record, `cut` how many results and outputs had no room in the message; `seconds` are those
    of the container.
    """

    state: str
    exit_code: int
    pod: str
    seconds: float
    run: str = ""
    results: Mapping[str, Any] = {}
    outputs: Mapping[str, str] = {}
    cut: int = 0
    message: str = ""
    node: str = ""

    def describe(self) -> str:
        """Return the end as one line for people."""
        parts = [f"{self.state} in {self.seconds:.0f} s"]
        parts += [f"{name}={_format_result(value)}" for name, value in {**self.results, **self.outputs}.items()]
        parts += [f"and {self.cut} more in its record"] if self.cut else []
        return "   ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the end as JSON has it."""
        return {
            "state": self.state, "exit_code": self.exit_code, "run": self.run, "results": dict(self.results),
            "outputs": dict(self.outputs), "cut": self.cut, "error": self.message or None, "pod": self.pod,
            "seconds": self.seconds,
        }  # fmt: skip


def read_end(pod: Mapping[str, Any], end: ContainerEnd) -> RunEnd:
    """Return the end of the run of a pod whose container has ended."""
    name, node = pod["metadata"]["name"], str((pod.get("spec") or {}).get("nodeName") or "")
    if end.exit_code:
        state = "STOPPED" if end.exit_code in _STOPPED else "ERROR"
        return RunEnd(state, end.exit_code, name, end.seconds, message=end.message.strip(), node=node)
    document = _parse_message(end.message)
    return RunEnd(
        "COMPLETED", 0, name, end.seconds, run=str(document.get("run") or ""),
        results=_get_mapping(document, "results"), outputs=_get_mapping(document, "outputs"),
        cut=document["cut"] if isinstance(document.get("cut"), int) else 0, node=node,
    )  # fmt: skip


def _parse_message(text: str) -> dict[str, Any]:
    """Return the message of a run that is COMPLETED; empty where the image's runtime has written none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _get_mapping(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = document.get(field)
    return value if isinstance(value, dict) else {}


def _format_result(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape_controls(cut_text(text, _LONGEST))
