"""The options of a run as the form has them: where it runs, its name and project, its limits, what it is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ovenbird.api.run_request import PROCESS
from ovenbird.common.setting_values import run_name
from ovenbird.common.text import show_value
from ovenbird.common.units import parse_duration
from ovenbird.errors import ArgumentsError, InputError
from ovenbird.platform.keys import check_name
from ovenbird.sdk.run_fields import JOB, check_fields

from .run_places import Place

RESOURCES = ("cpu", "mem", "gpu", "disk")
_TEXTS = (
    "project",
    "name",
    "note",
    "tags",
    "timeout",
    "variables",
    "secrets",
    "image",
    "build",
    "namespace",
    "volumes",
    "grid",
    "parallel",
)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_MOST_AT_ONCE = 64
_OF_STORE = ("OVENBIRD_HOME", "OVENBIRD_STORE", "OVENBIRD_PLATFORM", "DHCORE_ENDPOINT")
_OF_PROJECT = ("PROJECT_NAME", "OVENBIRD_PROJECT")
_TITLES = {
    "timeout": "a time limit", "reuse": "reuse", "image": "an image", "build": "a repository",
    "namespace": "a namespace", "resources": "resources", "volumes": "volumes",
    "grid": "a sweep", "parallel": "a sweep",
}  # fmt: skip


@dataclass
class RunChoices:
    """Checked options of a run. `texts` holds the texts of the form, by the name of the option."""

    place: str = PROCESS
    texts: dict[str, str] = field(default_factory=dict)
    reuse: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    resources: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    parallel: int = 2

    def get_text(self, name: str) -> str:
        """Return what was typed for an option."""
        return self.texts.get(name, "")

    @property
    def is_sweep(self) -> bool:
        """Return whether several values of a parameter are given."""
        return bool(self.get_text("grid"))

    @property
    def is_plain(self) -> bool:
        """Return whether all options are as the form has them at first."""
        return self.place == PROCESS and not self.reuse and not any(
            text for name, text in self.texts.items() if name != "project"
        )  # fmt: skip


def read_choices(form: Mapping[str, Any], places: Sequence[Place]) -> tuple[RunChoices, dict[str, str]]:
    """Return the options of a submitted form, and an error for each that does not fit, by its field."""
    names = (*_TEXTS, *(f"resources.{name}" for name in RESOURCES))
    texts = {name: str(form.get(f"run.{name}") or "").strip() for name in names}
    choices = RunChoices(str(form.get("run.place") or PROCESS), texts, bool(form.get("run.reuse")))
    errors = _check_place(choices, places)
    for name, read in _READERS.items():
        try:
            read(choices)
        except ValueError as error:
            errors.setdefault(f"run.{name}", str(error))
    return choices, errors


def _check_place(choices: RunChoices, places: Sequence[Place]) -> dict[str, str]:
    """Return an error for a place that is not available, and for each option that it has not."""
    place = next((place for place in places if place.name == choices.place), None)
    if place is None:
        return {"run.place": f"Expected one of {', '.join(place.name for place in places)}."}
    if place.missing:
        return {"run.place": f"Not available: {place.missing}."}
    given = {name for name, text in choices.texts.items() if text} | ({"reuse"} if choices.reuse else set())
    if not choices.is_sweep:
        given.discard("parallel")  # the form has a value there from the beginning
    return {
        f"run.{name}": f"{place.title} has no {_TITLES[name.partition('.')[0]].removeprefix('a ').removeprefix('an ')}."
        for name in sorted(given)
        if name.partition(".")[0] not in place.options
    }


def _read_tags(choices: RunChoices) -> None:
    choices.tags = read_pairs(choices.get_text("tags").replace(",", "\n"), needs_value=False)


def _read_variables(choices: RunChoices) -> None:
    choices.variables = read_pairs(choices.get_text("variables"))
    if name := next((name for name in _OF_STORE if name in choices.variables), ""):
        raise ValueError(f"{name} says where runs are recorded: start the page with it.")
    if name := next((name for name in _OF_PROJECT if name in choices.variables), ""):
        raise ValueError(f"{name} names the project of a run: the form has a field for it.")


def _read_name(choices: RunChoices) -> None:
    if text := choices.get_text("name"):
        try:
            run_name(text)
        except ValueError as error:
            raise ValueError(f"Expected {error}, found {show_value(text)}.") from None


def _read_project(choices: RunChoices) -> None:
    if text := choices.get_text("project"):
        try:
            check_name(text, "The project")
        except InputError as error:
            raise ValueError(f"{error.message}.") from None


def _read_timeout(choices: RunChoices) -> None:
    text = choices.get_text("timeout")
    try:
        parse_duration(text or "0")
    except ValueError:
        raise ValueError(f"Expected seconds, or a time such as 5m or 2h, found {show_value(text)}.") from None


def _read_secrets(choices: RunChoices) -> None:
    names = [name for name in re.split(r"[\s,]+", choices.get_text("secrets")) if name]
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise ValueError("Expected names of secrets, separated by commas, and no values.")
    choices.secrets = tuple(dict.fromkeys(names))


def _read_resources(name: str) -> Callable[[RunChoices], None]:
    def read(choices: RunChoices) -> None:
        if text := choices.get_text(f"resources.{name}"):
            _check_field("resources", {name: text})
            choices.resources[name] = text

    return read


def _read_volumes(choices: RunChoices) -> None:
    lines = [line.split() for line in choices.get_text("volumes").splitlines() if line.strip()]
    volumes = []
    for number, (kind, *words) in enumerate(lines, 1):
        if len(words) < 2 or not all("=" in word for word in words[2:]):
            raise ValueError(f"Line {number}: expected a type, a name and a path, such as `empty_dir data /data`.")
        spec = dict(word.split("=", 1) for word in words[2:])
        volume = {"volume_type": kind, "name": words[0], "mount_path": words[1], **({"spec": spec} if spec else {})}
        _check_field("volumes", [volume], f"Line {number}: ")
        volumes.append(volume)
    choices.volumes = volumes


def _check_field(name: str, value: Any, where: str = "") -> None:
    """Raise ValueError for a field of a run that the platform does not take."""
    try:
        check_fields(JOB, {name: value})
    except ArgumentsError as error:
        raise ValueError(f"{where}{error.message}; expected {error.hint}.") from None


def _read_parallel(choices: RunChoices) -> None:
    text = choices.get_text("parallel") or "2"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_AT_ONCE):
        raise ValueError(f"Expected a number from 1 to {_MOST_AT_ONCE}, found {show_value(text)}.")
    choices.parallel = int(text)


def read_pairs(text: str, *, needs_value: bool = True) -> dict[str, str]:
    """Return `NAME=VALUE` lines as a mapping. Errors: ValueError, whose text has no value."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not name and not equals:
            continue
        if not name.strip() or (needs_value and not equals):
            raise ValueError(f"Line {number}: expected NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return pairs


_READERS: dict[str, Callable[[RunChoices], None]] = {
    "name": _read_name,
    "project": _read_project,
    "tags": _read_tags,
    "variables": _read_variables,
    "timeout": _read_timeout,
    "secrets": _read_secrets,
    "volumes": _read_volumes,
    "parallel": _read_parallel,
    **{f"resources.{name}": _read_resources(name) for name in RESOURCES},
}
