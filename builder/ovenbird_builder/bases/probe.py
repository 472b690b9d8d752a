"""Ask an image's Python what it is, once in a container; the answer is kept by the image's digest."""

from __future__ import annotations

import contextlib
import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.atomic_files import write_file
from ovenbird.common.hashing import hash_text
from ovenbird.common.text import show_value

from ..containers import buildah
from ..containers.working_container import WorkingContainer, explain_missing_image, open_container
from ..errors import EngineError, IncompatibleBaseError
from ..host import process
from ..oci.reference import parse_reference

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
# Run by the image's Python, any version of it; one JSON object on stdout.
_SCRIPT = """
import importlib.util, json, os, platform, re, sys, sysconfig
if sys.version_info < (3, 8):
    print(json.dumps({"version": platform.python_version()}))
    sys.exit()
from importlib import metadata
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (ValueError, OSError):
    libc = ""
soabi = sysconfig.get_config_var("SOABI") or ""
if "musl" in soabi or not libc:
    libc = "musl" if "musl" in soabi else " ".join(platform.libc_ver()).strip() or "unknown"
names = {}
for found in metadata.distributions():
    name = found.metadata["Name"]
    if name:
        names.setdefault(re.sub(r"[-_.]+", "-", name).lower(), found.version)
print(json.dumps({
    "version": platform.python_version(), "implementation": sys.implementation.name,
    "executable": os.path.realpath(sys.executable), "machine": platform.machine(), "libc": libc, "soabi": soabi,
    "magic": importlib.util.MAGIC_NUMBER.hex(), "path": sys.path[1:], "distributions": names,
    "runtime": names.get("ovenbird", ""),
    **{key: sysconfig.get_path(key) for key in ("purelib", "platlib", "scripts", "data", "include")},
}))
"""

# on a busy machine buildah's chroot isolation now and then loses what a program wrote: silence is asked again
_TRIES = 4
_SILENT = re.compile(r"(?:(?i:error): (?:while running runtime: )?exit status \d+)?\s*")


class TargetPython(Struct, frozen=True):
    """What an image's Python is: its full version, where things are installed, what compiled code it takes.

    `distributions` is normalised name -> version of what the image already has; `runtime` the version of Ovenbird in
    it, or empty; `user` the one of the image's config.
    """

    version: str
    executable: str
    purelib: str
    platlib: str
    scripts: str
    data: str
    include: str
    machine: str
    libc: str
    soabi: str
    magic: str
    path: tuple[str, ...]
    distributions: Mapping[str, str]
    runtime: str
    user: str

    @property
    def minor(self) -> str:
        """Return `3.12` of `3.12.1`."""
        return ".".join(self.version.split(".")[:2])


class ProbeRecord(Struct, frozen=True):
    """What the store knows of an image: its id (digest of its config), its manifest's digest, its config."""

    id: str
    digest: str
    architecture: str
    config: Mapping[str, Any]


def inspect_stored(image: str) -> ProbeRecord:
    """Return the record of an image in the store. Errors: ProcessFailedError when it is not there."""
    about = json.loads(process.run(buildah.inspect_image(image)).stdout)
    oci = about.get("OCIv1") or {}
    return ProbeRecord(
        id=about.get("FromImageID", ""),
        digest=about.get("FromImageDigest", ""),
        architecture=oci.get("architecture", ""),
        config=oci.get("config") or {},
    )


def probe_python(
    image: str, *, cache: Path, version: str = "", pull: str = "missing", name: str = "", flag: str = "--base"
) -> TargetPython:
    """Return the Python of an image. `version` (`3.12`) is the requested one, empty for any.

    `name` is what errors call the image, when `image` is its id; `flag` the one that names another.

    Errors: IncompatibleBaseError for an image of another architecture, without Python, with one that no function can
    run under, or another than asked for; those of `open_container`.
    """
    name = name or image
    with open_container(image, pull=pull) as container:
        about = inspect_stored(image)
        _check_architecture(name, about, flag)
        path = cache / "probes" / f"{about.id}-{hash_text(_SCRIPT)[:12]}.json"
        answer = _read_answer(path)
        if answer is None:
            answer = _ask_python(name, container, flag)
            _write_answer(path, answer)
    _check_python(name, answer, version, flag)
    fields = {name: answer[name] for name in TargetPython.__struct_fields__ if name in answer}
    return TargetPython(**(fields | {"path": tuple(answer["path"]), "user": str(about.config.get("User") or "")}))


def pull_and_probe(
    image: str, *, cache: Path, environ: Mapping[str, str], version: str = ""
) -> tuple[str, TargetPython]:
    """Take an image that is named with its transport (`docker://`, `oci:`, ...) into the store.

    Return its id there and its Python. Errors: those of a pull, and of `probe_python`.
    """
    reference = image.removeprefix("docker://")
    is_loopback = reference != image and parse_reference(reference).loopback
    try:  # `always`: a tag in the store may be an older image than the registry's
        output = process.run(buildah.pull(image, policy="always", insecure=is_loopback), env=environ).stdout
    except process.ProcessFailedError as error:
        raise explain_missing_image(image, error) from None
    image_id = output.split()[-1]
    return image_id, probe_python(image_id, cache=cache, version=version, pull="never", name=image)


def _ask_python(image: str, container: WorkingContainer, flag: str) -> dict[str, Any]:
    """Return the answer of the image's python3."""
    for _ in range(_TRIES):
        result = container.run(["python3", "-I", "-c", _SCRIPT], network=False, timeout=120, check=False)
        if result.stdout.strip() or not _SILENT.fullmatch(result.stderr):
            break
    if result.returncode == 0:
        with contextlib.suppress(ValueError):
            answer = json.loads(result.stdout.strip().rpartition("\n")[2])
            if isinstance(answer, dict) and answer.get("version"):
                return answer
    last_line = (result.stderr.strip() or result.stdout.strip()).rpartition("\n")[2]
    if re.search(r"exec format error", result.stderr, re.IGNORECASE):
        raise IncompatibleBaseError(
            f"the programs of the image {show_value(image)} do not run on this machine ({_detect_architecture()})"
        )
    if re.search(r"executable file .*not found|no such file or directory", result.stderr, re.IGNORECASE):
        raise IncompatibleBaseError(
            f"there is no Python in the image {show_value(image)}: no `python3` on its `PATH`",
            hint=f"`{flag}` names another base image, such as `docker.io/library/python:3.12-slim`",
        )
    if result.returncode == 0:
        raise IncompatibleBaseError(
            f"`python3` in the image {show_value(image)} is not Python: it printed {show_value(last_line[:200])}"
        )
    hint = "where containers cannot be nested, set `BUILDAH_ISOLATION=chroot`" if "running runtime" in last_line else ""
    raise EngineError(
        f"cannot ask the Python of the image {show_value(image)} (status {result.returncode}): {last_line}", hint=hint
    )


def _check_architecture(image: str, about: ProbeRecord, flag: str) -> None:
    """Refuse an image for another machine before a program of it is started. Errors: IncompatibleBaseError."""
    if about.architecture and about.architecture != _detect_architecture():
        raise IncompatibleBaseError(
            f"the image {show_value(image)} is for {about.architecture}, this machine is {_detect_architecture()}",
            hint=f"`{flag}` names an image for this machine",
        )


def _check_python(image: str, answer: Mapping[str, Any], version: str, flag: str) -> None:
    """Refuse a Python that no function can run under, or another version than requested.

    Errors: IncompatibleBaseError.
    """
    actual = str(answer["version"])
    minor = ".".join(actual.split(".")[:2])
    if version and minor != version:
        raise IncompatibleBaseError(
            f"the Python of the image {show_value(image)} is {actual}, expected {version}",
            hint=f"name the version {minor}, or another image by `{flag}`",
        )
    if answer.get("implementation", "cpython") != "cpython":
        raise IncompatibleBaseError(
            f"the Python of the image {show_value(image)} is {answer['implementation']}, expected CPython"
        )
    if "libc" not in answer or tuple(map(int, minor.split("."))) < (3, 10):
        raise IncompatibleBaseError(f"the Python of the image {show_value(image)} is {actual}, expected 3.10 or newer")
    if not str(answer["libc"]).startswith("glibc"):
        raise IncompatibleBaseError(
            f"the image {show_value(image)} is built on {answer['libc']} (as Alpine is), expected"
            " glibc: wheels are made for it",
            hint="take the `-slim` image instead of the `-alpine` one",
        )


def _detect_architecture() -> str:
    """Return this machine's architecture, as images name it."""
    machine = platform.machine()
    return _MACHINES.get(machine, machine)


def _read_answer(path: Path) -> dict[str, Any] | None:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) and answer.get("version") else None


def _write_answer(path: Path, answer: Mapping[str, Any]) -> None:
    """Keep an answer; where the cache cannot be written it is asked again next time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(answer).encode())
