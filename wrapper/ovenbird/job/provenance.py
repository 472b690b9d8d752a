"""The provenance of a run: source revision and digest, lock, image, Python, packages, machine, command."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..common.git_checkout import read_revision
from ..common.imported_packages import list_imported_packages
from ..common.named_paths import is_file
from ..common.redact import mask_command, redact_record
from ..function.loader import LoadedFunction
from ..function.target import LOCKS


def function_spec(loaded: LoadedFunction) -> dict[str, Any]:
    """Return the spec of the function's revision: its location, its handler, and the digest of its source."""
    target, document = loaded.target, loaded.target.function
    spec: dict[str, Any] = {
        "source": {"source": redact_record(document.source) if document else target.module, "handler": str(target)}
    }
    if document:
        spec["requirements"] = list(document.requirements)
    spec["source"]["root"] = str(target.root)
    spec["source"]["digest"] = source_digest(loaded)
    if revision := read_revision(target.root):
        spec["source"]["revision"] = revision
    return spec


def build_provenance(loaded: LoadedFunction, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the provenance of the run: lock, image, Python, packages, machine, command."""
    details: dict[str, Any] = {
        "python": sys.version.partition(" ")[0],
        "packages": list_packages(),
        "machine": describe_machine(),
        "command": mask_command(["ovenbird", *sys.argv[1:]]),
    }
    target = loaded.target
    # in an image the lock lies beside the document
    folders = [target.root, *([target.function.root] if target.function else [])]
    for path in (folder / name for folder in folders for name in LOCKS):
        if is_file(path):
            digest = _new_sha256()
            digest.update(path.read_bytes())
            details["lock"] = f"sha256:{digest.hexdigest()}"
            break
    if image := environ.get("OVENBIRD_IMAGE_DIGEST"):
        details["image"] = image
    return details


def list_packages() -> dict[str, str]:
    """Return the versions of the distributions that have been imported so far, with Ovenbird's."""
    return {**list_imported_packages(), "ovenbird": __version__}


def describe_machine() -> dict[str, Any]:
    """Return system, release, architecture, host name, and the processors and bytes of memory of this process.

    `gpus` are the models of the NVIDIA devices that the kernel lists.
    """
    system = os.uname()
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    details: dict[str, Any] = {
        "system": system.sysname,
        "release": system.release,
        "architecture": system.machine,
        "host": system.nodename,
        "cpus": len(affinity(0)) if affinity else os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }
    with contextlib.suppress(OSError, ValueError):  # no limit is the text `max`
        details["memory"] = min(details["memory"], int(Path("/sys/fs/cgroup/memory.max").read_text()))
    with contextlib.suppress(OSError):
        devices = sorted(Path("/proc/driver/nvidia/gpus").iterdir())
        details["gpus"] = [_gpu_model((device / "information").read_text()) for device in devices]
    return details


def _gpu_model(text: str) -> str:
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "Model"), "")


def source_digest(loaded: LoadedFunction) -> str:
    """Return the digest of the modules that were imported from the source root, by their paths and contents.

    Other files in the folder do not count, as it may be a home folder.
    """
    root = loaded.target.root
    files = {
        getattr(loaded.module, "__file__", None),
        *(getattr(module, "__file__", None) for module in list(sys.modules.values())),
    }
    paths = sorted(
        Path(file) for file in files if file and file.startswith(f"{root}/") and "/site-packages/" not in file
    )
    digest = _new_sha256()
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        digest.update(f"{path.relative_to(root)}\0{len(content)}\0".encode())
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def list_local_sources(names: Iterable[str] | None = None) -> list[str]:
    """Return the files of imported modules that neither Python, Ovenbird nor an installed distribution brings.

    Their content is not told by the version of a distribution. With `names`, only of those modules.
    """
    modules = {name: sys.modules.get(name) for name in (list(sys.modules) if names is None else names)}
    standard, own = os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
    files = {getattr(module, "__file__", None) for name, module in modules.items() if name != "__main__"}
    return sorted(
        file for file in files
        if isinstance(file, str)
        and not file.startswith((f"{standard}/", f"{own}/"))
        and "/site-packages/" not in file and "/dist-packages/" not in file
    )  # fmt: skip


def digest_text(text: str) -> str:
    """Return the digest of a text."""
    digest = _new_sha256()
    digest.update(text.encode("utf-8", "backslashreplace"))
    return f"sha256:{digest.hexdigest()}"


def digest_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the digest of each file, `""` of one that cannot be read."""
    digests = {}
    for path in paths:
        digest = _new_sha256()
        try:
            digest.update(Path(path).read_bytes())
        except (OSError, ValueError):
            digests[path] = ""
            continue
        digests[path] = f"sha256:{digest.hexdigest()}"
    return digests


def _new_sha256() -> Any:
    """Return a new hash object."""
    return _find_sha256()()


@functools.cache
def _find_sha256() -> Callable[[], Any]:
    """Return what makes hash objects: Python's own SHA-256 if there is one.

    `hashlib` loads OpenSSL, which takes a fifth of the time of a record. A module that does not exist is looked for in
    every folder of `sys.path`.
    """
    for name in ("_sha2", "_sha256"):  # since Python 3.12, and before; `random` of the standard library does the same
        with contextlib.suppress(ImportError):
            make: Callable[[], Any] = importlib.import_module(name).sha256
            return make
    import hashlib

    return hashlib.sha256
