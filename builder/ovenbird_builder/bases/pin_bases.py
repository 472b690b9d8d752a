"""Lock what the runtime needs, and pin what base images are made from: `ovenbird base lock` and `ovenbird base pin`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from ovenbird.common.atomic_files import write_file
from ovenbird.errors import OvenbirdError

from ..containers import buildah, pip_tools
from ..containers.working_container import open_container
from ..errors import ConflictError, LockError, PackageIndexError, RequirementMissingError
from ..host import process
from ..host.network import MOUNT
from . import catalog as bases
from .build_base import FetchSettings, explain_unreachable, fetch_upstream, is_loopback
from .catalog import BaseEntry
from .probe import probe_python

EXTRA = "platform"
_PLACE = f"{MOUNT}/lock"
_COMPILE = (
    "python3", "-m", "piptools", "compile", "--quiet", "--no-config", "--rebuild", "--generate-hashes",
    "--strip-extras", "--allow-unsafe", "--no-header", "--no-emit-index-url", "--no-emit-find-links",
    "--no-emit-trusted-host", "--no-emit-options", "--cache-dir=/tmp/pip-tools",
    # of one package of the SDK there is a source alone; it is built with the tools that are mounted
    "--pip-args=--only-binary=:all: --no-binary=jsonpath-rw --no-build-isolation",
    f"--constraint={_PLACE}/constraints", "--output-file=-", f"{_PLACE}/ovenbird",
)  # fmt: skip


def lock_runtime(
    base: BaseEntry, policy: str, *, site: FetchSettings, cache: Path, environ: Mapping[str, str],
    flavour: str = bases.PLAIN
) -> str:  # fmt: skip
    """Return the text of the lock of one version, made by pip-tools under the Python of its upstream.

    That of the flavour `sdk` goes with the runtime's own lock, and holds what it adds to that.
    Errors: those of `fetch_upstream` and `probe_python`; LockError and its kinds.
    """
    sdk = flavour == bases.SDK
    requirements = (
        bases.read_sdk_requirements() if sdk else "".join(f"{need}\n" for need in list_runtime_requirements())
    )
    runtime_lock = bases.read_runtime_lock(base.version) if sdk else ""
    upstream = fetch_upstream(base, policy, environ, site)
    probe_python(upstream.id, cache=cache, version=base.version, pull="never", name=base.reference, flag="--from")
    with tempfile.TemporaryDirectory(prefix="ovenbird-lock-") as folder, site.write_pip_conf() as conf:
        Path(folder, "ovenbird").write_text(requirements, encoding="utf-8")
        Path(folder, "constraints").write_text(
            "".join(f"{pin}\n" for pin in _list_pins(runtime_lock)), encoding="utf-8"
        )
        env = site.network.make_container_env() | {
            "PYTHONPATH": pip_tools.MOUNTED,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        mounts = [*site.network.list_mounts(), pip_tools.mount_toolbox(cache), f"{folder}:{_PLACE}:ro"]
        if conf:
            mounts.append(f"{conf}:{MOUNT}/pip.conf:ro")
            env["PIP_CONFIG_FILE"] = f"{MOUNT}/pip.conf"
        with open_container(upstream.id, pull="never") as container:
            try:
                result = container.run(_COMPILE, env=env, mounts=mounts, timeout=900, secrets=site.list_secrets())
            except process.ProcessFailedError as error:
                raise _explain_failure(base, error) from None
    subject, call = ("What the flavour sdk adds", " --flavour sdk") if sdk else ("What the runtime needs", "")
    head = (
        f"# {subject} under Python {base.version}, by `ovenbird base lock{call}` with {pip_tools.format_versions()}.\n"
    )
    text = result.stdout.replace(f"-r {_PLACE}/ovenbird", "ovenbird-sdk" if sdk else "ovenbird")
    return head + _remove_pins(re.sub(rf"(?m)^    # +-c {_PLACE}/constraints\n", "", text), _list_pins(runtime_lock))


def _list_pins(text: str) -> list[str]:
    """Return `name==version` of each line of a lock that pins something."""
    return re.findall(r"(?m)^[a-z0-9][a-z0-9.-]*==[^ \\\n]+", text)


def _remove_pins(text: str, pins: list[str]) -> str:
    """Return the lock without some pins: each begins a line, and what belongs to it is indented."""
    parts = re.split(r"(?m)^(?=[a-z0-9])", text)
    return "".join(part for part in parts if part.partition(" ")[0] not in pins)


def list_runtime_requirements() -> list[str]:
    """Return the runtime's own requirements, with those of a job on the platform, as lines of a requirements file."""
    lines = []
    for need in metadata.requires("ovenbird") or []:
        extra = re.search(r"""extra\s*==\s*['"](\w+)['"]""", need)
        if not extra or extra[1] == EXTRA:
            lines.append(re.sub(r"""(?:;|\s+and)\s*extra\s*==\s*['"]\w+['"]\s*$""", "", need).strip())
    return lines


def resolve_digest(base: BaseEntry, *, site: FetchSettings, environ: Mapping[str, str]) -> str:
    """Return the digest of the upstream's tag in its registry. Errors name the settings that say where it is."""
    name = base.source or base.upstream
    argv = buildah.inspect_digest(f"docker://{name}", insecure=is_loopback(name))
    try:
        result = process.run(argv, env={**environ, **site.network.make_host_env()}, secrets=site.list_secrets())
    except process.ProcessFailedError as error:
        raise explain_unreachable(name, error) from None
    return result.stdout.strip()


def _explain_failure(base: BaseEntry, error: process.ProcessFailedError) -> OvenbirdError:
    """Return the error of a lock that could not be made, from pip's output."""
    output = error.output
    lines = [line.strip() for line in output.splitlines() if line.strip() and "exit status" not in line]
    complaint = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else error.message)
    message = f"cannot lock the runtime for Python {base.version}: {complaint.removeprefix('ERROR:').strip()}"
    if re.search(r"Failed to establish|[Cc]onnection (refused|reset|broken)|SSLError|[Tt]imeout|\b40[13] ", output):
        return PackageIndexError(message, hint="`--index-url` (or `OVENBIRD_INDEX_URL`) names another index")
    if re.search(r"ResolutionImpossible|conflicting dependencies", output):
        return ConflictError(message)
    if re.search(r"No matching distribution|Could not find a version", output):
        return RequirementMissingError(message)
    return LockError(message)


def write_lock(version: str, text: str, flavour: str = bases.PLAIN) -> Path:
    """Write the lock of a version to its place; return the path."""
    path = bases.find_runtime_lock(version, flavour)
    write_file(path, text.encode())
    return path


def write_pin(version: str, digest: str) -> Path:
    """Write a digest into bases.toml, which stays as it is otherwise; return the path."""
    path = bases.find_catalog_folder() / "bases.toml"
    write_file(path, bases.replace_digest(path.read_text(encoding="utf-8"), version, digest).encode())
    return path
