"""Wheels -> layers: grouped, compiled, installed; what is in the cache is not touched, not even read."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from msgspec import Struct
from msgspec.structs import asdict

from ..cache.blobs import PendingBlob
from ..cache.layer import Layer, compute_key
from ..cache.layer_cache import LayerCache
from ..containers.working_container import ImageName
from . import COMPRESSIONS, InstallScheme, WheelPackage, WheelTarget
from . import make_scheme as scheme_of
from .bytecode import compile_wheels, compute_bytecode_key, get_cache_tag, open_bytecode
from .layer_grouping import BUDGET, format_title, group_wheels
from .slim import VERSION as SLIM_VERSION
from .slim import SlimRules, list_left_out, list_stripped
from .tar_writer import TarWriter
from .whiteouts import compute_displaced_key, find_displaced, make_displaced_layer

_log = logging.getLogger("ovenbird.layers")
LayerObserver = Callable[[Sequence[Layer]], None]
_JOBS = 2  # layers made at once: inflating, hashing and compressing run beside each other


class WheelLayerSpec(Struct, frozen=True):
    """A layer of wheels to be: its key, its name for people, and what is in it; without wheels it hides the base's."""

    key: str
    name: str
    wheels: tuple[WheelPackage, ...] = ()
    hidden: tuple[str, ...] = ()


class WheelSet(Struct, frozen=True):
    """Wheels that become layers, at most `budget`, for the target's site-packages or another `scheme`.

    `identity` is the digest of the base that they lie on. With `slim` rules they lose what is not needed at run time.
    """

    wheels: Sequence[WheelPackage]
    target: WheelTarget
    identity: str
    scheme: InstallScheme | None = None
    compression: str = "zstd"
    budget: int = BUDGET
    slim: SlimRules | None = None

    @property
    def places(self) -> InstallScheme:
        """Return where the files go."""
        return self.scheme or scheme_of(self.target)


def ignore_layers(layers: Sequence[Layer]) -> None:  # the form of an observer
    """Do nothing with layers that are finished."""


def outline_layers(stack: WheelSet, image: ImageName, cache: LayerCache) -> tuple[WheelLayerSpec, ...]:
    """Return the layers that `make_wheel_layers` would make, from the bottom. `image` is asked once per base.

    Errors: those of `open_container`, where a wheel takes the place of what the base has.
    """
    wheels, target, scheme = stack.wheels, stack.target, stack.places
    hidden_paths = (
        find_displaced((wheel.name for wheel in wheels), scheme, target, image, stack.identity, cache) if wheels else ()
    )
    first: tuple[WheelLayerSpec, ...] = ()
    if hidden_paths:
        names = ", ".join(sorted({wheel.name for wheel in wheels} & set(target.distributions)))
        first = (
            WheelLayerSpec(
                compute_displaced_key(hidden_paths, stack.compression),
                f"without the base's {names}",
                hidden=hidden_paths,
            ),
        )
    groups = group_wheels([(wheel, _read_facts(wheel, cache)[0]) for wheel in wheels], stack.budget - len(first))
    return (
        *first,
        *(
            WheelLayerSpec(
                compute_layer_key(members, scheme, target, stack.compression, stack.slim),
                format_title(members),
                members,
            )
            for members in groups
        ),
    )


def make_wheel_layers(
    stack: WheelSet, image: ImageName, cache: LayerCache, observer: LayerObserver = ignore_layers
) -> tuple[Layer, ...]:
    """Install the wheels of a stack into layers. `image` holds the target's Python, of this machine, and compiles.

    Whenever the layer above the finished ones is finished too, and others are not, `observer` is called with all of
    these, from the bottom.
    Errors: LayerError, DiskFullError, IncompatibleBaseError; those of `open_container`.
    """
    rows = outline_layers(stack, image, cache)
    layers = [cache.find_layer(row.key) for row in rows]
    missing = [number for number, layer in enumerate(layers) if layer is None]
    if not missing:
        return tuple(layer for layer in layers if layer)
    _warn_of_clashes([row.wheels for row in rows], cache)
    new_wheels = [wheel for number in missing for wheel in rows[number].wheels]
    compile_wheels(new_wheels, stack.places, stack.target, image, cache)

    def make(number: int) -> Layer:
        row = rows[number]
        if row.hidden:
            return make_displaced_layer(row.hidden, row.name, cache, compression=stack.compression)
        return _group_layer(row.wheels, row.key, stack, cache)

    with ThreadPoolExecutor(_JOBS) as pool:
        for number, layer in zip(missing, pool.map(make, missing), strict=True):
            layers[number] = layer
            finished = list(takewhile(bool, layers))
            if len(finished) < len(layers):
                observer([layer for layer in finished if layer])
    return tuple(layer for layer in layers if layer)


def compute_layer_key(
    wheels: Sequence[WheelPackage],
    scheme: InstallScheme,
    target: WheelTarget,
    compression: str,
    slim: SlimRules | None = None,
) -> str:
    """Return the key of a group's layer: all that goes into it."""
    slim_names = [wheel.name for wheel in slim.list_slim(wheels)] if slim else []
    return compute_key(
        "wheels",
        wheels=[[wheel.filename, wheel.sha256, compute_bytecode_key(wheel, scheme, target)] for wheel in wheels],
        scheme=asdict(scheme),
        compression=COMPRESSIONS[compression][1],
        **({"slim": [SLIM_VERSION, *slim_names]} if slim_names else {}),
    )


def _group_layer(wheels: Sequence[WheelPackage], key: str, stack: WheelSet, cache: LayerCache) -> Layer:
    from .wheel import (
        open_installation,
    )  # `installer` takes longer to import than a build in which nothing changed may spare

    def make(draft: PendingBlob) -> str:
        tar, scheme, tag = TarWriter(draft, stack.compression), stack.places, get_cache_tag(stack.target)
        slim_wheels = stack.slim.list_slim(wheels) if stack.slim else []
        with contextlib.ExitStack() as opened:
            rows = []
            for wheel in wheels:
                bytecode = opened.enter_context(open_bytecode(wheel, scheme, stack.target, cache))
                installation = opened.enter_context(open_installation(wheel, scheme))
                if wheel in slim_wheels:
                    installation = installation.without(list_left_out(wheel, scheme, cache))
                    installation = installation.strip(list_stripped(wheel, scheme, cache))
                rows.append(installation.with_bytecode(bytecode, scheme, tag))
            later: set[str] = set()  # of two wheels with one file the later has it, as when they are installed in turn
            for number, installation in reversed(list(enumerate(rows))):
                rows[number] = installation.without(later)
                later |= installation.paths
            for installation in rows:
                installation.write(tar)
        return tar.close()

    return cache.make_layer(key, format_title(wheels), COMPRESSIONS[stack.compression][0], make)


def list_top_names(wheels: Sequence[WheelPackage], cache: LayerCache) -> frozenset[str]:
    """Return the modules at the top of wheels: `six` of a file `six.py` and of a folder `six`."""
    from .wheel import list_contents

    names: set[str] = set()
    for wheel in wheels:
        tops = _read_facts(wheel, cache)[1]
        names |= {top.partition(".")[0] for top in tops}
        if any(top.endswith(".data") for top in tops):  # where some keep their modules
            parts = (name.split("/") for name in list_contents(wheel.path)[1])
            names |= {
                part[2].partition(".")[0] for part in parts if len(part) > 2 and part[1] in ("purelib", "platlib")
            }
    return frozenset(names)


def list_module_names(wheel: WheelPackage, cache: LayerCache) -> list[str]:
    """Return the modules and packages at the top of a wheel that can be imported by their name."""
    tops = _read_facts(wheel, cache)[1]
    names = {top.partition(".")[0] for top in tops if "." not in top or top.endswith((".py", ".so"))}
    return sorted(name for name in names if name.isidentifier())


def _read_facts(wheel: WheelPackage, cache: LayerCache) -> tuple[int, frozenset[str]]:
    """Return a wheel's installed size and the names at its top, read from the wheel once."""
    key = compute_key("facts", wheel=wheel.sha256)
    record = cache.recall(key)
    if record is None:
        from .wheel import list_contents

        size, names = list_contents(wheel.path)
        tops = sorted({name.partition("/")[0] for name in names if ".dist-info/" not in name})
        record = [size, tops]
        cache.note(key, record, f"facts of {wheel.name} {wheel.version}")
    return int(record[0]), frozenset(record[1])


def _warn_of_clashes(groups: Sequence[Sequence[WheelPackage]], cache: LayerCache) -> None:
    """Tell of files that two wheels bring; only wheels that share a name at their top are opened."""
    from .wheel import list_contents

    by_top: dict[str, list[WheelPackage]] = {}
    for wheel in (wheel for wheels in groups for wheel in wheels):
        for top in _read_facts(wheel, cache)[1]:
            by_top.setdefault(top, []).append(wheel)
    sharing = {wheel.sha256: wheel for wheels in by_top.values() if len(wheels) > 1 for wheel in wheels}
    owner: dict[str, WheelPackage] = {}
    pairs: set[tuple[str, str]] = set()
    for wheel in (wheel for wheels in groups for wheel in wheels if wheel.sha256 in sharing):
        for name in list_contents(wheel.path)[1]:
            other = owner.setdefault(name, wheel)
            owner[name] = wheel
            if other is not wheel and not name.endswith("/") and (other.name, wheel.name) not in pairs:
                pairs.add((other.name, wheel.name))
                _log.warning("%s and %s both bring %s: that of %s is used", other.name, wheel.name, name, wheel.name)
