"""What is remembered of the last build of a name, and why the next one makes a layer again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..oci.reference import ImageReference
from ..request.build_request import BuildRequest
from . import cache_misses
from .environment import BuildEnvironment
from .prepare import PlatformBuild
from .redact_plan import make_plan_redactor
from .report import BuildResult, LayerReason

_OF_RESULT = ("digest", "size", "seconds", "layers", "rebuilt", "warnings")


def explain_changes(
    request: BuildRequest, environment: BuildEnvironment, platform_builds: Sequence[PlatformBuild]
) -> tuple[tuple[LayerReason, ...], ...]:
    """Return why each layer is made again since the last build, for each platform.

    With `--explain` this is printed, and so are the files that are left out.
    """
    tree = platform_builds[0].inputs.tree
    files = cache_misses.explain_files(tree.rows, _recall(environment, make_memory_keys(request, "last files")) or {})
    hide = make_plan_redactor(request)
    reasons = tuple(
        cache_misses.explain(
            platform_build.plan,
            _recall(environment, make_memory_keys(request, "last build", platform_build.inputs.base.platform)) or (),
            files,
            hide,
        )
        for platform_build in platform_builds
    )
    if request.explain:
        for line in cache_misses.explain_left_out(tree.left_out):
            environment.progress.say(line)
        for reason in (reason for platform_reasons in reasons for reason in platform_reasons):
            environment.progress.say(str(reason))
    return reasons


def remember_build(
    request: BuildRequest, environment: BuildEnvironment, platform_builds: Sequence[PlatformBuild]
) -> None:
    """Keep the plan and the files, so that the next build can be explained."""
    values: dict[tuple[str, str], Any] = {
        make_memory_keys(request, "last files"): cache_misses.remember_files(platform_builds[0].inputs.tree.rows)
    }
    for platform_build in platform_builds:
        values[make_memory_keys(request, "last build", platform_build.inputs.base.platform)] = (
            cache_misses.remember_layers(platform_build.plan)
        )
    for names, value in values.items():
        for name in names:
            if value and environment.cache.recall(name) != value:
                environment.cache.note(name, value, f"last build of {request.tags[0]}")


def remember_result(request: BuildRequest, environment: BuildEnvironment, result: BuildResult) -> None:
    """Keep what a build has made again and why, for whoever looks at the image later.

    A build that found everything in the cache leaves what is known of the one that made the image.
    """
    document = result.document()
    for tag in request.tags:
        before = recall_result(environment.cache, tag)
        if result.rebuilt or before is None or before["digest"] != result.digest:
            moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
            value = {"time": moment, **{name: document[name] for name in _OF_RESULT}}
            environment.cache.note(_make_result_key(tag), value, f"last result of {tag}")


def recall_result(cache: LayerCache, tag: ImageReference) -> dict[str, Any] | None:
    """Return what the last build of a tag that made something has said, with its `time`; None for no such build."""
    value = cache.recall(_make_result_key(tag))
    return value if isinstance(value, dict) and set(_OF_RESULT) <= set(value) else None


def _make_result_key(tag: ImageReference) -> str:
    return compute_key("last result", tag=tag.local)


def make_memory_keys(request: BuildRequest, kind: str, platform: str = "") -> tuple[str, str]:
    """Return the keys of a memory: by the tag, and by the repository, as a CI gives each build a new tag."""
    tag = request.tags[0]
    by_tag = compute_key(kind, tag=str(tag), platform=platform)
    return by_tag, compute_key(kind, repository=tag.repository, platform=platform)


def _recall(environment: BuildEnvironment, names: Sequence[str]) -> Any:
    return next((value for name in names if (value := environment.cache.recall(name))), None)
