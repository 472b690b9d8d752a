"""Find out all that one platform's image is made of, and plan it: base, interpreter, lock, wheels, contents."""

from __future__ import annotations

from collections.abc import Mapping
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
from ..bases.stdlib_names import stdlib_names
from ..bases.target_python import find_interpreter as interpreter_of
from ..cache.secret_fingerprint import identities
from ..containers.working_container import LazyImage
from ..errors import PackageIndexError
from ..layers.wheel_layers import top_names
from ..locking.wheelhouse import Wheel
from ..request.build_request import BuildRequest, here
from ..sources import SourceTree, shadow
from . import dependencies, source_check
from .environment import BuildEnvironment
from .execute import BuildContext, made_until, stage
from .image_contents import ImageContents, ResolvedInputs, contents
from .plan import ImagePlan, PlanContext, plan

DEFAULT_PYTHON = "3.12"  # when neither the document nor a flag says, and no base is named


class PlatformBuild(Struct, frozen=True):
    """One platform's image to be."""

    inputs: ResolvedInputs
    contents: ImageContents
    plan: ImagePlan
    identity: str  # the digest of what wheels are built on


def prepare(request: BuildRequest, place: BuildEnvironment, tree: Future[SourceTree], platform: str) -> PlatformBuild:
    """Everything up to the plan. The source is fetched meanwhile: `tree` is waited for when it is needed."""
    base, sibling = _bases(request, place, platform)
    version = request.python or ("" if request.base else DEFAULT_PYTHON)
    found = interpreter_of(base, version, place.bench, place.cache, sibling=None if base is sibling else sibling)
    early = _plan(request, place, base, {})
    image = _image_below_dependencies(request, place, early, sibling, found.executable)
    source = tree.result()
    checked = _check_source(request, place, source, found, sibling)
    _check_handler(request, place, checked, source, found, sibling)
    pins = dependencies.pinned(request, place, source, found, image)
    identity = base.digest + "".join(step.key for step in early.steps if _first(step))
    absent: dict[str, str] = {}
    if request.dry_run and not request.offline:
        packages, absent["dependencies"] = dependencies.find_at_hand(request, pins, found, identity)
    else:
        packages = dependencies.gathered(request, place, pins, found, image, identity)
    if not absent.get("dependencies"):  # else nobody knows yet which modules they have
        _check_imports(request, place, checked, found, sibling, packages)
    runtime, absent["runtime"] = ((), "") if found.runtime else _runtime(request, place, found)
    absent = {kind: name for kind, name in absent.items() if name}
    inputs = ResolvedInputs(request, base, sibling, found, source, pins, packages, runtime, absent)
    inside = contents(inputs, place.bench, place.cache, __version__)
    return PlatformBuild(inputs, inside, _plan(request, place, base, inside.parts), identity)


def _check_source(
    request: BuildRequest, place: BuildEnvironment, tree: SourceTree, found: TargetPython, sibling: BaseImage
) -> source_check.SourceCheckResult:
    """Refuse a source that could not start, by the Python of the image. Errors: SourceError and its subclasses."""
    shadow.refuse(tree.path, stdlib_names(found.minor))

    def ask(root: Path, names: list[str]) -> Mapping[str, tuple[int, str]] | None:
        from .syntax_check import ask_python

        try:
            return ask_python(place.bench.base(sibling.manifest), found.executable, root, names)
        except (OvenbirdError, ValueError):
            return None

    return source_check.check_source(request.function, tree, found.minor, place.cache, ask)


def _check_handler(
    request: BuildRequest,
    place: BuildEnvironment,
    checked: source_check.SourceCheckResult,
    tree: SourceTree,
    found: TargetPython,
    sibling: BaseImage,
) -> None:
    """Refuse a handler whose module nothing can bring. Errors: HandlerMissingError; LockError for what is wanted."""
    if not checked.absent:
        return
    wanted = dependencies.collect_wanted(request, tree, place.environ)
    rows = [(one.name, one.origin) for one in (*wanted.wanted, *wanted.pinned)]
    rows += [("", str(wanted.pylock))] if wanted.pylock else []
    source_check.check_handler(
        checked, found.minor, rows, found.distributions, has_installed=_installs(request),
        is_elsewhere=lambda name: _has_module(request, place, found, sibling, name),
    )  # fmt: skip


def _has_module(
    request: BuildRequest, place: BuildEnvironment, found: TargetPython, sibling: BaseImage, name: str
) -> bool:
    """Return whether the base may have a module: one of ours has nothing else, another one is asked."""
    if not request.base:
        return False
    from .syntax_check import has_module

    try:
        return has_module(place.bench.base(sibling.manifest), found.executable, name)
    except (OvenbirdError, ValueError):
        return True  # the check in the image will tell


def _installs(request: BuildRequest) -> bool:
    return any("install" in one.run for one in request.instructions)


def _check_imports(
    request: BuildRequest,
    place: BuildEnvironment,
    checked: source_check.SourceCheckResult,
    found: TargetPython,
    sibling: BaseImage,
    packages: tuple[Wheel, ...],
) -> None:
    """Tell of imports that nothing brings. An instruction may install what no lock has, a base hold what it likes."""
    if not checked.imports and not checked.absent:
        return
    tops = top_names(packages, place.cache)
    source_check.check_imports(
        checked, found.minor, tops, found.distributions, has_installed=_installs(request),
        is_elsewhere=lambda name: _has_module(request, place, found, sibling, name),
    )  # fmt: skip


def kitchen(
    request: BuildRequest, place: BuildEnvironment, python: str, inside: ImageContents | None = None
) -> BuildContext:
    """What baking needs; without contents only instructions can be made. `python` is the target's interpreter."""
    return BuildContext(
        place.cache, place.bench, request.network, request.secrets, request.compression, request.timeout,
        inside.makers if inside else {}, place.progress, python,
    )  # fmt: skip


def _bases(request: BuildRequest, place: BuildEnvironment, platform: str) -> tuple[BaseImage, BaseImage]:
    """The base of a platform, and the same base for this machine, where its Python can be asked and can compile."""

    def look(name: str, platform: str = platform) -> BaseImage:
        known = (name, platform)
        if known not in place.bases:
            place.bases[known] = resolve_base(name, platform, place.registry, place.cache, offline=request.offline)
        return place.bases[known]

    if request.base:
        found = look(request.base)
    else:
        base = bases.choose_base(request.python or DEFAULT_PYTHON, registry=request.registry)
        found = find_default_base(base, look, place.progress.say_once)
    return found, found if platform == here() else look(found.name, here())


def _plan(request: BuildRequest, place: BuildEnvironment, base: BaseImage, parts: Any) -> ImagePlan:
    context = PlanContext(
        place.cache.find_layer, request.compression, identities(request.secrets, place.cache), _mounts(request)
    )  # fmt: skip
    return plan(base, request.instructions, parts, context)


def _mounts(request: BuildRequest) -> str:
    """The digest of what a step sees of this machine: a site's certificates."""
    bundle = request.network.ca_bundle
    return digest_file(bundle) if bundle else ""


def _first(step: Any) -> bool:
    return step.instruction is not None and step.instruction.after == "base"


def _image_below_dependencies(
    request: BuildRequest, place: BuildEnvironment, early: ImagePlan, sibling: BaseImage, python: str
) -> LazyImage:
    """Return what dependencies are locked and built on: the base with the instructions that come before them.

    It is made when something has to run on it, as when a source distribution is built.
    """
    count = sum(1 for step in early.steps if _first(step))
    if not count or request.dry_run:  # which runs none of them, so what needs them for its metadata fails
        return place.bench.base(sibling.manifest)

    def make() -> str:
        table = kitchen(request, place, python)
        return stage(early, made_until(early, table, count), table)

    return LazyImage(make)


def _runtime(request: BuildRequest, place: BuildEnvironment, found: TargetPython) -> tuple[tuple[Wheel, ...], str]:
    """Return the wheels of the runtime, for a base that does not bring it; a dry run says what it would fetch."""
    from ..locking import runtime_wheels

    is_dry = request.dry_run and not request.offline
    site = dependencies.resolver(request, place, found, "")  # wheels only: nothing is built
    try:
        return runtime_wheels.fetch_runtime_wheels(site, place.folder, offline=request.offline or is_dry), ""
    except PackageIndexError:
        if not is_dry:
            raise
        return (), "the runtime, of which wheels have to be fetched"
