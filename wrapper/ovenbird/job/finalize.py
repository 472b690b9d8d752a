"""The end of a run: write it to the log, to the record of the run, and to the result file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from ..common.redact import mask_parameters
from ..common.text import cut_text, show_value
from ..errors import OutputError, OvenbirdError, PlatformError
from ..function.tracebacks import summarize_error
from ..platform.entities.run import Run
from ..platform.store import FINAL
from .result import RunResult
from .result_file import is_stdout, save_failed_record, write_result_file

STOPPED = 143
_LONGEST = 64 * 1024  # characters of an error's message, and of its traceback
_log = logging.getLogger("ovenbird")


def _format_result(name: str, value: object) -> str:
    """Return a result as text for the log, shortened and with secrets masked."""
    masked = next(iter(mask_parameters({name: value}).values()))
    return cut_text(masked, 200) if isinstance(masked, str) else show_value(masked, 200)


class RunRescue(NamedTuple):
    """If the store cannot be written: the folder for the record and the log, and the error that is raised."""

    folder: Path
    log: Path | None
    error: type[PlatformError]


class RunFinalizer:
    """Records the end of one run. `rescue` says what happens if the store cannot be written.

    `stdout` is the stream that the result file `-` means.
    """

    def __init__(
        self, record: Run, outcome: RunResult, result_file: str, rescue: RunRescue | None, stdout: TextIO | None = None
    ) -> None:
        self._record, self._outcome = record, outcome
        self._result_file, self._rescue = result_file, rescue
        self._stdout = stdout

    def record(self, state: str, code: int, error: dict[str, str] | None) -> tuple[str, int]:
        """Record the end, and return the state and the exit status.

        Errors: PlatformError that lists the outputs that were stored.
        """
        error = error and {name: cut_text(text, _LONGEST) for name, text in error.items()}
        self._write_termination_message(error)
        self._add_logged_outputs()
        self._log_end(state, error)
        try:
            recorded = self._finish_record(state, error)
        except OvenbirdError as unrecorded:
            stored = ", ".join(self._outcome.outputs.values()) or "none"
            rescue = self._rescue
            location_text = save_failed_record(rescue.folder, self._record, rescue.log) if rescue else ""
            failed = (rescue.error if rescue else PlatformError)(
                f"the run ended as {state} and could not be recorded: {unrecorded.message};"
                f" outputs stored: {stored}{location_text}",
                hint=unrecorded.hint,
            )
            self._write_result_file("ERROR", {"type": failed.code, "message": str(failed), "traceback": ""})
            raise failed from unrecorded
        if recorded in ("STOP", "STOPPED") and state != "STOPPED":
            _log.warning("the run was stopped meanwhile: its state is %s; its outputs are recorded", recorded)
            state, code = "STOPPED", STOPPED
        elif recorded == "ERROR" != state:
            _log.error("the run was set to ERROR meanwhile, and keeps that state; its outputs are recorded")
            state, code = recorded, PlatformError.exit_code
        elif recorded in FINAL and recorded != state:
            _log.error("the run ended as %s, and the platform keeps %s", state, recorded)
            code = code or PlatformError.exit_code
        if not code:
            self._write_termination_result()
        written = self._write_result_file(state, error)
        return state, code or (0 if written else OutputError.exit_code)

    def _write_termination_message(self, error: Mapping[str, str] | None) -> None:
        """Write the error to where Kubernetes looks for it, unless the result file goes there."""
        if error:
            from ..common.termination_log import PATH, write_termination_message

            if self._result_file != PATH:
                write_termination_message(error["type"], error["message"], error["traceback"])

    def _write_termination_result(self) -> None:
        """Write results and outputs to where Kubernetes looks for the end, unless the result file goes there."""
        from ..common.termination_log import PATH, write_termination_result

        if self._result_file != PATH:
            write_termination_result(self._record.key, self._outcome.results, self._outcome.outputs)

    def _finish_record(self, state: str, error: dict[str, str] | None) -> str:
        """Record the end, and return the state of the run afterwards. Errors: OvenbirdError.

        If what the function has put into its run cannot be recorded, record the end without it.
        """

        def finish() -> str:
            return self._record.finish(
                state, message=error["message"] if error else "", error=error,
                outputs=self._outcome.outputs, results=self._outcome.results,
            )  # fmt: skip

        try:
            return finish()
        except OvenbirdError:
            raise
        except Exception as broken:
            self._record.restore(all_parts=True)
            _log.warning("recorded without what the function has put into its run: %s", summarize_error(broken))
            return finish()

    def _write_result_file(self, state: str, error: Mapping[str, str] | None) -> bool:
        """Write the result file, if there is to be one. Return False if that failed."""
        name = self._result_file
        stdout = (self._stdout or sys.stdout) if is_stdout(name) else None
        return not name or write_result_file(name, self._record, state, self._outcome, error, stdout)

    def _add_logged_outputs(self) -> None:
        """Add entities that the handler has stored itself to the outputs, by their names."""
        returned = set(self._outcome.outputs.values())
        for entity in self._record.logged:
            if entity.key not in returned:
                self._outcome.outputs.setdefault(entity.name, entity.key)

    def _log_end(self, state: str, error: dict[str, str] | None) -> None:
        """Log the state of the run, its outputs and its results."""
        for name, key in self._outcome.outputs.items():
            _log.info("output %s: %s", name, key)
        for name, value in self._outcome.results.items():
            _log.info("result %s: %s", name, _format_result(name, value))
        if error:
            extra = {"fields": {"state": state, "error": error["type"]}, "traceback": error["traceback"]}
            _log.error("%s: %s", state, error["message"], extra=extra)
        else:
            _log.info("%s", state, extra={"fields": {"state": state}})
