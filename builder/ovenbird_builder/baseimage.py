"""Make a base image: take the upstream, see that it fits, prepare what Dockerfile.base is built from, build."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ovenbird import __version__

from . import bases, buildah, process, runtime, toolbox
from .bases import Base
from .container import refused
from .errors import BaseMissingError, EngineError, ImageError, LayerError, RegistryDeniedError, RegistryError, SpecError
from .network import Network
from .probe import Stored, probe, stored

_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+/")
_OCI = "org.opencontainers.image"
_SETTINGS = "--registry (or OVENBIRD_REGISTRY) names a mirror, --from another image"


@dataclass(frozen=True, slots=True)
class Options:
    """How to build: the image's name, its format, when it was made (seconds), the revision of the runtime in it."""

    image: str
    fmt: str = "oci"
    epoch: int = 0
    revision: str = ""
    pull: str = "always"
    pip_conf: Path | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A base image that was made: its name, the digest of its manifest, Python's version and the upstream's digest."""

    image: str
    digest: str
    python: str
    upstream: str
    upstream_digest: str


def build(
    base: Base, options: Options, *, network: Network, cache: Path, environ: Mapping[str, str],
    line: Callable[[str], None] | None = None,
) -> Built:  # fmt: skip
    """Build the image of one version into the store.

    `line` gets each line that the build says. Errors: BaseMissingError, RegistryError, RegistryDeniedError,
    BaseUnfitError, LayerError when an install fails.
    """
    env = {**environ, **network.host_env()}
    upstream = fetch(base, options.pull, env, network)
    python = probe(upstream.id, cache=cache, version=base.version, pull="never", name=base.reference)
    about = labels(base, upstream, options)
    with tempfile.TemporaryDirectory(prefix="ovenbird-base-") as folder:
        context(base.version, Path(folder))
        argv = buildah.build(
            folder, options.image, file=f"{folder}/Dockerfile", fmt=options.fmt, timestamp=options.epoch,
            arguments=arguments(_name(upstream), about),
            annotations=about if options.fmt == "oci" else {},
            secrets=secrets(network, options.pip_conf),
        )  # fmt: skip
        with named(upstream, cache):
            try:
                process.run(argv, env=env, secrets=network.secrets(), line=line)
            except process.ProcessFailed as error:
                raise failed(base, error) from None
    done = stored(options.image)
    return Built(options.image, done.digest, python.version, base.upstream, upstream.digest)


def fetch(base: Base, policy: str, env: Mapping[str, str], network: Network) -> Stored:
    """Take the upstream into the store. Errors name the settings that say where it is looked for."""
    name = base.reference
    local = name.startswith("localhost/")
    argv = buildah.pull(name, policy="never" if local else policy, insecure=bool(_LOOPBACK.match(name)))
    try:
        done = process.run(argv, env=env, secrets=network.secrets())
        found = stored(done.stdout.strip().rpartition("\n")[2])
    except process.ProcessFailed as error:
        told = refused(name, error)
        if isinstance(told, (BaseMissingError, RegistryError)):
            raise type(told)(told.message, hint=_SETTINGS) from None
        raise told from None
    return found


@contextlib.contextmanager
def named(upstream: Stored, cache: Path) -> Iterator[None]:
    """Give the upstream, for a while, a name that follows from its content.

    The history of the image says what it was made from; by any other name, the mirror that the upstream happened to
    come from would be in the digest. One builder at a time: the first to end takes the name away.
    """
    (cache / "locks").mkdir(parents=True, exist_ok=True)
    with (cache / "locks" / upstream.id).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process.run(buildah.tag(upstream.id, _name(upstream)))
        try:
            yield
        finally:
            process.run(buildah.remove_image(_name(upstream)), check=False)


def _name(upstream: Stored) -> str:
    return f"localhost/ovenbird-upstream:{upstream.id[:12]}"


def labels(base: Base, upstream: Stored, options: Options) -> dict[str, str]:
    """What is said of the image, as labels and as annotations, by the names that OCI has for it."""
    created = datetime.datetime.fromtimestamp(options.epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {
        f"{_OCI}.version": __version__,
        f"{_OCI}.revision": options.revision,
        f"{_OCI}.created": created,
        f"{_OCI}.base.name": base.upstream,
        f"{_OCI}.base.digest": base.digest or upstream.digest,
        f"{_OCI}.licenses": "Apache-2.0",
        f"{_OCI}.title": "Ovenbird base",
    }
    return {name: value for name, value in said.items() if value}


def arguments(upstream: str, about: Mapping[str, str]) -> dict[str, str]:
    """The build arguments of Dockerfile.base."""
    named = {"VERSION": "version", "REVISION": "revision", "CREATED": "created"}
    named |= {"UPSTREAM_NAME": "base.name", "UPSTREAM_DIGEST": "base.digest"}
    return {"UPSTREAM": upstream} | {name: about.get(f"{_OCI}.{label}", "") for name, label in named.items()}


def secrets(network: Network, pip_conf: Path | None) -> dict[str, str]:
    """Files that the build sees and no layer holds."""
    found = {"ca": str(network.ca_bundle)} if network.ca_bundle else {}
    return found | ({"pip.conf": str(pip_conf)} if pip_conf else {})


def context(version: str, folder: Path) -> None:
    """Fill a folder that Dockerfile.base can be built from, by buildah, podman or docker.

    Errors: SpecError when there is no lock of that version.
    """
    lock = bases.lockfile(version)
    if not lock.is_file():
        raise SpecError(f"no lock of the runtime for Python {version}: {str(lock)!r}", hint="ovenbird base lock")
    shutil.copyfile(bases.recipe(), folder / "Dockerfile")
    for name in ("stage.py", "elf.py"):
        shutil.copyfile(bases.home() / name, folder / name)
    toolbox.copy_pip(folder / "tools")
    wheel = runtime.wheel(folder)
    own = f"ovenbird=={__version__} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (folder / "requirements.txt").write_text(lock.read_text(encoding="utf-8") + own, encoding="utf-8")


def failed(base: Base, error: process.ProcessFailed) -> ImageError | LayerError:
    """Why a build failed, from what it said."""
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    said = [line for line in lines if line.lower().startswith("error")] or lines[-1:] or [error.message]
    told = f"cannot build the base image of Python {base.version}: {said[0]}"
    if "error while running runtime" in error.output or "while running" in error.output or "ERROR:" in error.output:
        return LayerError(told)
    return EngineError(told)


def push(image: str, destination: str, *, network: Network, environ: Mapping[str, str]) -> str:
    """Push an image of the store; the digest that the registry has it by.

    Errors: RegistryError, RegistryDeniedError.
    """
    with tempfile.TemporaryDirectory(prefix="ovenbird-push-") as folder:
        told = Path(folder) / "digest"
        argv = buildah.push(
            image, f"docker://{destination}", digest_file=str(told), insecure=bool(_LOOPBACK.match(destination))
        )
        try:
            process.run(argv, env={**environ, **network.host_env()}, secrets=network.secrets())
        except process.ProcessFailed as error:
            reason = refused(destination, error)
            kind = RegistryDeniedError if isinstance(reason, RegistryDeniedError) else RegistryError
            raise kind(f"cannot push {destination!r}: {error.message}") from None
        return told.read_text(encoding="utf-8").strip()
