"""Find out all that one platform's image is made of, and plan it: base, interpreter, lock, wheels, contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird import __version__
from ovenbird.common.hashing import digest_file
from ovenbird.errors import OvenbirdError

from ..bases import catalog as bases
from ..bases.base_image import BaseImage, resolve_base
from ..bases.default_base import find_default_base
from ..bases.probe import TargetPython
from ..bases.stdlib_names import list_stdlib_names
from ..bases.target_python import find_interpreter as interpreter_of
from ..cache.layer_cache import LayerCache
from ..containers.working_container import LazyImage
from ..errors import LockError, PackageIndexError, WheelBuildError
from ..host.secrets import BuildSecret
from ..layers.wheel_layers import list_top_names
from ..locking.wheelhouse import Wheel
from ..request.build_request import BuildRequest, detect_platform
from ..sources import SourceTree, module_shadowing
from . import dependencies, source_check
from .environment import BuildEnvironment
from .execute import BuildContext, load_stage, make_layers
from .image_contents import ImageContents, ResolvedInputs, make_contents
from .plan import ImagePlan, PlanContext, make_plan

DEFAULT_PYTHON = "3.12"  # when neither the document nor a flag says, and no base is named


class PlatformBuild(Struct, frozen=True):
    """One platform's image to be."""

    inputs: ResolvedInputs
    contents: ImageContents
    plan: ImagePlan
    identity: str  # the digest of what wheels are built on


def prepare_platform(
    request: BuildRequest, environment: BuildEnvironment, tree: Future[SourceTree], platform: str
) -> PlatformBuild:
    """Find out what a platform's image is made of, and plan it. `tree` is waited for when it is needed: the source is
    fetched meanwhile.
    """
    base, sibling = _find_bases(request, environment, platform)
    version = request.python or ("" if request.base else DEFAULT_PYTHON)
    python = interpreter_of(
        base, version, environment.stage_images, environment.cache, sibling=None if base is sibling else sibling
    )
    early = _plan(request, environment, base, {})
    left_out = _count_left_out(request, early)
    image = _make_dependency_base(request, environment, early, sibling, python.executable)
    source = tree.result()
    checked = _check_source(request, environment, source, python, sibling)
    _check_handler(request, environment, checked, source, python, sibling)
    pins = _pin_dependencies(request, environment, source, python, image, left_out)
    identity = base.digest + "".join(step.key for step in early.steps if _is_first(step))
    absent: dict[str, str] = {}
    if request.dry_run and not request.offline:
        packages, absent["dependencies"] = dependencies.find_at_hand(request, pins, python, identity)
    else:
        packages = dependencies.collect_wheels(request, environment, pins, python, image, identity)
    if not absent.get("dependencies"):  # else nobody knows yet which modules they have
        _check_imports(request, environment, checked, python, sibling, packages)
    runtime, absent["runtime"] = ((), "") if python.runtime else _resolve_runtime(request, environment, python)
    absent = {kind: name for kind, name in absent.items() if name}
    inputs = ResolvedInputs(request, base, sibling, python, source, pins, packages, runtime, absent)
    inside = make_contents(inputs, environment.stage_images, environment.cache, __version__)
    return PlatformBuild(inputs, inside, _plan(request, environment, base, inside.parts), identity)


def _check_source(
    request: BuildRequest, environment: BuildEnvironment, tree: SourceTree, python: TargetPython, sibling: BaseImage
) -> source_check.SourceCheckResult:
    """Refuse a source that could not start, by the Python of the image. Errors: SourceError and its subclasses."""
    module_shadowing.refuse_shadowing(tree.path, list_stdlib_names(python.minor))

    def ask(root: Path, names: list[str]) -> Mapping[str, tuple[int, str]] | None:
        from .syntax_check import ask_python

        try:
            return ask_python(environment.stage_images.get_base(sibling.manifest), python.executable, root, names)
        except (OvenbirdError, ValueError):
            return None

    return source_check.check_source(request.function, tree, python.minor, environment.cache, ask)


def _check_handler(
    request: BuildRequest,
    environment: BuildEnvironment,
    checked: source_check.SourceCheckResult,
    tree: SourceTree,
    python: TargetPython,
    sibling: BaseImage,
) -> None:
    """Refuse a handler whose module nothing can bring. Errors: HandlerMissingError; LockError of the requirements."""
    if not checked.absent:
        return
    requirements = dependencies.collect_function_requirements(request, tree, environment.environ)
    rows = [(requirement.name, requirement.origin) for requirement in (*requirements.lines, *requirements.pinned)]
    rows += [("", str(requirements.pylock))] if requirements.pylock else []
    source_check.check_handler(
        checked, python.minor, rows, python.distributions, has_installed=_has_install(request),
        is_elsewhere=lambda name: _has_module(request, environment, python, sibling, name),
    )  # fmt: skip


def _has_module(
    request: BuildRequest, environment: BuildEnvironment, python: TargetPython, sibling: BaseImage, name: str
) -> bool:
    """Return whether the base may have a module: one of ours has nothing else, another one is asked."""
    if not request.base:
        return False
    from .syntax_check import has_module

    try:
        return has_module(environment.stage_images.get_base(sibling.manifest), python.executable, name)
    except (OvenbirdError, ValueError):
        return True  # the check in the image will tell


def _has_install(request: BuildRequest) -> bool:
    return any("install" in instruction.run for instruction in request.instructions)


def _check_imports(
    request: BuildRequest,
    environment: BuildEnvironment,
    checked: source_check.SourceCheckResult,
    python: TargetPython,
    sibling: BaseImage,
    packages: tuple[Wheel, ...],
) -> None:
    """Tell of imports that nothing brings. An instruction may install what no lock has, a base hold what it likes."""
    if not checked.imports and not checked.absent:
        return
    tops = list_top_names(packages, environment.cache)
    source_check.check_imports(
        checked, python.minor, tops, python.distributions, has_installed=_has_install(request),
        is_elsewhere=lambda name: _has_module(request, environment, python, sibling, name),
    )  # fmt: skip


def make_build_context(
    request: BuildRequest, environment: BuildEnvironment, python: str, inside: ImageContents | None = None
) -> BuildContext:
    """Return the context in which layers are made.

    Without contents only instructions can be made. `python` is the target's interpreter.
    """
    return BuildContext(
        environment.cache, environment.stage_images, request.network, request.secrets, request.compression,
        request.timeout,
        inside.makers if inside else {}, environment.progress, python,
        len(request.platforms) == 1 and any(output.kind == "store" for output in request.outputs),
    )  # fmt: skip


def _find_bases(request: BuildRequest, environment: BuildEnvironment, platform: str) -> tuple[BaseImage, BaseImage]:
    """Return the base of a platform, and the same for this machine, where its Python can be asked and can compile."""

    def look(name: str, platform: str = platform) -> BaseImage:
        key = (name, platform)
        if key not in environment.bases:
            environment.bases[key] = resolve_base(
                name, platform, environment.registry, environment.cache, offline=request.offline
            )
        return environment.bases[key]

    if request.base:
        base_image = look(request.base)
    else:
        base = bases.choose_base(request.python or DEFAULT_PYTHON, registry=request.registry)
        base_image = find_default_base(base, look, environment.progress.say_once)
    return base_image, base_image if platform == detect_platform() else look(base_image.name, detect_platform())


def _plan(request: BuildRequest, environment: BuildEnvironment, base: BaseImage, parts: Any) -> ImagePlan:
    secrets = _fingerprint_secrets(request.secrets, environment.cache)
    context = PlanContext(environment.cache.find_layer, request.compression, secrets, _digest_mounts(request))
    return make_plan(base, request.instructions, parts, context)


def _fingerprint_secrets(secrets: Sequence[BuildSecret], cache: LayerCache) -> dict[str, str]:
    """Return a fingerprint of each secret by its name: nobody without the cache can check a guess against it.

    Errors: DiskFullError.
    """
    if not secrets:
        return {}
    salt = cache.read_salt("secrets.key")
    return {secret.name: secret.identify(salt) for secret in secrets}


def _digest_mounts(request: BuildRequest) -> str:
    """Return the digest of what a step sees of this machine: a site's certificates."""
    bundle = request.network.ca_bundle
    return digest_file(bundle) if bundle else ""


def _is_first(step: Any) -> bool:
    return step.instruction is not None and step.instruction.after == "base"


def _count_left_out(request: BuildRequest, early: ImagePlan) -> int:
    """Return how many instructions come before dependencies and are not run: in a dry run, where a layer is missing."""
    first = [step for step in early.steps if _is_first(step)]
    return len(first) if request.dry_run and not all(step.layer for step in first) else 0


def _pin_dependencies(
    request: BuildRequest,
    environment: BuildEnvironment,
    source: SourceTree,
    python: TargetPython,
    image: LazyImage,
    left_out: int,
) -> dependencies.ResolvedDependencies:
    """Return the lock, and say where a build may make another one: it runs the instructions that are left out here.

    What is built without them may differ, so such a lock is not kept for a build. Errors: those of `pin_dependencies`.
    """
    note = f"this dry run has not run {left_out} instruction(s) that a build runs before it resolves dependencies"
    try:
        pins = dependencies.pin_dependencies(request, environment, source, python, image, is_cached=not left_out)
    except (LockError, WheelBuildError) as error:
        if left_out:
            error.hint = f"{error.hint}; {note}" if error.hint else note
        raise
    if left_out and pins.lock.pins and not pins.path:
        environment.progress.say_once(f"note: {note}")
    return pins


def _make_dependency_base(
    request: BuildRequest, environment: BuildEnvironment, early: ImagePlan, sibling: BaseImage, python: str
) -> LazyImage:
    """Return the image on which dependencies are locked and built: the base with the instructions before them.

    It is made when something has to run on it, as when a source distribution is built.
    """
    count = sum(1 for step in early.steps if _is_first(step))
    if not count or _count_left_out(request, early):
        return environment.stage_images.get_base(sibling.manifest)

    def make() -> str:
        table = make_build_context(request, environment, python)
        return load_stage(early, make_layers(early, table, count), table)

    return LazyImage(make)


def _resolve_runtime(
    request: BuildRequest, environment: BuildEnvironment, python: TargetPython
) -> tuple[tuple[Wheel, ...], str]:
    """Return the wheels of the runtime, for a base that does not bring it; a dry run says what it would fetch."""
    from ..locking import runtime_wheels

    is_dry = request.dry_run and not request.offline
    site = dependencies.make_resolver(request, environment, python, "")  # wheels only: nothing is built
    try:
        return runtime_wheels.fetch_runtime_wheels(site, environment.folder, offline=request.offline or is_dry), ""
    except PackageIndexError:
        if not is_dry:
            raise
        return (), "the runtime, of which wheels have to be fetched"
