"""Fetch, lock, plan, bake, push: in this order, and nothing else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovenbird import __version__
from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value

from ..bases.runtime_age import describe_old_runtime
from ..cache.layer import compute_key
from ..layers import image_policy
from ..layers.image_manifest import AssembledImage, make_index, predict_image
from ..layers.source import HOME
from ..publish.publish import PublishRequest, is_published, push_tags, write_output
from ..request.build_request import BuildRequest, detect_platform
from ..sources import SourceTree, fetch, secret_gate
from ..sources.allowed_files import is_allowed
from ..sources.tree_digest import list_rows
from . import cache_misses, writeback
from .dependencies import describe_unpinned
from .environment import BuildEnvironment
from .execute import BuiltImage, build_image
from .prepare import PlatformBuild, make_build_context, prepare_platform
from .redact_plan import make_plan_redactor
from .report import BuildResult, make_layer_row

if TYPE_CHECKING:
    from ..attestations.referrers import ReferrersUpdate
    from ..sources.secret_search import SecretFinding
    from .attestations import BuildAttestations


def build_images(request: BuildRequest, environment: BuildEnvironment) -> BuildResult:
    """Build what is asked for; the result. Errors: those of every phase, each with its own exit status."""
    start = time.monotonic()
    prepared = prepare_all(request, environment)
    _explain(request, environment, prepared)
    baked = tuple(_build_platform(request, environment, platform_build) for platform_build in prepared)
    for platform_build, built_image in zip(prepared, baked, strict=True):
        _check_policy(request, environment, platform_build, built_image)
    publication = _make_publication(request, prepared, baked)
    delivered, issued = _deliver(request, environment, publication, prepared, baked)
    _remember(request, environment, prepared)
    if request.write_back and request.document:
        writeback.write_image(request.document, f"{request.tags[0]}@{publication.digest}")
    result = _make_result(request, environment, prepared, baked, publication)
    statements = {"statements": [attestations.describe() for attestations in issued]} if issued else {}
    return replace(
        result, changed=bool(delivered), seconds=time.monotonic() - start, more={**result.more, **statements}
    )  # fmt: skip


def plan_images(request: BuildRequest, environment: BuildEnvironment) -> dict[str, Any]:
    """The plan alone: the layers, which of them are cached, what would run, and the digest when that is known."""
    prepared = prepare_all(request, environment)
    _explain(request, environment, prepared)
    return {
        "image": str(request.tags[0]),
        "platforms": [_describe_plan(request, platform_build) for platform_build in prepared],
    }


def list_source(request: BuildRequest, environment: BuildEnvironment) -> dict[str, Any]:
    """What of the source would be packed, with sizes in bytes, and why the rest would not. Errors: those of a source.

    What looks like a secret is listed too: the list says what has to be left out.
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
    """Everything that is known before a layer is made, for each platform; the source is fetched beside."""
    pool = ThreadPoolExecutor(1)
    try:
        tree = pool.submit(_fetch_checked, request, environment)
        return tuple(prepare_platform(request, environment, tree, platform) for platform in request.platforms)
    finally:
        pool.shutdown(wait=False)  # who is told that there is no such base does not wait for a slow clone


def _fetch_checked(request: BuildRequest, environment: BuildEnvironment) -> SourceTree:
    """Return the source, which holds no secret that is not allowed. Errors: those of a source; ImagePolicyError."""
    tree = _fetch_source(request, environment)
    secret_gate.check_source(_find_secrets(request, environment, tree), request.allow)
    return tree


def _fetch_source(request: BuildRequest, environment: BuildEnvironment) -> SourceTree:
    return request.bundled or fetch(
        request.function, environment.folder / "source", environ=environment.environ, network=request.network,
        timeout=request.timeout or 1e9, leave_out=request.document, products=request.products,
    )  # fmt: skip


def _find_secrets(request: BuildRequest, environment: BuildEnvironment, tree: SourceTree) -> tuple[SecretFinding, ...]:
    return secret_gate.find_secrets(tree, request.function, request.document, environment.cache)


def _choose_epoch(request: BuildRequest, tree: SourceTree) -> int:
    return request.epoch if request.epoch is not None else tree.epoch or 0


def _build_platform(request: BuildRequest, environment: BuildEnvironment, platform_build: PlatformBuild) -> BuiltImage:
    inside = platform_build.contents
    epoch = _choose_epoch(request, platform_build.inputs.tree)
    table = make_build_context(request, environment, platform_build.inputs.interpreter.executable, inside)
    return build_image(platform_build.plan, table, inside.changes, inside.annotations, epoch)


def _check_policy(
    request: BuildRequest, environment: BuildEnvironment, platform_build: PlatformBuild, built_image: BuiltImage
) -> None:
    """Let nothing out that holds a secret, or what has no place in an image. Errors: ImagePolicyError."""
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


def _make_publication(
    request: BuildRequest, prepared: Sequence[PlatformBuild], baked: Sequence[BuiltImage]
) -> PublishRequest:
    """The one image, or the index of several."""
    repositories = {
        digest: repository
        for platform_build in prepared
        for digest, repository in platform_build.inputs.base.list_layer_repositories().items()
    }
    if len(baked) == 1:
        return PublishRequest(baked[0].image.manifest, baked[0].image.digest, request.tags, mount_sources=repositories)

    manifest = make_index([built_image.image for built_image in baked])
    return PublishRequest(manifest, digest_bytes(manifest), request.tags, index=True, mount_sources=repositories)


def _deliver(
    request: BuildRequest,
    environment: BuildEnvironment,
    publication: PublishRequest,
    prepared: Sequence[PlatformBuild],
    baked: Sequence[BuiltImage],
) -> tuple[list[str], tuple[BuildAttestations, ...]]:
    """Bring the image, and statements about it, to each output that does not have it; which these were."""
    destinations: list[str] = []
    issued: tuple[BuildAttestations, ...] = ()

    def issue_statements() -> tuple[BuildAttestations, ...]:
        from . import attestations  # an HTTP client and a parser of metadata: not for a build that delivers nothing

        return attestations.issue_attestations(
            prepared, baked, _choose_epoch(request, prepared[0].inputs.tree), environment.cache
        )

    edited = _is_edited(request, environment, prepared, baked)
    outputs = [
        output for output in request.outputs if edited or not is_published(output, publication, environment.registry)
    ]
    with contextlib.ExitStack() as stack:
        allow = _begin_check(request, environment, prepared, baked, stack) if outputs else None
        for output in outputs:
            if output.kind == "registry":
                issued = _push(request, environment, publication, issue_statements, allow)
            else:
                write_output(output, publication, environment.registry, environment.cache, environment.progress, allow)
            if output.path:
                from . import attestations

                issued = issued or issue_statements()
                attestations.write_attestations(issued, Path(output.path))
            destinations.append(str(output))
    return destinations, issued


def _is_edited(
    request: BuildRequest, environment: BuildEnvironment, prepared: Sequence[PlatformBuild], baked: Sequence[BuiltImage]
) -> bool:
    """Return whether a layer is new of an image that was built here before: nobody else can have its digest.

    To ask a registry or the store takes a tenth of a build.
    """
    hits = {layer.cached for built_image in baked for layer in built_image.layers}
    names = _make_memory_keys(request, "last build", prepared[0].inputs.base.platform)
    return len(hits) == 2 or (hits == {False} and environment.cache.recall(names[0]) is not None)


def _begin_check(
    request: BuildRequest,
    environment: BuildEnvironment,
    prepared: Sequence[PlatformBuild],
    baked: Sequence[BuiltImage],
    stack: contextlib.ExitStack,
) -> Callable[[], None] | None:
    """Begin to load the function in the image that can run here; what is returned waits for it, before a name is given.

    That raises CheckError. None where nothing is checked.
    """
    pair = next(
        (
            (platform_build, built_image)
            for platform_build, built_image in zip(prepared, baked, strict=True)
            if platform_build.inputs.base.platform == detect_platform()
        ),
        None,
    )
    if not request.check or pair is None:
        return None
    from .image_check import ImageCheck  # what runs a container: not for a build in which nothing changed

    platform_build, built_image = pair
    check = ImageCheck(
        built_image.image,
        built_image.layers,
        platform_build.inputs.base,
        environment.stage_images,
        environment.cache,
        limit=request.timeout,
        repository=request.tags[0].repository,
        keep=all(output.kind != "store" for output in request.outputs),
    )
    stack.callback(check.close)
    check.begin()

    def allow() -> None:
        with environment.progress.stage("check: load the function in the image"):
            check.finish()

    return allow


def _push(
    request: BuildRequest,
    environment: BuildEnvironment,
    publication: PublishRequest,
    issue: Callable[[], tuple[BuildAttestations, ...]],
    allow: Callable[[], None] | None,
) -> tuple[BuildAttestations, ...]:
    """Push the image and the statements about it; these, too, are made while the layers are on their way."""

    def attach(wait: Callable[[], None]) -> tuple[tuple[BuildAttestations, ...], list[ReferrersUpdate]]:
        from . import attestations

        issued = issue()
        wait()
        return issued, attestations.attach_attestations(issued, request.tags, environment.registry)

    with environment.progress.stage(f"push {', '.join(map(str, request.tags))} with bill of materials and provenance"):
        issued, attached = push_tags(publication, environment.registry, environment.cache, attach, allow)
        for attestation in attached:
            if (
                not attestation.first
            ):  # else none but a builder of the same image can be writing, and it writes the same
                attestation.settle()
    return issued


def _predict_platform(request: BuildRequest, platform_build: PlatformBuild) -> AssembledImage | None:
    layers = platform_build.plan.known
    if layers is None:
        return None
    base, inside = platform_build.inputs.base, platform_build.contents
    epoch = _choose_epoch(request, platform_build.inputs.tree)
    return predict_image(base.manifest, base.config, layers, inside.changes, inside.annotations, epoch)


def _describe_plan(request: BuildRequest, platform_build: PlatformBuild) -> dict[str, Any]:
    image, hide = _predict_platform(request, platform_build), make_plan_redactor(request)
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


def _make_memory_keys(request: BuildRequest, kind: str, platform: str = "") -> tuple[str, str]:
    """Where a build is remembered: by its tag, and by its repository, since a CI gives each build a tag of its own."""
    tag = request.tags[0]
    by_tag = compute_key(kind, tag=str(tag), platform=platform)
    return by_tag, compute_key(kind, repository=tag.repository, platform=platform)


def _recall(environment: BuildEnvironment, names: Sequence[str]) -> Any:
    return next((value for name in names if (value := environment.cache.recall(name))), None)


def _explain(request: BuildRequest, environment: BuildEnvironment, prepared: Sequence[PlatformBuild]) -> None:
    if not request.explain:
        return
    tree = prepared[0].inputs.tree
    files = cache_misses.explain_files(tree.rows, _recall(environment, _make_memory_keys(request, "last files")) or {})
    for line in cache_misses.explain_left_out(tree.left_out):
        environment.progress.say(line)
    for platform_build in prepared:
        before = (
            _recall(environment, _make_memory_keys(request, "last build", platform_build.inputs.base.platform)) or ()
        )
        for line in cache_misses.explain(platform_build.plan, before, files, make_plan_redactor(request)):
            environment.progress.say(line)


def _remember(request: BuildRequest, environment: BuildEnvironment, prepared: Sequence[PlatformBuild]) -> None:
    """Keep the plan and the files, so that the next build can be explained."""
    values: dict[tuple[str, str], Any] = {
        _make_memory_keys(request, "last files"): cache_misses.remember_files(prepared[0].inputs.tree.rows)
    }
    for platform_build in prepared:
        values[_make_memory_keys(request, "last build", platform_build.inputs.base.platform)] = (
            cache_misses.remember_layers(platform_build.plan)
        )
    for names, value in values.items():
        for name in names:
            if value and environment.cache.recall(name) != value:
                environment.cache.note(name, value, f"last build of {request.tags[0]}")


def _make_result(
    request: BuildRequest,
    environment: BuildEnvironment,
    prepared: Sequence[PlatformBuild],
    baked: Sequence[BuiltImage],
    publication: PublishRequest,
) -> BuildResult:
    """Return the result of a build, but for how long it took and whether something was changed."""
    first = prepared[0].inputs
    tree = first.tree
    findings = _find_secrets(request, environment, tree)
    allowed = secret_gate.list_allowed(findings, request.allow)
    platforms = [
        {
            "platform": platform_build.inputs.base.platform,
            "digest": built_image.image.digest,
            "layers": [make_layer_row(x) for x in built_image.layers],
        }
        for platform_build, built_image in zip(prepared, baked, strict=True)
    ]
    return BuildResult(
        image=str(request.tags[0]),
        digest=publication.digest,
        layers=baked[0].layers,
        source={"uri": tree.uri, "revision": tree.revision, "digest": tree.digest},
        lock={"path": first.needs.path, "digest": first.needs.lock.digest},
        base={"name": first.base.name, "digest": first.base.digest},
        warnings=(
            *_list_warnings(request, tree, prepared),
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
        },
    )


def _list_warnings(request: BuildRequest, tree: SourceTree, prepared: Sequence[PlatformBuild]) -> tuple[str, ...]:
    """What people should know of this build."""
    hide = make_plan_redactor(request)
    first = prepared[0].inputs  # wheels are built for the platform of this machine alone, and then it is the only one
    warnings = [*request.notes, *tree.warnings, *first.needs.notes, *describe_unpinned(first.needs.lock, first.wheels)]
    if request.instructions:
        warnings.append(
            f"{len(request.instructions)} instruction(s): what they change is not in our hands; "
            "another machine may get another digest"
        )
    if not first.runtime:
        warnings += describe_old_runtime(first.base.name, first.interpreter, __version__)
    warnings += [
        f"the instruction {show_value(hide(instruction.run))} names /shared, so it runs after the source; say"
        " `after: base` to run it earlier"
        for instruction in request.instructions
        if instruction.moved
    ]
    return tuple(warnings)
