"""What the Python of a base is: asked once per digest, also for an architecture that does not run on this machine."""

from __future__ import annotations

import platform as machine

from msgspec.structs import asdict, replace

from ovenbird.common.text import show_value

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..errors import IncompatibleBaseError
from ..image_store.stage_images import StageImages
from .base_image import BaseImage
from .probe import TargetPython, probe_python

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


def find_interpreter(
    base: BaseImage, version: str, bench: StageImages, cache: LayerCache, *, sibling: BaseImage | None
) -> TargetPython:
    """The interpreter of a base. `version` (`3.12`) is what is asked for, empty for any.

    `sibling` is the same base for this machine, which is asked where `base` itself cannot run.
    Errors: BaseUnfitError; those of `bench.image`.
    """
    asked = base if sibling is None else sibling
    name = compute_key("interpreter", base=asked.digest, probe=1)
    known = cache.noted(name)
    if known:
        found = TargetPython(**(known | {"path": tuple(known["path"])}))
    else:
        found = probe_python(bench.base(asked.manifest).name, cache=cache.root, pull="never", name=asked.name)
        cache.note(name, asdict(found), f"the Python of {asked.name}")
    if version and found.minor != version:
        raise IncompatibleBaseError(
            f"the Python of the base {show_value(base.name)} is {found.version}, expected {version}",
            hint="another `--python`, or another `--base`",
        )
    return found if sibling is None else on_platform(found, base.platform)


def on_platform(found: TargetPython, platform: str) -> TargetPython:
    """The same interpreter on another architecture: the images of one tag are made alike."""
    there = _MACHINES[platform]
    here = found.machine or machine.machine()
    return replace(found, machine=there, soabi=found.soabi.replace(here, there))
