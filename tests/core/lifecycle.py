"""Which state may follow which, as Core's own state machines have it; an update that breaks this keeps the state."""

from __future__ import annotations

_MATERIAL = {
    "CREATED": {"UPLOADING", "READY", "ERROR"},
    "UPLOADING": {"READY", "ERROR"},
    "READY": {"READY", "ERROR"},
    "ERROR": {"UPLOADING", "READY", "ERROR"},
}
_RUN = {
    "CREATED": {"BUILT", "ERROR"},
    "BUILT": {"READY", "ERROR"},
    "READY": {"PENDING", "RUNNING", "ERROR", "STOPPED"},
    "PENDING": {"RUNNING", "COMPLETED", "ERROR", "STOPPED"},
    "RUNNING": {"COMPLETED", "ERROR", "STOPPED"},
    "STOPPED": {"RUNNING"},  # resumed
    "COMPLETED": set(),
    "ERROR": set(),
}
REMOTE = ("BUILT", "READY", "PENDING", "RUNNING")
"""What Core makes of a run that it executes itself, one after the other."""


def allowed(type: str, before: str, after: str) -> bool:
    """Whether an entity of this type may go from one state to the other."""
    if before == after:
        return True
    table = _RUN if type == "run" else _MATERIAL
    return after in table.get(before, set())
