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
    base: BaseImage, version: str, images: StageImages, cache: LayerCache, *, sibling: BaseImage | None
) -> TargetPython:
    """Return the interpreter of a base. `version` (`3.12`) is the requested one, empty for any.

    `sibling` is the same base for this machine, which is asked where `base` itself cannot run.
    Errors: IncompatibleBaseError; those of `StageImages.load_image`.
    """
    probed = base if sibling is None else sibling
    name = compute_key("interpreter", base=probed.digest, probe=1)
    record = cache.recall(name)
    if record:
        python = TargetPython(**(record | {"path": tuple(record["path"])}))
    else:
        python = probe_python(images.get_base(probed.manifest).name, cache=cache.root, pull="never", name=probed.name)
        cache.note(name, asdict(python), f"the Python of {probed.name}")
    if version and python.minor != version:
        raise IncompatibleBaseError(
            f"the Python of the base {show_value(base.name)} is {python.version}, expected {version}",
            hint="another `--python`, or another `--base`",
        )
    return python if sibling is None else on_platform(python, base.platform)


def on_platform(python: TargetPython, platform: str) -> TargetPython:
    """Return the same interpreter on another architecture: the images of one tag are made alike."""
    target_machine = _MACHINES[platform]
    local_machine = python.machine or machine.machine()
    return replace(python, machine=target_machine, soabi=python.soabi.replace(local_machine, target_machine))
