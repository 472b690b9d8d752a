"""A working container of buildah as a context manager that cannot leak: removed on every path, reaped if killed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..errors import BaseMissingError, DigestError, RegistryAuthError, RegistryError
from ..host import process
from ..host.process_id import format_process_id, has_ended
from ..host.refused_paths import REFUSED_PATH, explain_refused_path
from . import buildah
from .runtime_failure import find_runtime_failure

_PREFIX = "ovenbird-step"
_QUOTED = 64 * 1024  # characters of stdout that an error may quote from
_numbers = itertools.count(1)


class LazyImage:
    """An image of the store that is brought there when its name is first asked for: most builds run nothing on it."""

    __slots__ = ("_load", "_lock", "_name")

    def __init__(self, load: Callable[[], str]) -> None:
        self._load, self._name, self._lock = load, "", threading.Lock()

    @property
    def name(self) -> str:
        """Return the name in the store, loaded or made on the way. Errors: those of what loads it."""
        with self._lock:
            if not self._name:
                self._name = self._load()
        return self._name


ImageName = str | LazyImage  # an image by its name, or one that gets its name when it is needed


def resolve_image_name(image: ImageName) -> str:
    """Return the name of an image, which brings a lazy one into the store."""
    return image if isinstance(image, str) else image.name


class WorkingContainer(Struct, frozen=True):
    """A working container, by name."""

    name: str

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        mounts: Iterable[str] = (),
        user: str = "0:0",
        workdir: str = "/",
        network: bool = True,
        timeout: float | None = None,
        secrets: Iterable[str] = (),
        line: Callable[[str], None] | None = None,
        check: bool = True,
        limit: int = 64 * 1024 * 1024,
    ) -> process.CompletedProcess:
        """Run a command in it, as root by default.

        Errors: those of `process.run`; EngineError for a container that the runtime cannot start.

        A variable whose value is one of `secrets` goes by buildah's environment, as an argv is for all to see.
        """
        secrets, env = tuple(secrets), env or {}
        hidden = {name: value for name, value in env.items() if value in secrets}
        options = buildah.RunOptions(
            user=user, env={name: env[name] for name in env if name not in hidden}, passed=tuple(hidden),
            mounts=tuple(mounts), workdir=workdir, network=network,
        )  # fmt: skip
        argv = buildah.run(self.name, command, options)
        if not network and os.environ.get("BUILDAH_ISOLATION") == "chroot":
            argv = ("unshare", "--net", "--", *argv)  # that isolation takes `--network=none` and does not heed it
        result = process.run(
            argv, env={**os.environ, **hidden}, timeout=timeout, secrets=secrets, line=line, check=False, limit=limit
        )
        if result.returncode and (problem := find_runtime_failure(result.stderr)):
            raise problem
        if check and result.returncode:
            raise process.ProcessFailedError(result.argv, result.returncode, result.stderr or result.stdout[-_QUOTED:])
        return result

    @contextlib.contextmanager
    def mount_root(self) -> Iterator[Path]:
        """Mount its file system on this machine for a while, and yield the path."""
        path = Path(process.run(buildah.mount(self.name)).stdout.strip())
        try:
            yield path
        finally:
            process.run(buildah.unmount(self.name), check=False)


@contextlib.contextmanager
def open_container(
    image: ImageName, *, pull: str = "missing", env: Mapping[str, str] | None = None
) -> Iterator[WorkingContainer]:
    """Yield a working container of `image`, removed at the end whatever happens.

    `env` is the environment for buildah (default: this process's). Errors: BaseMissingError, RegistryError,
    RegistryAuthError.
    """
    image = resolve_image_name(image)
    remove_orphans()
    name = f"{_PREFIX}-{format_process_id()}-{next(_numbers)}"
    try:
        process.run(buildah.from_(image, name=name, pull=pull), env=env)
    except process.ProcessFailedError as error:
        raise explain_missing_image(image, error) from None
    try:
        yield WorkingContainer(name)
    finally:
        process.run(buildah.remove(name), check=False)


def explain_missing_image(image: str, error: process.ProcessFailedError) -> OvenbirdError:
    """Return the error of an image that could not be had, from the output of buildah or skopeo."""
    output = error.output.lower()
    if re.search(REFUSED_PATH, output):
        return explain_refused_path(error.output, f"cannot get the image {show_value(image)}: ")
    last = error.message
    if any(word in output for word in ("unauthorized", "authentication required", "denied", "403 (forbidden)")):
        return RegistryAuthError(
            f"the registry refuses {show_value(image)}: {last}",
            hint="`buildah login REGISTRY`, or the variable `REGISTRY_AUTH_FILE` names a file of credentials",
        )
    if any(word in output for word in ("manifest unknown", "not known", "no such image", "not found", "name unknown")):
        return BaseMissingError(f"there is no image {show_value(image)}: {last}")
    if any(word in output for word in ("did not match", "does not match", "digest mismatch", "digest invalid")):
        return DigestError(f"what the registry returned for {show_value(image)} does not match its digest: {last}")
    return RegistryError(f"cannot get the image {show_value(image)}: {last}")


def remove_orphans() -> None:
    """Remove working containers whose builder is gone: a builder that was killed could not do it itself."""
    result = process.run(buildah.containers(), check=False)
    if result.returncode:
        return
    for row in json.loads(result.stdout or "[]") or []:
        name = row.get("containername", "")
        parts = name.removeprefix(_PREFIX + "-").split("-")
        if not name.startswith(_PREFIX + "-") or len(parts) != 3:
            continue
        if has_ended(parts[0], parts[1]):
            process.run(buildah.remove(name), check=False)
