"""The states of a service, in their order."""

from __future__ import annotations

from ovenbird.serve.gate import Gate, State


def test_calls_are_let_in_from_ready_until_closed() -> None:
    """The gate is open while ready and while draining, and says why whenever the service is not ready."""
    gate = Gate()
    seen = [(gate.state, gate.open, gate.closing, bool(gate.why))]
    for step in (gate.ready, gate.drain, gate.close):
        step()
        seen.append((gate.state, gate.open, gate.closing, bool(gate.why)))
    assert seen == [
        (State.STARTING, False, False, True),
        (State.READY, True, False, False),
        (State.DRAINING, True, True, True),
        (State.CLOSED, False, True, True),
    ]
