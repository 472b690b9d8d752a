"""Fetch, lock, plan, bake, push: in this order, and nothing else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovenbird import __version__
from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value

from ..bases.runtime_age import describe_old_runtime
from ..cache.layer import compute_key
from ..layers import image_policy
from ..layers.image_manifest import AssembledImage, index, predict
from ..layers.source import HOME
from ..publish.publish import PublishRequest, is_published, push_tags, write_output
from ..request.build_request import BuildRequest, here
from ..sources import SourceTree, fetch, secret_gate
from ..sources.allowed_files import is_allowed
from ..sources.tree_digest import list_rows
from . import cache_misses, writeback
from .dependencies import unpinned
from .environment import BuildEnvironment
from .execute import BuiltImage, bake
from .prepare import PlatformBuild, kitchen, prepare
from .redact_plan import make_plan_redactor
from .report import BuildResult, row

if TYPE_CHECKING:
    from ..attestations.referrers import ReferrersUpdate
    from ..sources.secret_search import SecretFinding
    from .attestations import BuildAttestations


def build_in(request: BuildRequest, place: BuildEnvironment) -> BuildResult:
    """Build what is asked for; the result. Errors: those of every phase, each with its own exit status."""
    start = time.monotonic()
    prepared = prepare_all(request, place)
    _explain(request, place, prepared)
    baked = tuple(_baked(request, place, one) for one in prepared)
    for one, made in zip(prepared, baked, strict=True):
        _gate(request, place, one, made)
    parcel = _parcel(request, prepared, baked)
    delivered, issued = _deliver(request, place, parcel, prepared, baked)
    _remember(request, place, prepared)
    if request.write_back and request.document:
        writeback.image(request.document, f"{request.tags[0]}@{parcel.digest}")
    result = _result(request, place, prepared, baked, parcel)
    statements = {"statements": [one.row() for one in issued]} if issued else {}
    return replace(
        result, changed=bool(delivered), seconds=time.monotonic() - start, more={**result.more, **statements}
    )  # fmt: skip


def dry_run_in(request: BuildRequest, place: BuildEnvironment) -> dict[str, Any]:
    """The plan alone: the layers, which of them are cached, what would run, and the digest when that is known."""
    prepared = prepare_all(request, place)
    _explain(request, place, prepared)
    return {"image": str(request.tags[0]), "platforms": [_planned(request, one) for one in prepared]}


def list_source_in(request: BuildRequest, place: BuildEnvironment) -> dict[str, Any]:
    """What of the source would be packed, with sizes in bytes, and why the rest would not. Errors: those of a source.

    What looks like a secret is listed too: the list says what has to be left out.
    """
    tree = _unchecked(request, place)
    rows = tree.rows or list_rows(tree.path)
    return {
        "image": str(request.tags[0]),
        "source": {"uri": tree.uri, "revision": tree.revision, "digest": tree.digest},
        "size": sum(row.size for row in rows),
        "files": [{"path": row.name + "/" * (row.kind == b"d"), "size": row.size} for row in rows],
        "left_out": [{"path": path, "reason": reason} for path, reason in sorted(tree.left_out.items())],
        "warnings": list(tree.warnings),
    }


def prepare_all(request: BuildRequest, place: BuildEnvironment) -> tuple[PlatformBuild, ...]:
    """Everything that is known before a layer is made, for each platform; the source is fetched beside."""
    pool = ThreadPoolExecutor(1)
    try:
        tree = pool.submit(_fetched, request, place)
        if any(one.kind == "registry" for one in request.outputs):
            pool.submit(import_module, f"{__package__}.attestations")  # while the base is asked for
        return tuple(prepare(request, place, tree, platform) for platform in request.platforms)
    finally:
        pool.shutdown(wait=False)  # who is told that there is no such base does not wait for a slow clone


def _fetched(request: BuildRequest, place: BuildEnvironment) -> SourceTree:
    """Return the source, which holds no secret that is not allowed. Errors: those of a source; GateError."""
    tree = _unchecked(request, place)
    secret_gate.check_source(_find_secrets(request, place, tree), request.allow)
    return tree


def _unchecked(request: BuildRequest, place: BuildEnvironment) -> SourceTree:
    return request.bundled or fetch(
        request.function, place.folder / "source", environ=place.environ, network=request.network,
        timeout=request.timeout or 1e9, leave_out=request.document, products=request.products,
    )  # fmt: skip


def _find_secrets(request: BuildRequest, place: BuildEnvironment, tree: SourceTree) -> tuple[SecretFinding, ...]:
    return secret_gate.find_secrets(tree, request.function, request.document, place.cache)


def _epoch(request: BuildRequest, tree: SourceTree) -> int:
    return request.epoch if request.epoch is not None else tree.epoch or 0


def _baked(request: BuildRequest, place: BuildEnvironment, one: PlatformBuild) -> BuiltImage:
    inside = one.contents
    epoch = _epoch(request, one.inputs.tree)
    table = kitchen(request, place, one.inputs.interpreter.executable, inside)
    return bake(one.plan, table, inside.changes, inside.annotations, epoch)


def _gate(request: BuildRequest, place: BuildEnvironment, one: PlatformBuild, made: BuiltImage) -> None:
    """Let nothing out that holds a secret, or what has no place in an image. Errors: GateError."""
    home = f"{HOME.strip('/')}/"
    policy = image_policy.ImagePolicy(
        secrets={secret.name: secret.value.strip() for secret in request.secrets},
        packages={layer.digest for step, layer in zip(one.plan.steps, made.layers, strict=True)
                  if step.kind in ("runtime", "dependencies")},
        allowed=lambda path: path.startswith(home) and is_allowed(path.removeprefix(home), request.allow),
    )  # fmt: skip
    image_policy.check(made.layers, made.image.config, made.image.manifest, place.cache, policy)


def _parcel(request: BuildRequest, prepared: Sequence[PlatformBuild], baked: Sequence[BuiltImage]) -> PublishRequest:
    """The one image, or the index of several."""
    near = {digest: place for one in prepared for digest, place in one.inputs.base.places().items()}
    if len(baked) == 1:
        return PublishRequest(baked[0].image.manifest, baked[0].image.digest, request.tags, near=near)

    manifest = index([one.image for one in baked])
    return PublishRequest(manifest, digest_bytes(manifest), request.tags, index=True, near=near)


def _deliver(
    request: BuildRequest,
    place: BuildEnvironment,
    parcel: PublishRequest,
    prepared: Sequence[PlatformBuild],
    baked: Sequence[BuiltImage],
) -> tuple[list[str], tuple[BuildAttestations, ...]]:
    """Bring the image, and statements about it, to each output that does not have it; which these were."""
    done: list[str] = []
    issued: tuple[BuildAttestations, ...] = ()

    def told() -> tuple[BuildAttestations, ...]:
        from . import attestations  # an HTTP client and a parser of metadata: not for a build that delivers nothing

        return attestations.issue(prepared, baked, _epoch(request, prepared[0].inputs.tree), place.cache)

    edited = _is_edited(request, place, prepared, baked)
    outputs = [one for one in request.outputs if edited or not is_published(one, parcel, place.registry)]
    with contextlib.ExitStack() as stack:
        allow = _begin_check(request, place, prepared, baked, stack) if outputs else None
        for output in outputs:
            if output.kind == "registry":
                issued = _push(request, place, parcel, told, allow)
            else:
                write_output(output, parcel, place.registry, place.cache, place.progress, allow)
            if output.path:
                from . import attestations

                issued = issued or told()
                attestations.write(issued, Path(output.path))
            done.append(str(output))
    return done, issued


def _is_edited(
    request: BuildRequest, place: BuildEnvironment, prepared: Sequence[PlatformBuild], baked: Sequence[BuiltImage]
) -> bool:
    """Return whether a layer is new of an image that was built here before: nobody else can have its digest.

    To ask a registry or the store takes a tenth of a build.
    """
    hits = {layer.cached for made in baked for layer in made.layers}
    names = _memories(request, "last build", prepared[0].inputs.base.platform)
    return len(hits) == 2 or (hits == {False} and place.cache.noted(names[0]) is not None)


def _begin_check(
    request: BuildRequest,
    place: BuildEnvironment,
    prepared: Sequence[PlatformBuild],
    baked: Sequence[BuiltImage],
    stack: contextlib.ExitStack,
) -> Callable[[], None] | None:
    """Begin to load the function in the image that can run here; what is returned waits for it, before a name is given.

    That raises CheckError. None where nothing is checked.
    """
    found = next(
        ((one, made) for one, made in zip(prepared, baked, strict=True) if one.inputs.base.platform == here()), None
    )
    if not request.check or found is None:
        return None
    from .image_check import ImageCheck  # what runs a container: not for a build in which nothing changed

    one, made = found
    check = ImageCheck(
        made.image, made.layers, one.inputs.base, place.bench, place.cache, limit=request.timeout,
        repository=request.tags[0].repository, keep=all(output.kind != "store" for output in request.outputs),
    )  # fmt: skip
    stack.callback(check.close)
    check.begin()

    def allow() -> None:
        with place.progress.stage("check: load the function in the image"):
            check.finish()

    return allow


def _push(
    request: BuildRequest,
    place: BuildEnvironment,
    parcel: PublishRequest,
    told: Callable[[], tuple[BuildAttestations, ...]],
    allow: Callable[[], None] | None,
) -> tuple[BuildAttestations, ...]:
    """Push the image and the statements about it; these, too, are made while the layers are on their way."""

    def attach(wait: Callable[[], None]) -> tuple[tuple[BuildAttestations, ...], list[ReferrersUpdate]]:
        from . import attestations

        issued = told()
        wait()
        return issued, attestations.attach(issued, request.tags, place.registry)

    with place.progress.stage(f"push {', '.join(map(str, request.tags))} with bill of materials and provenance"):
        issued, attached = push_tags(parcel, place.registry, place.cache, attach, allow)
        for one in attached:
            if not one.first:  # else none but a builder of the same image can be writing, and it writes the same
                one.settle()
    return issued


def _predicted(request: BuildRequest, one: PlatformBuild) -> AssembledImage | None:
    layers = one.plan.known
    if layers is None:
        return None
    base, inside = one.inputs.base, one.contents
    epoch = _epoch(request, one.inputs.tree)
    return predict(base.manifest, base.config, layers, inside.changes, inside.annotations, epoch)


def _planned(request: BuildRequest, one: PlatformBuild) -> dict[str, Any]:
    image, hide = _predicted(request, one), make_plan_redactor(request)
    steps = [
        {
            "kind": step.kind, "name": hide(step.name), "key": step.key, "cached": step.layer is not None,
            "digest": step.layer.digest if step.layer else "",
            "argv": [[hide(word) for word in argv] for argv in step.argv],
        }
        for step in one.plan.steps
    ]  # fmt: skip
    return {
        "platform": one.inputs.base.platform,
        "base": {"name": one.inputs.base.name, "digest": one.inputs.base.digest},
        "lock": {"path": one.inputs.needs.path, "digest": one.inputs.needs.lock.digest},
        "digest": image.digest if image else "",
        "steps": steps,
    }


def _memories(request: BuildRequest, what: str, platform: str = "") -> tuple[str, str]:
    """Where a build is remembered: by its tag, and by its repository, since a CI gives each build a tag of its own."""
    tag = request.tags[0]
    by_tag = compute_key(what, tag=str(tag), platform=platform)
    return by_tag, compute_key(what, repository=tag.repository, platform=platform)


def _recall(place: BuildEnvironment, names: Sequence[str]) -> Any:
    return next((value for name in names if (value := place.cache.noted(name))), None)


def _explain(request: BuildRequest, place: BuildEnvironment, prepared: Sequence[PlatformBuild]) -> None:
    if not request.explain:
        return
    tree = prepared[0].inputs.tree
    files = cache_misses.explain_files(tree.rows, _recall(place, _memories(request, "last files")) or {})
    for line in cache_misses.explain_left_out(tree.left_out):
        place.progress.say(line)
    for one in prepared:
        before = _recall(place, _memories(request, "last build", one.inputs.base.platform)) or ()
        for line in cache_misses.explain(one.plan, before, files, make_plan_redactor(request)):
            place.progress.say(line)


def _remember(request: BuildRequest, place: BuildEnvironment, prepared: Sequence[PlatformBuild]) -> None:
    """Keep the plan and the files, so that the next build can be explained."""
    values: dict[tuple[str, str], Any] = {
        _memories(request, "last files"): cache_misses.remember_files(prepared[0].inputs.tree.rows)
    }
    for one in prepared:
        values[_memories(request, "last build", one.inputs.base.platform)] = cache_misses.memory(one.plan)
    for names, value in values.items():
        for name in names:
            if value and place.cache.noted(name) != value:
                place.cache.note(name, value, f"last build of {request.tags[0]}")


def _result(
    request: BuildRequest,
    place: BuildEnvironment,
    prepared: Sequence[PlatformBuild],
    baked: Sequence[BuiltImage],
    parcel: PublishRequest,
) -> BuildResult:
    """Return the result of a build, but for how long it took and whether something was changed."""
    first = prepared[0].inputs
    tree = first.tree
    findings = _find_secrets(request, place, tree)
    allowed = secret_gate.list_allowed(findings, request.allow)
    platforms = [
        {"platform": one.inputs.base.platform, "digest": made.image.digest, "layers": [row(x) for x in made.layers]}
        for one, made in zip(prepared, baked, strict=True)
    ]
    return BuildResult(
        image=str(request.tags[0]),
        digest=parcel.digest,
        layers=baked[0].layers,
        source={"uri": tree.uri, "revision": tree.revision, "digest": tree.digest},
        lock={"path": first.needs.path, "digest": first.needs.lock.digest},
        base={"name": first.base.name, "digest": first.base.digest},
        warnings=(
            *_warnings(request, tree, prepared),
            *secret_gate.list_unused(findings, request.allow),
            *place.warnings,
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


def _warnings(request: BuildRequest, tree: SourceTree, prepared: Sequence[PlatformBuild]) -> tuple[str, ...]:
    """What people should know of this build."""
    hide = make_plan_redactor(request)
    first = prepared[0].inputs  # wheels are built for the platform of this machine alone, and then it is the only one
    found = [*request.notes, *tree.warnings, *first.needs.notes, *unpinned(first.needs.lock, first.wheels)]
    if request.instructions:
        found.append(
            f"{len(request.instructions)} instruction(s): what they change is not in our hands; "
            "another machine may get another digest"
        )
    if not first.runtime:
        found += describe_old_runtime(first.base.name, first.interpreter, __version__)
    found += [
        f"the instruction {show_value(hide(one.run))} names /shared, so it runs after the source; say"
        " `after: base` to run it earlier"
        for one in request.instructions
        if one.moved
    ]
    return tuple(found)
