"""Secrets that would stand in a manifest, which whoever reads the object reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ovenbird.common.redact import has_password, holds_password, is_secret_variable
from ovenbird.common.text import show_value

from ..errors import BuildRequestError
from .request import ManifestRequest

_KINDS = {"job": "Job", "serve": "Deployment"}
_STORAGE = "a Secret of the namespace holds the credentials of a storage: `--secret`"
_VARIABLE = "a Secret of the namespace holds it: `--secret {name}=SECRET`"
_READ = "a Secret of the namespace holds it, and the function reads the variable of `--secret NAME=SECRET`"


def check_passwords(request: ManifestRequest) -> None:
    """Refuse URLs with a password in inputs, parameters, variables and lines. Errors: BuildRequestError."""
    kind = _KINDS.get(request.action, "manifest")
    for what, hint in _find_passwords(request):
        raise BuildRequestError(f"{what} a URL with a password, and whoever reads the {kind} reads it", hint=hint)


def check_variables(texts: Sequence[str], action: str) -> None:
    """Refuse variables of `--env` that are secrets by their names. Errors: BuildRequestError."""
    for text in texts:
        name, _, value = text.partition("=")
        if is_secret_variable(name, value):
            raise BuildRequestError(
                f"--env has {show_value(name)}, and whoever reads the {_KINDS[action]} reads it",
                hint=_VARIABLE.format(name=name),
            )


def _find_passwords(request: ManifestRequest) -> Iterator[tuple[str, str]]:
    """Yield what is or holds a URL with a password, and what to do."""
    task = request.task
    for name, url in task.inputs.items():
        if has_password(url):
            yield f"the input {show_value(name)} is", _STORAGE
    yield from _find_in_parameters(task.parameters, "the parameter")
    yield from _find_in_parameters(task.init_parameters, "the parameter of init")
    for name, text in task.envs.items():
        if holds_password(re.sub(r":\$\([-\w.]+\)@", "@", text)):  # `$(NAME)` of a Secret is filled in by Kubernetes
            yield f"the variable {show_value(name)} holds", _VARIABLE.format(name=name)
    for number, line in enumerate(request.each, 1):
        if "@" in line:
            yield from _find_in_parameters(json.loads(line), f"line {number} of `--each`: the parameter")


def _find_in_parameters(values: Mapping[str, Any], what: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if holds_password(value):
            yield f"{what} {show_value(name)} holds", _READ
