"""The ids that the log of a run has."""

from __future__ import annotations

import os


class JobTraceContext:
    """The ids in the log of a run: its own, and the trace of its caller (variables TRACEPARENT and TRACESTATE).

    Without a trace of a caller, the run's id is the id of a new trace.
    """

    def __init__(self, identity: str, traceparent: str, tracestate: str = "") -> None:
        self.request_id = identity
        self.trace_id, self.span_id, self.tracestate = identity, identity[:16], ""
        self.traceparent = f"00-{self.trace_id}-{self.span_id}-00"
        if traceparent:
            from ..trace_context import from_traceparent

            trace = from_traceparent(os.fsencode(traceparent), os.fsencode(tracestate))
            self.trace_id, self.span_id, self.tracestate = trace.trace_id, trace.span_id, trace.tracestate
            self.traceparent = trace.traceparent
