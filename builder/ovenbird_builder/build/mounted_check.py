"""Run a program in an image without a container engine: on the layers that the local store has, and fresh ones.

A tenth of a second where buildah takes half of one. It is tried before the engine, on a machine where it can be: as
root, with a store of the driver overlay that has all but the small layers at the top.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ..cache.layer import Layer
from ..cache.layer_cache import LayerCache
from ..errors import ImagePolicyError
from ..host import process
from ..host.tempdirs import make_build_folder
from ..image_store import overlay_store
from ..layers.layer_tar import read_tar
from .execute import BuiltImage

_MOST = 16 * 1024 * 1024  # bytes of compressed layers that are unpacked here
_SCRIPT = Path(__file__).parent / "_enter_layers.py"
_SPECIAL = set(":,\\ \t\n")  # what the options of a mount would take for something else


def can_mount(cache: LayerCache, environ: Mapping[str, str]) -> bool:
    """Return whether layers of the local store can be mounted here."""
    return os.geteuid() == 0 and overlay_store.find_root(cache, environ) is not None


class ImageCommand(Struct, frozen=True):
    """A command to run in an image: as which user and group, in which folder, with `env` on top of the image's own.

    `timeout` is in seconds.
    """

    argv: tuple[str, ...]
    user: tuple[int, int]
    workdir: str
    env: Mapping[str, str]
    timeout: float


def run_mounted(
    built_image: BuiltImage,
    command: ImageCommand,
    cache: LayerCache,
    environ: Mapping[str, str],
    stop: threading.Event,
) -> process.CompletedProcess | None:
    """Run a command in an image whose blobs are in the cache, until it ends or `stop` is set.

    `environ` is the one that names the store. None where that cannot be done.
    Errors: ProcessTimedOutError, DiskFullError.
    """
    image, layers = built_image.image, built_image.layers
    root = overlay_store.find_root(cache, environ) if os.geteuid() == 0 else None
    if root is None or command.user[0] == 0:  # root would keep its rights in there, which an engine takes away
        return None
    config = json.loads(image.config)
    diff_ids = config["rootfs"]["diff_ids"]
    stored = overlay_store.find_layers(root, diff_ids)
    fresh = list(layers[len(stored) - len(diff_ids) :]) if len(stored) < len(diff_ids) else []
    if not stored or len(diff_ids) - len(stored) > len(layers) or sum(layer.size for layer in fresh) > _MOST:
        return None
    with make_build_folder(cache.root) as folder:
        top, mount_point = folder / "top", folder / "mount"
        if _SPECIAL & set(str(top)) or not _unpack(fresh, top, cache):
            return None
        mount_point.mkdir()
        variables = dict(row.partition("=")[::2] for row in (config.get("config") or {}).get("Env") or ()) | dict(
            command.env
        )
        argv = (
            sys.executable, "-I", "-S", str(_SCRIPT), str(root / "overlay"), ":".join(reversed(stored)),
            str(top) if fresh else "", str(mount_point), *map(str, command.user), command.workdir, *command.argv,
        )  # fmt: skip
        data = "".join(f"{name}={value}\0" for name, value in variables.items()).encode("utf-8", "surrogateescape")
        return process.run(argv, stdin=data, timeout=command.timeout, check=False, stop=stop)


def count_large(layers: Sequence[Layer]) -> int:
    """Return how many layers, from the bottom, the store has to have: the others are unpacked in no time."""
    for count in range(len(layers)):
        if sum(layer.size for layer in layers[count:]) <= _MOST:
            return count
    return len(layers)


def _unpack(layers: Sequence[Layer], into: Path, cache: LayerCache) -> bool:
    """Unpack small layers, one over the other, and return whether that was possible.

    It is not where a layer takes a file away, holds a device or a hard link, or would be written elsewhere.
    """
    into.mkdir()
    try:
        for layer in layers:
            with (
                cache.locate_blob(layer.digest).open("rb") as file,
                read_tar(file, layer.media_type, layer.name) as tar,
            ):
                if not all(_write_member(tar, member, into) for member in tar):
                    return False
    except (OSError, ImagePolicyError, tarfile.TarError):
        return False
    return True


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> bool:
    """Write one member with its mode and owner, and return whether that was possible.

    The filters of `tarfile` are missing from some of the Pythons that this runs on (3.11.2 of Debian 12).
    """
    name = Path(member.name.lstrip("/"))
    if ".." in name.parts or name.name.startswith(".wh."):
        return False
    path, root = into / name, into.resolve()
    parent = path.parent.resolve()  # a link of a layer below may lead out
    if parent != root and root not in parent.parents:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.isreg() and (content := tar.extractfile(member)):
        with content, path.open("xb") as file:
            shutil.copyfileobj(content, file)
    else:
        return False
    os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        path.chmod(member.mode & 0o7777)
    return True
