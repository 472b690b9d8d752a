"""What of the base has to go: distributions in the target's site-packages that are installed anew above it.

Without this, files that the new version no longer has stay importable, and two versions claim to be installed.
Distributions elsewhere on the path (Debian's own, the runtime's) stay: the target's site-packages comes before them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from ..cache.blobs import PendingBlob
from ..cache.layer import Layer, compute_key
from ..cache.layer_cache import LayerCache
from ..containers.working_container import ImageName, open_container, resolve_image_name
from . import COMPRESSIONS, InstallScheme, WheelTarget
from .tar_writer import TarWriter

_log = logging.getLogger("ovenbird.layers")
# Prints {name: [paths]}; a folder is named in place of its files when nothing else lies in it.
_SCRIPT = """
import importlib.metadata, importlib.util, json, os, re, sys
def tops(files, roots):
    for path in list(files):
        if path.endswith(".py"):
            files.add(importlib.util.cache_from_source(path))
    files = {path for path in files if os.path.lexists(path)}
    whole = {}
    def empty(folder):
        if folder not in whole:
            names = [os.path.join(folder, name) for name in os.listdir(folder)]
            whole[folder] = all(
                n in files or (os.path.isdir(n) and not os.path.islink(n) and empty(n)) for n in names)
        return whole[folder]
    found = set()
    for path in files:
        while True:
            parent = os.path.dirname(path)
            if not any(parent.startswith(root + "/") for root in roots) or not empty(parent):
                break
            path = parent
        found.add(path)
    return sorted(found)
roots = sorted(set(sys.argv[1:]))
result = {}
for found in importlib.metadata.distributions(path=roots):
    name = re.sub(r"[-_.]+", "-", found.metadata["Name"] or "").lower()
    files = {os.path.normpath(str(found.locate_file(file))) for file in found.files or ()}
    result.setdefault(name, []).extend(tops(files, roots))
json.dump(result, sys.stdout)
"""


def find_displaced(
    names: Iterable[str], scheme: InstallScheme, target: WheelTarget, image: ImageName, identity: str, cache: LayerCache
) -> tuple[str, ...]:
    """Paths of the base that must be hidden when `names` are installed anew; asked once per base, by its digest."""
    shared_names = set(names) & set(target.distributions)
    if not shared_names:
        return ()
    key = compute_key("displaced", base=identity, places=[scheme.purelib, scheme.platlib], script=1)
    paths = cache.recall(key)
    if paths is None:
        argv = (target.executable, "-I", "-S", "-B", "-c", _SCRIPT, scheme.purelib, scheme.platlib)
        with open_container(image) as container:
            paths = json.loads(container.run(argv, network=False).stdout)
        cache.note(key, paths, f"distributions of {resolve_image_name(image)}")
    for name in sorted(shared_names & set(paths)):
        if not paths[name]:
            _log.warning("%s of the base has no list of its files: they stay below the new ones", name)
    return tuple(sorted({path for name in shared_names for path in paths.get(name, ())}))


def compute_displaced_key(paths: tuple[str, ...], compression: str = "zstd") -> str:
    """Return the key of `make_displaced_layer`."""
    return compute_key("displaced layer", paths=paths, compression=COMPRESSIONS[compression][1])


def make_displaced_layer(paths: tuple[str, ...], name: str, cache: LayerCache, *, compression: str = "zstd") -> Layer:
    """Return a layer that hides `paths`; it lies below the new files, as a layer cannot hide what it brings itself."""

    def make(draft: PendingBlob) -> str:
        tar = TarWriter(draft, compression)
        for path in paths:
            tar.add_whiteout(path)
        return tar.close()

    return cache.make_layer(compute_displaced_key(paths, compression), name, COMPRESSIONS[compression][0], make)
