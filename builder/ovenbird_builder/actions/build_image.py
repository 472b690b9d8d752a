"""Build the image of one function: `build` from a request, `build_target` from a target and options by name."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ovenbird.common.did_you_mean import suggest_names
from ovenbird.common.text import show_value

from .. import bundle_archive
from ..build.environment import open_environment
from ..build.pipeline import build_images
from ..build.report import BuildResult
from ..cache.folder import check_apart, find_cache
from ..cache.layer_cache import LayerCache
from ..errors import BuildRequestError
from ..host.progress import Progress, make_progress
from ..request.build_options import TABLE, read_options
from ..request.build_request import BuildRequest, list_secrets, parse_request
from ..request.function_target import list_function_folders, resolve_target
from .option_values import check_value

# options of what the command prints and writes, which a result in hand does not need
_OF_COMMAND = frozenset(("result_file", "dotenv_file", "dry_run", "list"))


def build(request: BuildRequest, environ: Mapping[str, str], progress: Progress) -> BuildResult:
    """Build the image of a request and deliver it; return the result. Errors: those of every phase."""
    with open_environment(request, environ, progress) as environment:
        return build_images(request, environment)


def build_target(
    target: str, options: Mapping[str, Any], environ: Mapping[str, str], stream: TextIO | None = None
) -> BuildResult:
    """Build the image of a target and return the result. Progress is written to `stream`, by default to stderr.

    `options` are those of `ovenbird build` by name, such as `requirements` or `base`; one that is not given is read
    from its variable in `environ`. Errors: BuildRequestError, DocumentError; those of every phase.
    """
    with contextlib.ExitStack() as stack:
        flags = {**read_options(check_options(options), environ), "target": target}
        request = make_request(flags, environ, stack)
        progress = make_progress(stream or sys.stderr, list_secrets(request))
        stack.callback(progress.close)
        progress.warn(request.notes)
        return build(request, environ, progress)


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as the table has them: a text, a tuple of texts, or whether a switch is on.

    Errors: BuildRequestError for a name that the table lacks, or a value of another kind.
    """
    rows = {row.name: row for row in TABLE if "build" in row.verbs and row.name not in _OF_COMMAND}
    if unknown := sorted(set(options) - set(rows)):
        raise BuildRequestError(
            f"a build has no option {show_value(unknown[0])}", hint=suggest_names(unknown[0], list(rows))
        )
    return {
        name: check_value(name, value, switch=rows[name].switch, many=rows[name].many)
        for name, value in options.items()
        if value is not None
    }


def make_request(
    flags: Mapping[str, Any], environ: Mapping[str, str], stack: contextlib.ExitStack
) -> BuildRequest:  # fmt: skip
    """Return the request of flags; from a bundle comes all of it where the target is one, else base and wheels alone.

    `stack` closes the bundle. Errors: those of `parse_request`, and of a bundle.
    """
    is_whole = bundle_archive.is_bundle(flags["target"])
    path = flags["target"] if is_whole else flags["bundle"]
    if not path:
        return parse_request(flags, environ)
    cache_folder = find_cache(flags["cache_dir"], environ)
    if not is_whole:
        check_apart(cache_folder, list_function_folders(resolve_target(flags["target"], flags["source"]).function))
    cache = LayerCache(cache_folder)
    stack.callback(cache.close)
    bundle = stack.enter_context(bundle_archive.open_bundle(Path(path), cache))
    if not is_whole:
        build_request = parse_request({**flags, "base": flags["base"] or bundle.flags["base"]}, environ)
        return replace(build_request, locks=bundle.document.parent)
    return replace(parse_request(bundle.merge_flags(flags), environ), bundled=bundle.tree, document=None)
