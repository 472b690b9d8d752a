"""Raise what has kept a run from its end: a typed error of its arguments, or the failure of the user's code."""

from __future__ import annotations

from collections.abc import Mapping

from .. import errors
from ..common.text import cut_text
from ..errors import OvenbirdError, RunFailedError
from ..platform.entities.run import Run

COMPLETED = "COMPLETED"
_FOLDED = ("load", "document", "arguments", "input", "settings")  # begin the codes of errors before any call


class UserTraceback(Exception):
    """The traceback of the user's code in another process, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def check_run(run: Run, failure: BaseException | None = None) -> Run:
    """Return a run that is COMPLETED. `failure` is what it has raised in this process.

    Errors: ArgumentsError, LoadError and the like for a function that was not called; else RunFailedError.
    """
    if run.status.state == COMPLETED:
        return run
    if isinstance(failure, OvenbirdError) and run.status.called is False:
        raise failure
    raise make_failure(run) from _find_cause(run, failure)


def make_failure(run: Run) -> OvenbirdError:
    """Return the error of a run that is not COMPLETED."""
    details = run.status.error or {}
    message = cut_text(str(details.get("message") or run.status.message or "it has recorded no error"), 2000)
    kind, trace = str(details.get("type") or ""), str(details.get("traceback") or "")
    if run.status.called is False and (error := _find_class(kind)):
        return error(message)
    text = f"run {run.id} ended as {run.status.state}: {message}"
    return RunFailedError(text, run=run, exit_code=_find_exit_code(kind), cause=trace)


def _find_cause(run: Run, failure: BaseException | None) -> BaseException | None:
    """Return what the user's code has raised, or its traceback where that was another process."""
    trace = str((run.status.error or {}).get("traceback") or "")
    return (failure and failure.__context__) or (UserTraceback(trace) if trace else None)


def make_error(details: Mapping[str, str]) -> OvenbirdError:
    """Return the error that a child has reported, by its code."""
    error = find_error(details["code"]) or OvenbirdError
    return error(details["message"], hint=details["hint"], **({"cause": details["cause"]} if details["cause"] else {}))


def _find_class(kind: str) -> type[OvenbirdError] | None:
    """Return the class of an error that has come before any call, by its code."""
    if kind.partition(".")[0] not in _FOLDED:
        return None
    return find_error(kind)


def find_error(kind: str) -> type[OvenbirdError] | None:
    """Return the class of errors with that code, or None."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, OvenbirdError) and value.code == kind:
            return value
    return None


def _find_exit_code(kind: str) -> int:
    """Return the exit status that the command would have ended with."""
    if kind == "stopped":
        return 143
    error = find_error(kind)
    return error.exit_code if error else RunFailedError.exit_code
