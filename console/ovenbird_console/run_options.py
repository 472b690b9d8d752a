"""The options of a run as the form has them: project, name, note, tags, time limit, variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ovenbird.common.text import show_value
from ovenbird.common.units import parse_duration


@dataclass
class RunChoices:
    """Checked options of a run; `typed_variables` is the text that `variables` was read from."""

    project: str = ""
    name: str = ""
    note: str = ""
    typed_tags: str = ""
    timeout: str = ""
    typed_variables: str = ""
    reuse: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


def read_choices(form: Mapping[str, Any]) -> tuple[RunChoices, dict[str, str]]:
    """Return the options of a submitted form, and an error for each that does not fit, by its field."""

    def read(name: str) -> str:
        return str(form.get(f"run.{name}") or "").strip()

    choices = RunChoices(
        read("project"), read("name"), read("note"), read("tags"), read("timeout"), read("variables"),
        bool(read("reuse")),
    )  # fmt: skip
    errors: dict[str, str] = {}
    choices.tags, error = read_pairs(choices.typed_tags.replace(",", "\n"), needs_value=False)
    if error:
        errors["run.tags"] = error
    choices.variables, error = read_pairs(choices.typed_variables)
    if error:
        errors["run.variables"] = error
    if choices.timeout:
        try:
            parse_duration(choices.timeout)
        except ValueError:
            errors["run.timeout"] = (
                f"Expected seconds, or a time such as 5m or 2h, found {show_value(choices.timeout)}."
            )
    return choices, errors


def read_pairs(text: str, *, needs_value: bool = True) -> tuple[dict[str, str], str]:
    """Return `NAME=VALUE` lines as a mapping, and what is wrong with them; no value is in that text."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not name and not equals:
            continue
        if not name.strip() or (needs_value and not equals):
            return {}, f"Line {number}: expected NAME=VALUE."
        pairs[name.strip()] = value.strip()
    return pairs, ""
