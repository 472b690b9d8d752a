"""Fetch, lock, plan, build, check, deliver: in this order, and nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ovenbird import __version__
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..bases.function_base import describe_function_base
from ..bases.runtime_age import describe_old_runtime
from ..layers import image_policy
from ..layers.image_manifest import AssembledImage, predict_image
from ..layers.source import HOME
from ..publish.publish import PublishRequest
from ..request.build_request import BuildRequest
from ..sources import SourceTree, fetch, secret_gate
from ..sources.allowed_files import is_allowed
from ..sources.tree_digest import list_rows
from . import writeback
from .delivery import deliver, make_publication
from .dependencies import describe_unpinned
from .environment import BuildEnvironment
from .execute import BuiltImage, build_image
from .last_build import explain_changes, remember_build, remember_result
from .prepare import PlatformBuild, make_build_context, prepare_platform
from .redact_plan import make_plan_redactor
from .report import BuildResult, describe_slim, make_layer_row

if TYPE_CHECKING:
    from ..sources.secret_search import SecretFinding

_log = logging.getLogger("ovenbird.build")


def build_images(request: BuildRequest, environment: BuildEnvironment) -> BuildResult:
    """Build the images of a request; return the result. Errors: those of every phase, each with its own exit status."""
    start = time.monotonic()
    platform_builds = prepare_all(request, environment)
    reasons = explain_changes(request, environment, platform_builds)
    built_images = tuple(_build_platform(request, environment, platform_build) for platform_build in platform_builds)
    for platform_build, built_image in zip(platform_builds, built_images, strict=True):
        _check_policy(request, environment, platform_build, built_image)
    publication = make_publication(request, platform_builds, built_images)
    delivered, issued = deliver(request, environment, publication, platform_builds, built_images)
    note_if_possible(lambda: remember_build(request, environment, platform_builds))
    if request.write_back and request.document:
        writeback.write_image(request.document, f"{request.tags[0]}@{publication.digest}")
    result = _make_result(request, environment, platform_builds, built_images, publication)
    statements = {"statements": [attestations.describe() for attestations in issued]} if issued else {}
    result = replace(
        result, changed=bool(delivered), seconds=time.monotonic() - start, more={**result.more, **statements},
        rebuilt=tuple(reason for reason in reasons[0] if not reason.cached), size=built_images[0].image.measure(),
    )  # fmt: skip
    note_if_possible(lambda: remember_result(request, environment, result))
    return result


def note_if_possible(note: Callable[[], None]) -> None:
    """Note what the next build is explained by: a cache that takes nothing more does not undo what was delivered."""
    try:
        note()
    except (OvenbirdError, OSError) as error:
        _log.warning("the cache does not remember this build: %s", error)


def plan_images(request: BuildRequest, environment: BuildEnvironment) -> dict[str, Any]:
    """Return the plan alone: the layers, which are cached, what would run, and the digest when it is known."""
    platform_builds = prepare_all(request, environment)
    explain_changes(request, environment, platform_builds)
    return {
        "image": str(request.tags[0]),
        "platforms": [_describe_plan(request, platform_build) for platform_build in platform_builds],
    }


def list_source(request: BuildRequest, environment: BuildEnvironment) -> dict[str, Any]:
    """Return which files of the source would be packed, with sizes in bytes, and why the rest would not.

    What looks like a secret is listed too: the list says what has to be left out. Errors: those of a source.
    """
    tree = _fetch_source(request, environment)
    rows = tree.rows or list_rows(tree.path)
    return {
        "image": str(request.tags[0]),
        "source": {"uri": tree.uri, "revision": tree.revision, "digest": tree.digest},
        "size": sum(row.size for row in rows),
        "files": [{"path": row.name + "/" * (row.kind == b"d"), "size": row.size} for row in rows],
        "left_out": [{"path": path, "reason": reason} for path, reason in sorted(tree.left_out.items())],
        "warnings": list(tree.warnings),
    }


def prepare_all(request: BuildRequest, environment: BuildEnvironment) -> tuple[PlatformBuild, ...]:
    """Prepare the build of each platform, up to the first layer; the source is fetched at the same time."""
    if request.write_back and request.document:
        writeback.check_document(request.document)
    pool = ThreadPoolExecutor(1)
    try:
        tree = pool.submit(_fetch_checked, request, environment)
        return tuple(prepare_platform(request, environment, tree, platform) for platform in request.platforms)
    finally:
        pool.shutdown(wait=False)  # an error of the base does not wait for a slow clone


def _fetch_checked(request: BuildRequest, environment: BuildEnvironment) -> SourceTree:
    """Return the source, which holds no secret that is not allowed. Errors: those of a source; ImagePolicyError."""
    tree = _fetch_source(request, environment)
    secret_gate.check_source(_find_secrets(request, environment, tree), request.allow)
    return tree


def _fetch_source(request: BuildRequest, environment: BuildEnvironment) -> SourceTree:
    return request.bundled or fetch(
        request.function, environment.folder / "source", environ=environment.environ, network=request.network,
        timeout=request.timeout or 1e9, leave_out=request.document, products=request.products, offline=request.offline,
    )  # fmt: skip


def _find_secrets(request: BuildRequest, environment: BuildEnvironment, tree: SourceTree) -> tuple[SecretFinding, ...]:
    return secret_gate.find_secrets(tree, request.function, request.document, environment.cache)


def _build_platform(request: BuildRequest, environment: BuildEnvironment, platform_build: PlatformBuild) -> BuiltImage:
    inside = platform_build.contents
    epoch = platform_build.inputs.epoch
    table = make_build_context(request, environment, platform_build.inputs.interpreter.executable, inside)
    return build_image(platform_build.plan, table, inside.changes, inside.annotations, epoch)


def _check_policy(
    request: BuildRequest, environment: BuildEnvironment, platform_build: PlatformBuild, built_image: BuiltImage
) -> None:
    """Refuse an image that holds a secret, or what has no place in an image. Errors: ImagePolicyError."""
    home = f"{HOME.strip('/')}/"
    policy = image_policy.ImagePolicy(
        secrets={secret.name: secret.value.strip() for secret in request.secrets},
        packages={layer.digest for step, layer in zip(platform_build.plan.steps, built_image.layers, strict=True)
                  if step.kind in ("runtime", "dependencies")},
        allowed=lambda path: path.startswith(home) and is_allowed(path.removeprefix(home), request.allow),
    )  # fmt: skip
    image_policy.check_layers(
        built_image.layers, built_image.image.config, built_image.image.manifest, environment.cache, policy
    )


def _predict_platform(platform_build: PlatformBuild) -> AssembledImage | None:
    layers = platform_build.plan.known
    if layers is None:
        return None
    base, inside = platform_build.inputs.base, platform_build.contents
    epoch = platform_build.inputs.epoch
    return predict_image(base.manifest, base.config, layers, inside.changes, inside.annotations, epoch)


def _describe_plan(request: BuildRequest, platform_build: PlatformBuild) -> dict[str, Any]:
    image, hide = _predict_platform(platform_build), make_plan_redactor(request)
    steps = [
        {
            "kind": step.kind, "name": hide(step.name), "key": step.key, "cached": step.layer is not None,
            "digest": step.layer.digest if step.layer else "",
            "argv": [[hide(word) for word in argv] for argv in step.argv],
        }
        for step in platform_build.plan.steps
    ]  # fmt: skip
    return {
        "platform": platform_build.inputs.base.platform,
        "base": {"name": platform_build.inputs.base.name, "digest": platform_build.inputs.base.digest},
        "lock": {"path": platform_build.inputs.needs.path, "digest": platform_build.inputs.needs.lock.digest},
        "digest": image.digest if image else "",
        "steps": steps,
    }


def _make_result(
    request: BuildRequest,
    environment: BuildEnvironment,
    platform_builds: Sequence[PlatformBuild],
    built_images: Sequence[BuiltImage],
    publication: PublishRequest,
) -> BuildResult:
    """Return the result of a build, but for how long it took and whether something was changed."""
    first = platform_builds[0].inputs
    tree = first.tree
    findings = _find_secrets(request, environment, tree)
    allowed = secret_gate.list_allowed(findings, request.allow)
    platforms = [
        {
            "platform": platform_build.inputs.base.platform,
            "digest": built_image.image.digest,
            "layers": [make_layer_row(x) for x in built_image.layers],
        }
        for platform_build, built_image in zip(platform_builds, built_images, strict=True)
    ]
    return BuildResult(
        image=str(request.tags[0]),
        digest=publication.digest,
        layers=built_images[0].layers,
        source={"uri": tree.uri, "revision": tree.revision, "digest": tree.digest},
        lock={"path": first.needs.path, "digest": first.needs.lock.digest},
        base={"name": first.base.name, "digest": first.base.digest},
        warnings=(
            *_list_warnings(request, tree, platform_builds),
            *secret_gate.list_unused(findings, request.allow),
            *environment.warnings,
        ),
        changed=False,
        tags=tuple(map(str, request.tags)),
        outputs=tuple(map(str, request.outputs)),
        seconds=0.0,
        more={
            **({"platforms": platforms} if len(platforms) > 1 else {}),
            **({"allowed": allowed} if allowed else {}),
            **({"slim": describe_slim(platform_builds[0].contents.left_out)} if request.slim else {}),
        },
    )


def _list_warnings(
    request: BuildRequest, tree: SourceTree, platform_builds: Sequence[PlatformBuild]
) -> tuple[str, ...]:
    """Return the notes of this build for people."""
    hide = make_plan_redactor(request)
    first = platform_builds[
        0
    ].inputs  # wheels are built for the platform of this machine alone, and then it is the only one
    warnings = [*request.notes, *tree.warnings, *first.needs.notes, *describe_unpinned(first.needs.lock, first.wheels)]
    if request.instructions:
        warnings.append(
            f"{len(request.instructions)} instruction(s): what they change is not in our hands; "
            "another machine may get another digest"
        )
    if unknown := [name for name in request.slim_keep if name not in {pin.name for pin in first.needs.lock.pins}]:
        warnings.append(f"`--slim-keep`: the lock has no {', '.join(f'`{name}`' for name in unknown)}")
    warnings += describe_function_base(first.base.name, first.base.labels)
    if not first.runtime:
        warnings += describe_old_runtime(first.base.name, first.interpreter, __version__)
    warnings += [
        f"the instruction {show_value(hide(instruction.run))} names /shared, so it runs after the source; say"
        " `after: base` to run it earlier"
        for instruction in request.instructions
        if instruction.moved
    ]
    return tuple(warnings)
