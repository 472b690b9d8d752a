"""Check every line against the handler before the first run: names, and values that fit their hints."""

from __future__ import annotations

from ...errors import ArgumentsError, OvenbirdError
from ...function.handler import Handler
from .. import arguments
from .lines import raise_problems
from .plan import SweepPlan


def check_lines(plan: SweepPlan, handler: Handler) -> None:
    """Raise ArgumentsError that names each line which does not fit the handler, and why."""
    if handler.binder is None:
        raise ArgumentsError(f"{handler.name} is an {handler.shape.value}: it can be served, not run as a job")
    problems = []
    for line in plan.lines:
        parameters = plan.merge_parameters(line)
        try:
            arguments.check_names(handler.binder, parameters, plan.settings.input)
            arguments.convert(handler.binder, parameters)
        except OvenbirdError as error:
            problems.append(f"line {line.number}: {error.message}")
    raise_problems(problems)
