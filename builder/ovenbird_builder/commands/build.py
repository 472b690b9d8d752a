"""`ovenbird build`: source and dependencies in, images out; one JSON object on stdout, all else on stderr."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from ovenbird.common.output_path import find_output_problem
from ovenbird.common.units import show_size
from ovenbird.errors import OvenbirdError

from .. import bundle_archive
from ..actions.build_image import make_request
from ..build import ci_outputs, report
from ..build.batch import BatchOutcome, BatchStoppedError, build_all, check_names, format_table, list_notes
from ..errors import BuildRequestError, DiskFullError
from ..host.progress import Progress, make_progress
from ..request.build_request import list_input_files, list_secrets
from . import options as table

_INTERRUPTED = 130


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    table.add(parser, "build")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Build; print the result. Errors: those of every phase, of a call for one function.

    Of several functions each is built, whatever becomes of the others; the status is that of the first that failed.
    """
    outcomes = [BatchOutcome(target) for target in table.list_targets(args, environ)]
    progress = Progress(sys.stderr)
    try:
        with end_by_signals(), contextlib.ExitStack() as stack:
            _check_files(outcomes, args, environ)
            _ask(outcomes, table.read_flags(args, environ), environ, stack)
            _check_files(outcomes, args, environ)  # of the names that functions have, once these are known
            progress = make_progress(sys.stderr, _list_all_secrets(outcomes))
            stack.callback(progress.close)
            progress.warn(list_notes(outcomes))
            build_all(outcomes, environ, progress)
    except TerminatedBySignal as signalled:
        _end(outcomes, BatchStoppedError("a signal has ended the build", signalled.status))
        _report(outcomes, args, environ, progress)
        return signalled.status
    except FileRefusedError:
        raise
    except OvenbirdError as error:
        _end(outcomes, error)
    except BaseException as error:
        status = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else OvenbirdError.exit_code
        _end(outcomes, BatchStoppedError(f"the build was interrupted: {type(error).__name__}: {error}", status))
        _report(outcomes, args, environ, progress)
        raise
    failed = next((outcome.error for outcome in outcomes if outcome.error), None)
    if failed and len(outcomes) == 1:
        _report(outcomes, args, environ, progress)
        raise failed
    _report(outcomes, args, environ, progress)
    return failed.exit_code if failed else 0


def _ask(
    outcomes: Sequence[BatchOutcome], flags: dict[str, Any], environ: Mapping[str, str], stack: contextlib.ExitStack
) -> None:
    """Set the request of each function, or its error. Errors: BuildRequestError for what does not fit together."""
    several = len(outcomes) > 1
    for outcome in outcomes:
        if several and (flags["bundle"] or bundle_archive.is_bundle(outcome.target)):
            raise BuildRequestError("a bundle holds one function, and is built by a call of its own")
        try:
            outcome.request = make_request({**flags, "target": outcome.target}, environ, stack)
        except OvenbirdError as error:
            outcome.error = error
    check_names(outcomes)


def _list_all_secrets(outcomes: Sequence[BatchOutcome]) -> tuple[str, ...]:
    values = [text for outcome in outcomes if outcome.request for text in list_secrets(outcome.request)]
    return tuple(dict.fromkeys(values))


def _end(outcomes: Sequence[BatchOutcome], error: OvenbirdError) -> None:
    """Give an error to each function that is not done."""
    for outcome in outcomes:
        if not outcome.done:
            outcome.error = error


def _report(
    outcomes: Sequence[BatchOutcome], args: argparse.Namespace, environ: Mapping[str, str], progress: Progress
) -> None:
    """Write the results to the files that were named, and print them. Errors: DiskFullError, once all is printed."""
    table.name_variables([outcome.error for outcome in outcomes], args, environ, "build")
    rows = [outcome.describe() for outcome in outcomes]
    row = rows[0] if len(rows) == 1 else None
    document = row if row is not None else {"functions": rows}
    unwritten: DiskFullError | None = None
    planned = all(outcome.plan for outcome in outcomes)
    if not planned:
        ci_outputs.tell_github(outcomes, environ, progress.say)
    try:
        _write_results(table.find_path(args, environ, "result_file"), outcomes, rows, document)
        if not planned and (path := table.find_path(args, environ, "dotenv_file")):
            ci_outputs.write_dotenv(Path(path), outcomes)
    except DiskFullError as error:
        unwritten = error
    for outcome in outcomes:
        if outcome.result:
            _say(outcome.result, progress)
    if len(outcomes) > 1:
        for line in format_table(outcomes):
            progress.say(line)
    if row is None or not outcomes[0].error:
        if row is not None and "files" in row and sys.stdout.isatty():
            sys.stdout.write(report.format_source(row))
            progress.warn(row["warnings"])
        else:
            sys.stdout.write(report.format_result(document))
        sys.stdout.flush()
    if unwritten and not any(outcome.error for outcome in outcomes):
        raise unwritten
    if unwritten:
        progress.say(f"warning: {unwritten.message}")  # the status tells the first error


def _write_results(
    name: str, outcomes: Sequence[BatchOutcome], rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any]
) -> None:
    if name in ("", "-"):  # stdout has it anyway
        return
    if "{name}" not in name:
        report.write_result(Path(name), document)
        return
    for outcome, row in zip(outcomes, rows, strict=True):
        report.write_result(_find_result_file(name, outcome), row)


def _find_result_file(name: str, outcome: BatchOutcome) -> Path:
    """Return the file of one function's result: `{name}` stands for that of the function."""
    part = re.sub(r"[^\w.-]+", "-", outcome.name).strip("-.") or "function"
    return Path(name.replace("{name}", part))


def _check_files(outcomes: Sequence[BatchOutcome], args: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Refuse files for the results that cannot be written, or must not be, before anything is built.

    Errors: FileRefusedError.
    """
    flags = table.read_flags(args, environ)
    inputs = [path for outcome in outcomes for path in list_input_files({**flags, "target": outcome.target})]
    names = {flag: table.find_path(args, environ, flag) for flag in ("result_file", "dotenv_file")}
    for flag, name in names.items():
        if name in ("", "-"):
            continue
        for path in dict.fromkeys(_find_result_file(name, outcome) for outcome in outcomes):
            if problem := find_output_problem(path, inputs):
                raise FileRefusedError(f"--{flag.replace('_', '-')}: {problem}")


class FileRefusedError(BuildRequestError):
    """A file for the result that cannot be written, or must not be: nothing is written there, this error neither."""


def _say(result: report.BuildResult, progress: Progress) -> None:
    hits = sum(layer.cached for layer in result.layers)
    verdict = "built" if result.changed else "nothing changed"
    progress.say(f"{verdict}: {result.reference} ({len(result.layers)} layers, {hits} cached, {result.seconds:.2f} s)")
    if slim := result.more.get("slim"):
        progress.say(f"slim: without {slim['files']} files of packages, {show_size(slim['bytes'])}")


class TerminatedBySignal(BaseException):
    """A signal came; raised so that every `finally` is run, and not an Exception so that nothing takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextlib.contextmanager
def end_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a build as Ctrl-C does: through every `finally`, so that nothing is left behind."""

    def end(number: int, _: FrameType | None) -> None:
        raise TerminatedBySignal(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
