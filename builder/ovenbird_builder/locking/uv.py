"""The other locker: `uv pip compile`, on this machine, for the target's Python, platform and C library.

uv runs outside of the target, so it takes wheels only: a source distribution would run its code here.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from ..bases.probe import TargetPython
from ..errors import (
    ConflictError,
    LockError,
    NoWheelError,
    PackageIndexError,
    ProgramMissingError,
    RequirementMissingError,
)
from ..host import process
from .pip_compile import ResolutionPreferences, write_inputs
from .pip_container import SHARED_DIR, ResolverContext
from .pip_errors import ResolutionRequest, explain_unreachable
from .wheel_tags import get_python_minor, parse_glibc_version

_FRAME = " \u00d7\u2570\u2500\u25b6\u2502"  # what uv draws around its words
_GLIBC = (17, 28, *range(31, 41))  # the versions of manylinux that uv has names for


def find_uv() -> str:
    """Return where uv is: beside this Python, or on the PATH. Errors: ProgramMissingError."""
    path = shutil.which("uv", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}")
    if not path:
        raise ProgramMissingError("the program 'uv' is not installed", hint="`pip install uv`, or `--locker pip-tools`")
    return path


def read_uv_version() -> str:
    """Return `uv 0.9.1`."""
    return " ".join(process.run([find_uv(), "--version"]).stdout.split()[:2])


def run_uv(
    folder: Path,
    resolution: ResolutionRequest,
    lines: Iterable[str],
    choice: ResolutionPreferences,
    site: ResolverContext,
) -> str:
    """Return uv's output for these lines, in the form of pip-compile's. Errors: those of `translate_uv_error`."""
    write_inputs(folder, (line.replace(f"file://{SHARED_DIR}", f"file://{folder}") for line in lines),
          [line.text for line in resolution.limits], choice.previous)  # fmt: skip
    argv = [
        find_uv(), "pip", "compile", "--generate-hashes", "--no-config", "--no-header", "--no-build",
        "--no-python-downloads", "--strip-extras", "--color=never",
        "--no-emit-index-url", "--no-progress", f"--python={sys.executable}",
        f"--python-version={get_python_minor(site.interpreter)}",
        f"--python-platform={_choose_uv_platform(site.interpreter)}",
        "--constraint=limits.txt", "--output-file=lock.txt", *(["--prerelease=allow"] if choice.pre else []),
        # the best version of all indexes, as pip does; with one index it would only cost the word on a lacking password
        *(["--index-strategy=unsafe-best-match"] if site.indexes.extra else []),
        *(f"--upgrade-package={name}" for name in choice.upgrade), "requirements.in",
    ]  # fmt: skip
    env = {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "UV_CACHE_DIR": str(site.cache / "uv"),
        "UV_KEYRING_PROVIDER": "disabled", "UV_HTTP_RETRIES": "1",
        **site.indexes.make_uv_variables(), **site.network.make_host_env(),
    }  # fmt: skip
    try:
        process.run(argv, env=env, cwd=folder, timeout=site.timeout, secrets=site.list_secrets())
    except process.ProcessTimedOutError as error:
        raise PackageIndexError(f"locking took longer than {site.timeout:g} s: {error.message}") from None
    except process.ProcessFailedError as error:
        raise translate_uv_error(error.output, resolution) from None
    try:
        return (folder / "lock.txt").read_text()
    except OSError:
        raise LockError("uv wrote no lock") from None


def translate_uv_error(output: str, resolution: ResolutionRequest) -> LockError:
    """Return the error for uv's output."""
    message = " ".join(line.strip(_FRAME) for line in output.splitlines() if line.strip(_FRAME))
    message = message.removeprefix("No solution found when resolving dependencies:").strip()
    if problem := explain_unreachable(output, resolution):
        return problem
    if "unauthorized" in message.lower() or "status code 401" in message.lower():
        return PackageIndexError(f"a package index asks for credentials: {message[:300]}")
    for kind, words in (
        (
            RequirementMissingError,
            ("was not found in the package registry", "there is no version of", "no versions of"),
        ),
        (
            NoWheelError,
            ("no usable wheels", "no wheels with a matching", "building from source is disabled", "no-build"),
        ),
    ):
        if any(word in message for word in words):
            names = [
                line
                for line in resolution.requirements
                if re.search(rf"\b{re.escape(line.name)}\b", message) and line.name
            ]
            requirer = f" ({names[0].text} is asked for in {names[0].where})" if names else ""
            return kind(f"uv: {message[:800]}{requirer}")
    rows = [
        f"{line.text} ({line.where})"
        for line in (*resolution.requirements, *resolution.limits)
        if line.name and line.name in message
    ]
    return ConflictError("\n  ".join([f"uv: {message[:1500]}", *rows]))


def _choose_uv_platform(interpreter: TargetPython) -> str:
    """Return uv's name for the target, of the newest manylinux that its glibc fulfils."""
    newest = max((minor for minor in _GLIBC if minor <= parse_glibc_version(interpreter)[1]), default=17)
    return f"{interpreter.machine}-manylinux_2_{newest}"
