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
    "READY": {"PENDING", "RUNNING", "ERROR"},
    "PENDING": {"RUNNING", "COMPLETED", "ERROR"},
    "RUNNING": {"STOP", "COMPLETED", "ERROR"},
    "STOP": {"STOPPED", "ERROR"},
    "STOPPED": {"ERROR"},
    "COMPLETED": set(),
    "ERROR": set(),
}
REMOTE = ("BUILT", "READY", "PENDING", "RUNNING")
"""What Core makes of a run that it executes itself, one after the other."""
WAYS = {
    "CREATED": (), "BUILT": ("BUILT",), "READY": ("BUILT", "READY"), "PENDING": ("BUILT", "READY", "PENDING"),
    "RUNNING": ("BUILT", "READY", "RUNNING"), "STOP": ("BUILT", "READY", "RUNNING", "STOP"),
    "STOPPED": ("BUILT", "READY", "RUNNING", "STOP", "STOPPED"),
    "COMPLETED": ("BUILT", "READY", "RUNNING", "COMPLETED"), "ERROR": ("ERROR",),
}  # fmt: skip
"""The states that a run of here takes by PUT until it is in that one."""


def is_allowed(entity_type: str, before: str, after: str) -> bool:
    """Return whether an entity of this type may go from one state to the other."""
    if before == after:
        return True
    table = _RUN if entity_type == "run" else _MATERIAL
    return after in table.get(before, set())
