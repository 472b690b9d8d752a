"""The states of a service, in their order."""

from __future__ import annotations

from ovenbird.serve.lifecycle.state import WorkerLifecycle, WorkerState


def test_calls_are_let_in_from_ready_until_closed() -> None:
    """The gate is open while ready and while draining, and says why whenever the service is not ready."""
    gate = WorkerLifecycle()
    states = [(gate.state, gate.is_open, gate.is_closing, bool(gate.why))]
    for step in (gate.admit_calls, gate.drain, gate.close):
        step()
        states.append((gate.state, gate.is_open, gate.is_closing, bool(gate.why)))
    assert states == [
        (WorkerState.STARTING, False, False, True),
        (WorkerState.READY, True, False, False),
        (WorkerState.DRAINING, True, True, True),
        (WorkerState.CLOSED, False, True, True),
    ]
