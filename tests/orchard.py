"""Distributions made on the spot, and a private package index with a password that serves them."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from ovenbird_builder.bases.probe import TargetPython, probe_python
from ovenbird_builder.containers import pip_tools
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.locking.indexes import PackageIndexes, read_indexes
from ovenbird_builder.locking.lock_format import Lock
from ovenbird_builder.locking.pip_container import ResolverContext
from ovenbird_builder.locking.requirements import Requirements

USER, PASSWORD = "gardener", "Plum&Pear#77"
_BACKEND = """
import base64, hashlib, os, zipfile
{before}
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "{file}-{version}-py3-none-any.whl"
    rows, info = [], "{file}-{version}.dist-info"
    files = {{"{file}.py": "VERSION = '{version}'\\n",
             info + "/METADATA": {metadata!r}, info + "/WHEEL": {wheel!r}}}
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{{path}},sha256={{digest}},{{len(text)}}\\n")
        rows.append(info + "/RECORD,,\\n")
        archive.writestr(zipfile.ZipInfo(info + "/RECORD", (1980, 1, 1, 0, 0, 0)), "".join(rows))
    return name
"""
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests (1)\nRoot-Is-Purelib: true\nTag: {tag}\n"


def metadata(name: str, version: str, requires: Iterable[str] = (), python: str = "") -> str:
    """Return the METADATA of a distribution."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    return "\n".join([*lines, *(f"Requires-Dist: {requirement}" for requirement in requires)]) + "\n"


def wheel(
    folder: Path, name: str, version: str, *requires: str, tag: str = "py3-none-any", python: str = "", note: str = ""
) -> Path:
    """Write a wheel of one module; `note` changes its content."""
    file = name.replace("-", "_")
    info = f"{file}-{version}.dist-info"
    files = {
        f"{file}.py": f"VERSION = {version!r}\n{note}",
        f"{info}/METADATA": metadata(name, version, requires, python),
        f"{info}/WHEEL": _WHEEL.format(tag=tag),
    }
    path = folder / f"{file}-{version}-{tag}.whl"
    rows = ""
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows += f"{inner},sha256={digest},{len(text)}\n"
            archive.writestr(zipfile.ZipInfo(inner, (1980, 1, 1, 0, 0, 0)), text)
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", (1980, 1, 1, 0, 0, 0)), f"{rows}{info}/RECORD,,\n")
    return path


def project(name: str, version: str, *requires: str, before: str = "", generator: str = "tests (1)") -> dict[str, str]:
    """Return the files of a project whose build backend lies in it, so that a build fetches nothing.

    `before` is code that the backend runs first.
    """
    file = name.replace("-", "_")
    backend = _BACKEND.format(
        before=before, file=file, version=version, metadata=metadata(name, version, requires),
        wheel=_WHEEL.format(tag="py3-none-any").replace("tests (1)", generator),
    )  # fmt: skip
    return {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": backend,
        "PKG-INFO": metadata(name, version, requires),
    }


def sdist(folder: Path, name: str, version: str, *requires: str, before: str = "", by: str = "") -> Path:
    """Write a source distribution; `by` is a build requirement."""
    path = folder / f"{name.replace('-', '_')}-{version}.tar.gz"
    files = project(name, version, *requires, before=before)
    files["pyproject.toml"] = files["pyproject.toml"].replace("requires = []", f"requires = {[by] if by else []}")
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in files.items():
            row = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{inner}")
            row.size = len(text.encode())
            archive.addfile(row, io.BytesIO(text.encode()))
    return path


@dataclass(frozen=True)
class Orchard:
    """The private index: its folder of packages and its URL."""

    packages: Path
    url: str

    def indexes(self) -> PackageIndexes:
        """Return it as the only index, with the password."""
        return read_indexes(self.url.replace("://", "://${U}:${P}@"), [], {"U": USER, "P": "Plum%26Pear%2377"})


@pytest.fixture(scope="session")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchard]:
    """A real index, with a password, of distributions that are there to be locked."""
    home = tmp_path_factory.mktemp("orchard")
    packages = home / "packages"
    packages.mkdir()
    wheel(packages, "apple", "1.0")
    wheel(packages, "apple", "2.0", "banana>=1")
    wheel(packages, "banana", "1.0")
    wheel(packages, "banana", "2.0")
    wheel(packages, "cherry", "1.0", "banana<2")
    wheel(packages, "lone-pear", "1.0", "banana==99")
    wheel(packages, "jam", "1.0", "fig")
    wheel(packages, "elder", "1.0", tag="cp27-cp27m-win_amd64")
    wheel(packages, "grape", "1.0", "starlette<0.28")
    wheel(packages, "starlette", "0.27.0")
    wheel(packages, "starlette", "1.0.0")
    wheel(packages, "future", "1.0", python=">=3.99")
    wheel(packages, "arm-only", "1.0", tag="cp311-cp311-manylinux_2_17_aarch64")
    wheel(packages, "native", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    wheel(packages, "native", "1.0", tag="cp311-cp311-manylinux_2_28_aarch64")
    wheel(packages, "glass", "1.0", "banana; platform_machine == 'aarch64'", "apple; platform_machine == 'x86_64'")
    wheel(packages, "new-glibc", "1.0", tag="cp311-cp311-manylinux_2_99_x86_64")
    sdist(packages, "date-tree", "1.0", "banana")
    sdist(packages, "grafted", "1.0", before="import banana", by="banana<2")
    sdist(packages, "fig", "1.0", before='raise RuntimeError("no figs this year")')
    sdist(packages, "sloth", "1.0", before="import os, time; open('/run/ovenbird/shop/asleep', 'w'); time.sleep(600)")
    hashed = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (home / "htpasswd").write_text(f"{USER}:{{SHA}}{hashed}\n")
    port = free_port()
    command = [
        sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), "--disable-fallback",
        "-P", str(home / "htpasswd"), "-a", "update,download,list", str(packages),
    ]  # fmt: skip
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ})
    try:
        _wait(server, f"http://127.0.0.1:{port}/", home / "log")
        yield Orchard(packages, f"http://127.0.0.1:{port}/simple")
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        try:
            httpx.get(url, trust_env=False, verify=False)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the index did not start:\n{log.read_text()}")


@dataclass(frozen=True)
class Bench:
    """All that locking takes, but for what is wanted: a base, its interpreter, the index, a cache of this session."""

    image: str
    interpreter: TargetPython
    indexes: PackageIndexes
    cache: Path
    network: NetworkSettings = field(default_factory=NetworkSettings)

    def lock(self, *texts: str, root: Path | None = None, **options: object) -> Lock:
        """Lock these requirements, `requirements.txt` line by line."""
        return self.lock_needs(wants(*texts, root=root), **options)

    def lock_needs(self, requirements: Requirements, **options: object) -> Lock:
        """Lock these requirements; `options` are those of `LockOptions`, or parts of the context."""
        from ovenbird_builder.locking.lock import LockOptions, lock

        chosen = {name: options.pop(name) for name in LockOptions.__struct_fields__ if name in options}
        return lock(requirements, self.context(**options), LockOptions(**chosen))

    def make_cache(self, folder: Path) -> Path:
        """Return a cache in this folder that is empty but for the tools of containers, which are those of `cache`."""
        if not (folder / "toolbox").exists():
            folder.mkdir(exist_ok=True)
            (folder / "toolbox").symlink_to(pip_tools.prepare_toolbox(self.cache).parent)
        return folder

    def context(self, **changes: object) -> ResolverContext:
        """Return the context of locking and building wheels, with changes."""
        fields: dict[str, object] = {
            "image": self.image, "interpreter": self.interpreter, "indexes": self.indexes, "network": self.network,
            "cache": self.cache, "environ": {},
        }  # fmt: skip
        return ResolverContext(**{**fields, **changes})


def wants(*texts: str, root: Path | None = None, **fields: object) -> Requirements:
    """Return Requirements from lines of text."""
    from ovenbird_builder.locking.requirement_line import parse_requirement

    root = root or Path("/nonexistent")
    rows = tuple(parse_requirement(text, f"requirements.txt line {n}", root) for n, text in enumerate(texts, 1))
    return Requirements(rows, root=root, used="requirements.txt", **fields)


@pytest.fixture(scope="session")
def bench(standins: dict[str, str], orchard: Orchard, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Python 3.11 on Debian, and the private index."""
    cache = tmp_path_factory.mktemp("cache")
    image = standins["3.11"]
    return Bench(image, probe_python(image, cache=cache), orchard.indexes(), cache)
