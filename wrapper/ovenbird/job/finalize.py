"""How a run ended: told in the log, in its record, and in the result file."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from ..common.redact import mask_parameters
from ..common.text import cut_text, show_value
from ..errors import OutputError, OvenbirdError, PlatformError
from ..function.tracebacks import summary
from ..platform.entities.run import Run
from ..platform.store import FINAL
from .result import RunResult
from .result_file import is_stdout, kept_record, print_text, result_file

STOPPED = 143
_LONGEST = 64 * 1024  # characters of an error's message, and of its traceback
_NOBODY_READS = (errno.EPIPE, errno.EBADF)  # a reader that has seen enough; a stream that is closed
_log = logging.getLogger("ovenbird")


def _told(name: str, value: object) -> str:
    """A result for the log: cut, and without what is secret."""
    masked = next(iter(mask_parameters({name: value}).values()))
    return cut_text(masked, 200) if isinstance(masked, str) else show_value(masked, 200)


class RunFinalizer:
    """The end of one run. `rescue` is the folder that keeps the record when the store cannot be told.

    `stdout` gets what the handler returned, once; with None nothing is printed there but a result file `-`.
    """

    def __init__(
        self, record: Run, outcome: RunResult, result_file: str, rescue: Path | None, stdout: TextIO | None = None
    ) -> None:
        self._record, self._outcome = record, outcome
        self._result_file, self._rescue = result_file, rescue
        self._stdout = stdout

    def record(self, state: str, code: int, error: dict[str, str] | None) -> int:
        """Record the end; the exit status. Errors: PlatformError that names what was stored."""
        error = error and {name: cut_text(text, _LONGEST) for name, text in error.items()}
        self._keep_logged()
        self._tell(state, error)
        try:
            recorded = self._finish(state, error)
        except OvenbirdError as unrecorded:
            stored = ", ".join(self._outcome.outputs.values()) or "none"
            failed = PlatformError(
                f"the run ended as {state} and could not be recorded: {unrecorded.message}; outputs stored: {stored}"
                + (kept_record(self._rescue / "run.json", self._record) if self._rescue else ""),
                hint=unrecorded.hint,
            )
            self._told("ERROR", {"type": failed.code, "message": str(failed), "traceback": ""})
            raise failed from unrecorded
        if recorded in ("STOP", "STOPPED") and state != "STOPPED":
            _log.warning("the run was stopped meanwhile: its state is %s; what it made is recorded", recorded)
            state, code = "STOPPED", STOPPED
        elif recorded == "ERROR" != state:
            _log.error("somebody has set the run to ERROR meanwhile: it stays that; what it made is recorded")
            state, code = recorded, PlatformError.exit_code
        elif recorded in FINAL and recorded != state:
            _log.error("the run ended as %s, and the platform keeps %s", state, recorded)
            code = code or PlatformError.exit_code
        written = self._told(state, error)
        if self._stdout and self._outcome.returned and not is_stdout(self._result_file):
            from .result_text import result_text

            try:
                print_text(self._stdout, result_text(self._outcome.returned))
            except ValueError:  # the function has closed it, and the record has what was returned
                pass
            except OSError as error_of_stdout:
                if error_of_stdout.errno not in _NOBODY_READS:
                    reason = error_of_stdout.strerror or error_of_stdout
                    _log.error("cannot write to stdout: %s; what was returned is in the record", reason)
                    written = False
        return code or (0 if written else OutputError.exit_code)

    def _finish(self, state: str, error: dict[str, str] | None) -> str:
        """Record the end, whatever the function has put into its run; the state. Errors: OvenbirdError."""

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
            _log.warning("recorded without what the function has put into its run: %s", summary(broken))
            return finish()

    def _told(self, state: str, error: Mapping[str, str] | None) -> bool:
        """Write the result file, if one is asked for. Whether that could be done."""
        name = self._result_file
        stdout = (self._stdout or sys.stdout) if is_stdout(name) else None
        return not name or result_file(name, self._record, state, self._outcome, error, stdout)

    def _keep_logged(self) -> None:
        """Count what the handler has stored itself among the outputs, under its own name."""
        returned = set(self._outcome.outputs.values())
        for entity in self._record.logged:
            if entity.key not in returned:
                self._outcome.outputs.setdefault(entity.name, entity.key)

    def _tell(self, state: str, error: dict[str, str] | None) -> None:
        """Log how the run ended, and what it made."""
        for name, key in self._outcome.outputs.items():
            _log.info("output %s: %s", name, key)
        for name, value in self._outcome.results.items():
            _log.info("result %s: %s", name, _told(name, value))
        if error:
            extra = {"fields": {"state": state, "error": error["type"]}, "traceback": error["traceback"]}
            _log.error("%s: %s", state, error["message"], extra=extra)
        else:
            _log.info("%s", state, extra={"fields": {"state": state}})
