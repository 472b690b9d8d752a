"""The other locker: `uv pip compile`, on this machine, for the target's Python, platform and C library.

uv runs outside of the target, so it takes wheels only: a source distribution would run its code here.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from .. import process
from ..bases.probe import Interpreter
from ..errors import LockError, PackageIndexError, ProgramMissingError
from .platforms import glibc, minor
from .refusals import Asked, explain_uv
from .resolve import Choice, write
from .workshop import SHOP, Site

_GLIBC = (17, 28, *range(31, 41))  # the versions of manylinux that uv has names for


def program() -> str:
    """Where uv is: beside this Python, or on the PATH. Errors: ProgramMissingError."""
    found = shutil.which("uv", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}")
    if not found:
        raise ProgramMissingError("the program 'uv' is not installed", hint="pip install uv, or --locker pip-tools")
    return found


def version() -> str:
    """`uv 0.9.1`."""
    return " ".join(process.run([program(), "--version"]).stdout.split()[:2])


def resolve(
    folder: Path,
    asked: Asked,
    lines: Iterable[str],
    choice: Choice,
    site: Site,
) -> str:
    """uv's output for these lines, in the form that pip-compile has. Errors: those of `refusals.explain_uv`."""
    write(folder, (line.replace(f"file://{SHOP}", f"file://{folder}") for line in lines),
          [one.text for one in asked.limits], choice.previous)  # fmt: skip
    argv = [
        program(), "pip", "compile", "--generate-hashes", "--no-config", "--no-header", "--no-build",
        "--no-python-downloads", "--strip-extras", "--color=never",
        "--no-emit-index-url", "--no-progress", f"--python={sys.executable}",
        f"--python-version={minor(site.interpreter)}", f"--python-platform={_platform(site.interpreter)}",
        "--constraint=limits.txt", "--output-file=lock.txt", *(["--prerelease=allow"] if choice.pre else []),
        # the best version of all indexes, as pip does; with one index it would only cost the word on a lacking password
        *(["--index-strategy=unsafe-best-match"] if site.indexes.extra else []),
        *(f"--upgrade-package={one}" for one in choice.upgrade), "wanted.in",
    ]  # fmt: skip
    env = {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "UV_CACHE_DIR": str(site.cache / "uv"),
        "UV_KEYRING_PROVIDER": "disabled", "UV_HTTP_RETRIES": "1", **site.indexes.uv(), **site.network.host_env(),
    }  # fmt: skip
    try:
        process.run(argv, env=env, cwd=folder, timeout=site.timeout, secrets=site.secrets())
    except process.ProcessTimedOut as error:
        raise PackageIndexError(f"locking took longer than {site.timeout:g} s: {error.message}") from None
    except process.ProcessFailed as error:
        raise explain_uv(error.output, asked) from None
    try:
        return (folder / "lock.txt").read_text()
    except OSError:
        raise LockError("uv wrote no lock") from None


def _platform(interpreter: Interpreter) -> str:
    """uv's name for the target, of the newest manylinux that its glibc fulfils."""
    newest = max((one for one in _GLIBC if one <= glibc(interpreter)[1]), default=17)
    return f"{interpreter.machine}-manylinux_2_{newest}"
