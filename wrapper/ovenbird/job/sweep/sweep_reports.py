"""Report a sweep to OpenLineage and MLflow, as the parent of the runs of its lines."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from ...function.target import name_function
from ...platform import keys
from ...platform.store import format_timestamp
from ..reports import names_servers
from .plan import TAG, SweepPlan

if TYPE_CHECKING:
    from ...lineage.run_reports import RunReports

_STOPPED = tuple(128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))


class SweepReports:
    """The reports of one sweep; nothing is done where no server is named."""

    def __init__(self, plan: SweepPlan) -> None:
        self._plan = plan
        self._reports: RunReports | None = None

    def start(self) -> SweepPlan:
        """Report the start, and return the plan, whose variables name the sweep as the parent of its runs.

        A server that has failed is left out of them: each of a thousand lines would wait for it again.
        """
        plan = self._plan
        if not names_servers(plan.environ):
            return plan
        from ...lineage.reported_run import ReportedRun
        from ...lineage.run_reports import RunReports

        target = plan.target
        self._reports = RunReports(plan.environ)
        run = ReportedRun(
            keys.new_id(), "", plan.project, name_function(target), str(target), target.root,
            target.function.source if target.function else "", format_timestamp(), title=plan.settings.name,
            note=plan.settings.note, labels=[f"{TAG}={plan.identity}"], is_sweep=True,
        )  # fmt: skip
        self._reports.start(run)
        failed = self._reports.list_failed()
        environ = {name: text for name, text in plan.environ.items() if name not in failed}
        return replace(plan, environ={**environ, **self._reports.list_variables()})

    def end(self, code: int) -> None:
        """Report the end, by the exit status of the sweep."""
        if self._reports is None:
            return
        from ...lineage.reported_run import RunOutcome

        state = "STOPPED" if code in _STOPPED else "ERROR" if code else "COMPLETED"
        error = {"type": "sweep", "message": f"the exit status of the sweep is {code}"} if code else None
        self._reports.end(RunOutcome(state, format_timestamp(), error))
