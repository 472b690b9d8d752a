"""Make a base image: take the upstream, see that it fits, prepare what Dockerfile.base is built from, build."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ovenbird import __version__
from ovenbird.common.hashing import hash_file
from ovenbird.common.private_files import make_private_folder
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..containers import buildah, pip_tools
from ..containers.pip_conf import write_pip_conf
from ..containers.runtime_failure import find_runtime_failure
from ..containers.working_container import explain_missing_image
from ..errors import BaseMissingError, EngineError, ImageError, LayerError, PackageIndexError, RegistryError
from ..host import process
from ..host.epoch import format_epoch
from ..host.file_locks import hold_lock
from ..host.network import NetworkSettings
from ..layers import elf
from ..layers.runtime_layers import LAUNCHER, SIGNALS
from ..oci.label_names import BASE_TITLE
from . import catalog as bases
from . import runtime_wheel
from .catalog import BaseEntry
from .probe import ProbeRecord, inspect_stored, probe_python

_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+/")
_OCI = "org.opencontainers.image"
_COMPLAINTS = ("ERROR:", "Python ")
_BROKEN = re.compile(r"Retrying .* after connection broken by '(.+)': /")
_ASIDE = re.compile(r"pip's dependency resolver does not currently")  # a remark on what was installed before
_RAISED = re.compile(r"[\w.]+(Error|Exception)\b.*: ")
_CHANGED = "DO NOT MATCH THE HASHES"
_SETTINGS = (
    "`--registry` (or `OVENBIRD_REGISTRY`) names a mirror, `--from` another image; "
    "`--pull missing` takes what the local store has"
)


class FetchSettings(Struct, frozen=True):
    """What fetches go through: certificates and proxy, and the package index ("" for PyPI)."""

    network: NetworkSettings
    index_url: str = ""

    def list_secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return (*self.network.list_secrets(), *([self.index_url] if "@" in self.index_url else []))

    @contextlib.contextmanager
    def write_pip_conf(self) -> Iterator[Path | None]:
        """Yield a file that tells pip of the index: in an argv, its password would be seen."""
        if not self.index_url:
            yield None
            return
        with write_pip_conf(self.index_url) as path:
            yield path


class BaseBuildOptions(Struct, frozen=True):
    """How to build: the image's name, its format, when it was made (seconds), the revision of the runtime in it.

    `flavour` is "" for the runtime alone, `sdk` for the platform's SDK beside it.
    """

    image: str
    fmt: str = "oci"
    epoch: int = 0
    revision: str = ""
    pull: str = "always"
    flavour: str = bases.PLAIN


class BuiltBase(Struct, frozen=True):
    """A base image that was made: its name, the digest of its manifest, Python's version and the upstream's digest."""

    image: str
    digest: str
    python: str
    upstream: str
    upstream_digest: str


def build_base(
    base: BaseEntry, options: BaseBuildOptions, *, site: FetchSettings, cache: Path, environ: Mapping[str, str],
    line: Callable[[str], None] | None = None,
) -> BuiltBase:  # fmt: skip
    """Build the image of one version into the store.

    `line` gets each line that the build says. Errors: BaseMissingError, RegistryError, RegistryAuthError,
    IncompatibleBaseError, LayerError when an install fails.
    """
    upstream = fetch_upstream(base, options.pull, environ, site)
    python = probe_python(
        upstream.id, cache=cache, version=base.version, pull="never", name=base.reference, flag="--from"
    )
    about = list_labels(base, upstream, options)
    if options.flavour:
        if not python.runtime:  # an upstream: its base comes first
            plain = replace(options, image=base.image, flavour=bases.PLAIN)
            build_base(base, plain, site=site, cache=cache, environ=environ, line=line)
            upstream = inspect_stored(base.image)
        about = inherit_labels(upstream, about)
    with (
        tempfile.TemporaryDirectory(prefix="ovenbird-base-") as folder,
        site.write_pip_conf() as conf,
        name_upstream(upstream, cache) as name,
    ):
        fill_context(base.version, Path(folder), options.flavour)
        build_options = buildah.BuildOptions(
            file=f"{folder}/Dockerfile", fmt=options.fmt, timestamp=options.epoch,
            arguments=make_sdk_arguments(name, about) if options.flavour else make_plain_arguments(name, about),
            annotations=about if options.fmt == "oci" else {},
            secrets=list_secret_files(site.network, conf),
        )  # fmt: skip
        argv = buildah.build(folder, options.image, build_options)
        try:
            process.run(argv, env={**environ, **site.network.make_host_env()}, secrets=site.list_secrets(), line=line)
        except process.ProcessFailedError as error:
            raise explain_failure(base, error) from None
    record = inspect_stored(options.image)
    return BuiltBase(options.image, record.digest, python.version, base.upstream, base.digest or upstream.digest)


def fetch_upstream(base: BaseEntry, policy: str, environ: Mapping[str, str], site: FetchSettings) -> ProbeRecord:
    """Take the upstream into the store. Errors name the settings that say where it is looked for."""
    name = base.reference
    local = name.startswith("localhost/")
    argv = buildah.pull(name, policy="never" if local else policy, insecure=is_loopback(name))
    try:
        result = process.run(argv, env={**environ, **site.network.make_host_env()}, secrets=site.list_secrets())
        return inspect_stored(result.stdout.strip().rpartition("\n")[2])
    except process.ProcessFailedError as error:
        raise explain_unreachable(name, error) from None


def is_loopback(name: str) -> bool:
    """Return whether an image's registry is on this machine, where plain HTTP is as good as TLS."""
    return bool(_LOOPBACK.match(name))


def explain_unreachable(name: str, error: process.ProcessFailedError) -> OvenbirdError:
    """Return the error of an upstream that could not be fetched, with the settings that say where it is looked for."""
    problem = explain_missing_image(name, error)
    return (
        type(problem)(problem.message, hint=_SETTINGS)
        if isinstance(problem, BaseMissingError | RegistryError)
        else problem
    )


@contextlib.contextmanager
def name_upstream(upstream: ProbeRecord, cache: Path) -> Iterator[str]:
    """Give the upstream, for a while, a name that follows from its content.

    The history of the image says what it was made from; by any other name, the mirror that the upstream happened to
    come from would be in the digest. One builder at a time: the first to end takes the name away.
    """
    name = f"localhost/ovenbird-upstream:{upstream.id[:12]}"
    make_private_folder(cache)
    (cache / "locks").mkdir(exist_ok=True)
    with hold_lock(cache / "locks" / upstream.id):
        process.run(buildah.tag(upstream.id, name))
        try:
            yield name
        finally:
            process.run(buildah.remove_image(name), check=False)


def list_labels(base: BaseEntry, upstream: ProbeRecord, options: BaseBuildOptions) -> dict[str, str]:
    """Return the labels and annotations of the image, by the names that OCI has for them."""
    created = format_epoch(options.epoch)
    values = {
        f"{_OCI}.version": __version__,
        f"{_OCI}.revision": options.revision,
        f"{_OCI}.created": created,
        f"{_OCI}.base.name": base.upstream,
        f"{_OCI}.base.digest": base.digest or upstream.digest,
        f"{_OCI}.licenses": "Apache-2.0",
        f"{_OCI}.title": BASE_TITLE,
    }
    return {name: value for name, value in values.items() if value}


def inherit_labels(base: ProbeRecord, about: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an image with the SDK: those of its base, but for title and time.

    The engine would annotate it with the passing name that the base has in the build.
    """
    inherited = {
        name: text for name, text in (base.config.get("Labels") or {}).items() if name.startswith(_OCI) and text
    }
    own = {f"{_OCI}.title": f"{BASE_TITLE} with the platform's SDK", f"{_OCI}.created": about[f"{_OCI}.created"]}
    return inherited | own


def make_plain_arguments(upstream: str, about: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments of Dockerfile.base."""
    named = {"VERSION": "version", "REVISION": "revision", "CREATED": "created"}
    named |= {"UPSTREAM_NAME": "base.name", "UPSTREAM_DIGEST": "base.digest"}
    return {"UPSTREAM": upstream} | {name: about.get(f"{_OCI}.{label}", "") for name, label in named.items()}


def make_sdk_arguments(name: str, about: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments of Dockerfile.sdk."""
    return {"BASE": name, "CREATED": about[f"{_OCI}.created"]}


def list_secret_files(network: NetworkSettings, pip_conf: Path | None) -> dict[str, str]:
    """Return the files that the build sees and no layer holds."""
    files = {"ca": str(network.ca_bundle)} if network.ca_bundle else {}
    return files | ({"pip.conf": str(pip_conf)} if pip_conf else {})


def fill_context(version: str, folder: Path, flavour: str = bases.PLAIN) -> None:
    """Fill a folder that Dockerfile.base, or Dockerfile.sdk, can be built from, by buildah, podman or docker.

    Errors: BuildRequestError when there is no lock of that version.
    """
    lock = bases.read_runtime_lock(version, flavour)
    shutil.copyfile(bases.find_dockerfile(flavour), folder / "Dockerfile")
    for name in ("stage.py", *(["stage_sdk.py"] if flavour else [])):
        shutil.copyfile(bases.find_catalog_folder() / name, folder / name)
    shutil.copyfile(elf.__file__, folder / "elf.py")
    pip_tools.copy_pip(folder / "tools", *(["setuptools", "wheel"] if flavour else []))
    if flavour:
        (folder / "sdk.txt").write_text(lock, encoding="utf-8")
        return
    for path in (LAUNCHER, SIGNALS):
        shutil.copyfile(path, folder / path.name)
    wheel = runtime_wheel.build_runtime_wheel(folder)
    own = f"ovenbird=={__version__} --hash=sha256:{hash_file(wheel)}\n"
    (folder / "requirements.txt").write_text(lock + own, encoding="utf-8")


def explain_failure(base: BaseEntry, error: process.ProcessFailedError) -> OvenbirdError:
    """Return the error of a failed build: pip's complaint or that of stage.py, else the engine's own.

    The cause need not be the first thing that pip calls an error: an index that cannot be reached comes out as a
    package that it does not have, files that changed as a heading, a crash as the word `Exception:`.
    """
    prefix = f"cannot build the base image of Python {base.version}: "
    if problem := find_runtime_failure(error.output):
        return EngineError(prefix + problem.message, hint=problem.hint)
    if broken := _BROKEN.search(error.output):
        return PackageIndexError(
            f"{prefix}the package index cannot be reached: {broken[1][:300]}",
            hint="`--index-url` (or `OVENBIRD_INDEX_URL`), `--ca-bundle`, the proxies",
        )
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.startswith(_COMPLAINTS) and not _ASIDE.search(line)]
    if not errors:
        kind = LayerError if "while running" in error.output else EngineError
        return kind(prefix + error.message)
    step = errors[0]
    complaint = lines[step]
    if complaint == "ERROR: Exception:":
        complaint = next((line for line in reversed(lines) if _RAISED.match(line)), complaint)
    elif _CHANGED in complaint:
        complaint = " ".join([complaint.partition(".")[0] + ":", *lines[step + 1 : step + 4]])
    return LayerError(prefix + complaint)


def push_base(image: str, destination: str, *, site: FetchSettings, environ: Mapping[str, str]) -> str:
    """Push an image of the store; return its digest in the registry.

    Errors: RegistryError, RegistryAuthError.
    """
    with tempfile.TemporaryDirectory(prefix="ovenbird-push-") as folder:
        digest_file = Path(folder) / "digest"
        argv = buildah.push(
            image, f"docker://{destination}", digest_file=str(digest_file), insecure=is_loopback(destination)
        )  # fmt: skip
        try:
            process.run(argv, env={**environ, **site.network.make_host_env()}, secrets=site.list_secrets())
        except process.ProcessFailedError as error:
            reason = explain_missing_image(destination, error)
            kind = type(reason) if isinstance(reason, ImageError) else RegistryError
            raise kind(
                f"cannot push {show_value(destination)}: {error.message}", hint="`--tag` names the registry"
            ) from None
        return digest_file.read_text(encoding="utf-8").strip()
