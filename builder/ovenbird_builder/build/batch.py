"""The functions of one call of `ovenbird build`: one place to work in for all, and one that fails stops no other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..errors import BuildRequestError
from ..host.progress import Progress
from ..request.build_request import BuildRequest
from .environment import open_environment
from .pipeline import build_images, list_source, plan_images
from .report import BuildResult


class BatchStoppedError(OvenbirdError):
    """A signal or a fault of the builder's own ended the call before this function was built."""

    code = "build.stopped"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class BatchOutcome(Struct):
    """One function of a call, and the result: exactly one of `result`, `plan` (of a dry run) and `error` in the end."""

    target: str
    request: BuildRequest | None = None
    result: BuildResult | None = None
    plan: Mapping[str, Any] | None = None
    error: OvenbirdError | None = None

    @property
    def name(self) -> str:
        """Return the function's name; that of its target where its document could not be read."""
        return self.request.function.name if self.request else Path(self.target).absolute().name

    @property
    def path(self) -> str:
        """Return the function document, or else the target, relative to the current folder where it lies below that."""
        document = self.request.document if self.request else None
        path = os.path.relpath(document) if document else self.target
        return str(document) if document and path.startswith("..") else path

    @property
    def done(self) -> bool:
        """Return whether nothing is left to do."""
        return bool(self.result or self.plan or self.error)

    @property
    def status(self) -> str:
        """Return one word for people: `built`, `unchanged`, `planned` or `failed`."""
        if self.result:
            return "built" if self.result.changed else "unchanged"
        return "failed" if self.error else "planned"

    def describe(self) -> dict[str, Any]:
        """Return the outcome as JSON has it: the result or the plan, or the error; and which function it is of."""
        tags = list(map(str, self.request.tags)) if self.request else []
        fields: dict[str, Any] = {"image": tags[0] if tags else "", "tags": tags}
        if self.result:
            fields = self.result.document()
        elif self.plan:
            fields = dict(self.plan)
        elif self.error:
            error = self.error
            fields["error"] = {"code": error.code, "exit_code": error.exit_code, "message": error.message}
            fields["error"] |= {"hint": error.hint} if error.hint else {}
        return {**fields, "function": {"name": self.name, "target": self.target, "path": self.path}}


def check_names(outcomes: Sequence[BatchOutcome]) -> None:
    """Refuse a call in which two functions would have one image or one file. Errors: BuildRequestError."""
    owners: dict[str, str] = {}
    for outcome in outcomes:
        if not outcome.request:
            continue
        paths = [str(output) for output in outcome.request.outputs if output.path]
        for name in dict.fromkeys([*map(str, outcome.request.tags), *paths]):
            if name in owners:
                raise BuildRequestError(
                    f"{show_value(owners[name])} and {show_value(outcome.target)} would both be {show_value(name)}",
                    hint="`{name}` stands for the function's name: `ovenbird build --tag host.example/{name}:1`",
                )
            owners[name] = outcome.target


def list_notes(outcomes: Sequence[BatchOutcome]) -> list[str]:
    """Return the notes of all requests, each once; of several functions with the one that a note is about."""
    requests = [(outcome.target, outcome.request.notes) for outcome in outcomes if outcome.request]
    shared = [note for note in requests[0][1] if all(note in notes for _, notes in requests)] if requests else []
    own = [f"{target}: {note}" for target, notes in requests for note in notes if note not in shared]
    return list(dict.fromkeys([*shared, *own]))


def build_all(outcomes: Sequence[BatchOutcome], environ: Mapping[str, str], progress: Progress) -> None:
    """Build each function that has a request, one after the other, and set its result, plan or error.

    Errors: those of a place to work in, which all functions share.
    """
    for outcome in outcomes:
        if outcome.error and len(outcomes) > 1:
            progress.say(f"{outcome.name} ({outcome.target})")
            _tell_error(outcome.error, progress)
    open_ones = [outcome for outcome in outcomes if outcome.request]
    if not open_ones:
        return
    first = open_ones[0].request
    assert first
    tags = tuple(tag for outcome in open_ones if outcome.request for tag in outcome.request.tags)
    with open_environment(first, environ, progress, tags=tags) as environment:
        for number, outcome in enumerate(open_ones):
            assert outcome.request
            folder = environment.folder / str(number)
            folder.mkdir()
            if len(outcomes) > 1:
                progress.say(f"{outcome.name} ({outcome.target})")
            try:
                if outcome.request.list_source:
                    outcome.plan = list_source(outcome.request, replace(environment, folder=folder))
                elif outcome.request.dry_run:
                    outcome.plan = plan_images(outcome.request, replace(environment, folder=folder))
                else:
                    outcome.result = build_images(outcome.request, replace(environment, folder=folder))
            except OvenbirdError as error:
                outcome.error = error
                if len(outcomes) > 1:
                    _tell_error(error, progress)
            environment.warnings.clear()


def _tell_error(error: OvenbirdError, progress: Progress) -> None:
    progress.say(f"error: {error.message}")
    if error.hint:
        progress.say(f"  hint: {error.hint}")


def format_table(outcomes: Sequence[BatchOutcome]) -> list[str]:
    """Return the lines of a table of several outcomes, and one with their numbers."""
    rows = [("FUNCTION", "STATUS", "LAYERS", "TIME", "IMAGE")]
    for outcome in outcomes:
        if result := outcome.result:
            hits = sum(layer.cached for layer in result.layers)
            layers, seconds = f"{len(result.layers)}, {hits} cached", f"{result.seconds:.1f} s"
            rows.append((outcome.name, outcome.status, layers, seconds, result.reference))
        elif error := outcome.error:
            first = error.message.splitlines()[0] if error.message else ""
            rows.append((outcome.name, f"failed ({error.exit_code})", "", "", f"{error.code}: {first}"[:200]))
        else:
            rows.append((outcome.name, outcome.status, "", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    counts = {word: sum(outcome.status == word for outcome in outcomes) for word in ("built", "unchanged", "failed")}
    return [*lines, ", ".join(f"{count} {word}" for word, count in counts.items())]
