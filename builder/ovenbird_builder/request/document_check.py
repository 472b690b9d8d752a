"""What of a function document a build would refuse, found without network, container and base.

`ovenbird check --strict` asks for it, so that a misspelled instruction does not wait for the build to be found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ovenbird.common import git_url, source_url
from ovenbird.common.redact import redact_source
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError, SourceUrlError
from ovenbird.function_document import FunctionSpec

from ..bases.base_name import check_form
from ..errors import SourceError
from ..host.network import NetworkSettings
from ..locking.requirement_line import parse_requirement
from ..locking.requirements import collect_requirements
from ..locking.shared_code import OutsideError
from ..oci import reference
from ..sources import detect_form, fetch
from . import run_instruction


def list_problems(function: FunctionSpec, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the problems for which a build would refuse a valid document, each with its field.

    A local source is copied to a temporary folder as a build does, so that files of requirements are read too.
    """
    spec = function.raw.get("spec") or {}
    problems = run_instruction.list_problems(spec.get("instructions") or [], "spec.instructions")
    problems += (
        _collect_error(lambda: reference.parse_reference(function.image, "spec.image")) if function.image else []
    )
    problems += (
        _collect_error(lambda: check_form(function.base_image, "spec.base_image")) if function.base_image else []
    )
    source = list(_list_source_problems(function))
    if source:
        return (*problems, *source)
    return (*problems, *_list_requirement_problems(function, environ))


def _list_source_problems(function: FunctionSpec) -> Iterator[str]:
    """Yield the problems of the fields that say where the source is."""
    try:
        kind = detect_form(function)
        if kind == "git":
            git_url.parse(function.source)
        elif kind == "http" and not source_url.split(function.source.removeprefix("zip+")).hostname:
            yield f"spec.source.source: {show_value(redact_source(function.source))} has no host"
    except (SourceError, SourceUrlError) as error:
        text = str(error)
        yield text if text.startswith("spec.source") else f"spec.source.source: {text}"


def _list_requirement_problems(function: FunctionSpec, environ: Mapping[str, str]) -> list[str]:
    """Return the problems of requirements: of each line of the document, else of the first of the source's files."""
    with tempfile.TemporaryDirectory(prefix="ovenbird-check-") as folder:
        tree = Path(folder) / "tree"
        if detect_form(function) not in ("local", "inline"):
            return [problem for text in enumerate(function.requirements) for problem in _check_requirement(*text, None)]
        try:
            tree = fetch(function, tree, environ=environ, network=NetworkSettings()).path
        except OvenbirdError as error:
            return [f"spec.source: {error}"]
        problems = [problem for text in enumerate(function.requirements) for problem in _check_requirement(*text, tree)]
        return problems or _collect_error(lambda: collect_requirements(function, tree))


def _check_requirement(index: int, text: str, tree: Path | None) -> list[str]:
    """Return the problem of one requirement.

    Paths are left to `collect_requirements`, those of a source elsewhere to the build.
    """
    try:
        parse_requirement(text, f"spec.requirements[{index}]", tree or Path("/nonexistent"))
    except OutsideError:
        return []
    except OvenbirdError as error:
        return [] if tree is None and " in the source" in error.message else [str(error)]
    return []


def _collect_error(call: Callable[[], object]) -> list[str]:
    try:
        call()
    except OvenbirdError as error:
        return [str(error)]
    return []
