"""What a build tells the CI that it runs in: outputs, a summary and annotations of GitHub's steps; GitLab's dotenv.

GitHub names its files in the environment, GitLab takes the file that its job declares (`artifacts:reports:dotenv`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import report
from .batch import BatchOutcome

Tell = Callable[[str], None]


def tell_github(outcomes: Sequence[BatchOutcome], environ: Mapping[str, str], tell: Tell) -> None:
    """Append to the files that GitHub names, and print annotations by `tell`. What cannot be written is only told."""
    for variable, text in (
        ("GITHUB_OUTPUT", format_outputs(outcomes)), ("GITHUB_STEP_SUMMARY", format_summary(outcomes)),
    ):  # fmt: skip
        if path := environ.get(variable, ""):
            try:
                with Path(path).open("a", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                tell(f"warning: cannot write to {variable}: {error.strerror}")
    if environ.get("GITHUB_ACTIONS") == "true":
        for line in format_annotations(outcomes, environ.get("GITHUB_WORKSPACE", "")):
            tell(line)


def format_outputs(outcomes: Sequence[BatchOutcome]) -> str:
    """Return the outputs of a step, a line each. `image` and its like are those of a call for one function."""
    built = {outcome.name: _format_reference(outcome) for outcome in outcomes if outcome.result}
    rows = {
        "images": json.dumps(built),
        "changed_functions": json.dumps([outcome.name for outcome in outcomes if outcome.status == "built"]),
        "failed_functions": json.dumps([outcome.name for outcome in outcomes if outcome.error]),
    }
    if len(outcomes) == 1 and (result := outcomes[0].result):
        rows |= {"image": result.image, "digest": result.digest, "reference": _format_reference(outcomes[0])}
        rows["changed"] = str(result.changed).lower()
    return "".join(f"{name}={value}\n" for name, value in rows.items())


def format_summary(outcomes: Sequence[BatchOutcome]) -> str:
    """Return a table in Markdown."""
    lines = ["| function | status | image | layers | seconds |", "|---|---|---|---|---:|"]
    for outcome in outcomes:
        if result := outcome.result:
            hits = sum(layer.cached for layer in result.layers)
            cells = [f"`{_format_reference(outcome)}`", f"{len(result.layers)}, {hits} cached", f"{result.seconds:.1f}"]
        else:
            cells = [_escape_cell(outcome.error.message) if outcome.error else "", "", ""]
        lines.append(f"| {_escape_cell(outcome.name)} | {outcome.status} | {' | '.join(cells)} |")
    notes = [f"- {_escape_cell(outcome.name)}: {_escape_cell(text)}" for outcome in outcomes if outcome.result
             for text in outcome.result.warnings]  # fmt: skip
    return "\n".join([*lines, *(["", "Warnings:", "", *notes] if notes else []), "", ""])


def format_annotations(outcomes: Sequence[BatchOutcome], workspace: str = "") -> list[str]:
    """Return the workflow commands that mark errors and warnings at the file of their function."""
    lines = []
    for outcome in outcomes:
        where = _escape_property(_make_relative(outcome.path, workspace))
        if error := outcome.error:
            text = error.message + (f"\nhint: {error.hint}" if error.hint else "")
            lines.append(f"::error file={where},title={_escape_property(error.code)}::{_escape_data(text)}")
        warnings = outcome.result.warnings if outcome.result else ()
        title = _escape_property(outcome.name)
        lines += [f"::warning file={where},title={title}::{_escape_data(text)}" for text in warnings]
    return lines


def format_dotenv(outcomes: Sequence[BatchOutcome]) -> str:
    """Return variables for the jobs that follow: `IMAGE_REFERENCE` and its like, of several with the name behind it."""
    lines = []
    for outcome in outcomes:
        if result := outcome.result:
            end = "" if len(outcomes) == 1 else "_" + re.sub(r"[^A-Z0-9]+", "_", outcome.name.upper()).strip("_")
            lines += [f"IMAGE{end}={result.image}", f"IMAGE_DIGEST{end}={result.digest}"]
            lines.append(f"IMAGE_REFERENCE{end}={_format_reference(outcome)}")
    return "".join(f"{line}\n" for line in lines)


def write_dotenv(path: Path, outcomes: Sequence[BatchOutcome]) -> None:
    """Write the variables to a file, whole or not at all. Errors: DiskFullError."""
    report.write_text(path, format_dotenv(outcomes), "--dotenv-file")


def _format_reference(outcome: BatchOutcome) -> str:
    assert outcome.result
    return outcome.result.reference


def _escape_cell(text: str) -> str:
    """Escape a text for a cell of a table: one line, in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", " ".join(text.split()))[:1000]


def _escape_data(text: str) -> str:
    """Escape a text for the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    """Escape a text for a property of a workflow command."""
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _make_relative(path: str, workspace: str) -> str:
    if not workspace:
        return path
    relative = os.path.relpath(path, workspace)
    return path if relative.startswith("..") else relative
