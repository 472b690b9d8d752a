"""The sweep of `ovenbird run`: a run for each line of `--each` and each combination of `--grid`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import SettingsError
from ..function.target import Target
from ..job.entrypoint import check_output_flags, is_remote
from ..job.sweep.lines import read_lines
from ..job.sweep.report import open_report
from ..job.sweep.sweep import make_plan, run_sweep
from ..settings import Settings


def main(
    target: Target | None, settings: Settings, environ: Mapping[str, str], launch: Mapping[str, Any]
) -> int:  # fmt: skip
    """Run all lines; return the exit status.

    Errors: SettingsError, ArgumentsError, LoadError, before anything is run.
    """
    _refuse_flags(settings, environ)
    assert target is not None
    check_output_flags(settings)
    lines = read_lines(settings.each, settings.grid)
    return run_sweep(make_plan(target, settings, environ, launch, lines), open_report)


def _refuse_flags(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise SettingsError for flags that several runs cannot have."""
    if is_remote(settings, environ):
        raise SettingsError(
            "`--each` and `--grid` are many runs, and the platform has started one",
            hint="`--each FILE --index N` takes one line",
        )
    if settings.pdb:
        raise SettingsError("`--pdb` is for one run, not for those of `--each` and `--grid`")
    if settings.grid and settings.each and settings.index >= 0:
        raise SettingsError("`--index` takes one line of `--each`, and `--grid` makes several runs of it")
