"""Stand-ins for `python:X.Y-slim`, made from Debian's packages: the tests' bases, where no Docker Hub can be had.

    python -m tests.standins [VERSION...]

3.11, 3.13 and 3.14 are Debian's own; 3.10 and 3.12 are Debian with an interpreter of this machine, from pyenv. Each is
an OCI layout below `.cache/standins` (or `$OVENBIRD_STANDINS`), which is made again when this file or its interpreter
changes. `$DEBIAN_MIRROR` says where the packages come from (default: http://deb.debian.org/debian).
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}  # whose python3 is this one
_BARE = "bookworm"  # what the others stand on
_COMMON = ("ca-certificates", "netbase", "tzdata")
_LIBRARIES = (  # what an interpreter that was built on Debian links to
    "libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0", "libssl3",
    "libuuid1", "zlib1g",
)  # fmt: skip
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "turtledemo", "site-packages"}
_EPOCH = 1735689600  # seconds; no file is newer, so that the same packages give the same layer


def interpreter(version: str) -> Path | None:
    """Return the newest pyenv folder of a Python version on this machine."""
    roots = {Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"), Path.home() / ".pyenv"}
    folders = [path for root in roots for path in root.glob(f"versions/{version}.*") if (path / "bin/python3").exists()]
    return max(folders, key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()], default=None)


def available() -> tuple[str, ...]:
    """Return the versions that a stand-in can be made of on this machine."""
    return tuple(version for version in VERSIONS if version in _SUITES or interpreter(version))


def home() -> Path:
    """Where the stand-ins are kept."""
    return Path(os.environ.get("OVENBIRD_STANDINS") or Path(__file__).parent.parent / ".cache" / "standins")


def key(version: str) -> str:
    """Return a short digest of the inputs of a stand-in."""
    parts = [Path(__file__).read_bytes(), version.encode(), os.environ.get("DEBIAN_MIRROR", "").encode()]
    if version not in _SUITES:
        parts.append(str(interpreter(version)).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def layout(version: str) -> Path:
    """Return the OCI layout of a version; there only when it is whole."""
    return home() / f"{version}-{key(version)}"


def manifest_digest(folder: Path) -> str:
    """Return the digest of the image in a layout."""
    return str(json.loads((folder / "index.json").read_text())["manifests"][0]["digest"])


def full_version(version: str) -> str:
    """Return the full version of the Python in a stand-in that is there: "3.12.1"."""
    return (layout(version) / "version").read_text()


def make(versions: tuple[str, ...]) -> dict[str, Path]:
    """The OCI layout of each version, made where it is missing. Sessions that want the same one wait for each other."""
    if any(not layout(version).is_dir() for version in versions):
        home().mkdir(parents=True, exist_ok=True)
        with _locked(home() / "lock"):
            missing = [version for version in versions if not layout(version).is_dir()]
            if missing:
                print(
                    f"making stand-ins for python:{{{','.join(missing)}}}-slim from Debian packages (a minute or two)",
                    file=sys.stderr,
                )
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(_make, missing))
    return {version: layout(version) for version in versions}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(version: str) -> None:
    target = layout(version)  # asked for now: an edit of this file meanwhile must not name what the old one made
    with tempfile.TemporaryDirectory(dir=home(), prefix=f".making-{version}-") as folder:
        work = Path(folder)
        root, version_file = work / "root.tar", work / "version"
        _debian(version, root, version_file, work)
        full = version_file.read_text().strip()
        if not full.startswith(version + "."):
            raise SystemExit(f"Debian {_SUITES.get(version, _BARE)} now has Python {full}, not {version}: mend _SUITES")
        _image(root, work / "layout", full)
        for old in home().glob(f"{version}-*"):
            shutil.rmtree(old)
        (work / "layout").rename(target)


def _debian(version: str, root: Path, version_file: Path, work: Path) -> None:
    """Write a tar of Debian with Python as in `python:slim`, and its full version to `version_file`."""
    suite = _SUITES.get(version, _BARE)
    chroot = f'env -i PATH={_PATH} LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 chroot "$1"'
    if version in _SUITES:
        packages = (*_COMMON, "python3", "python3-venv")
        hooks = [
            'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
            *(f'ln -s /usr/bin/python{version} "$1"/usr/local/bin/{name}' for name in ("python", "python3")),
            f'ln -s /usr/bin/python{version} "$1"/usr/local/bin/python{version}',
            # Debian's ensurepip refuses to work outside a venv; the wheel that it keeps for those does not
            f"{chroot} sh -c 'set -- /usr/share/python-wheels/pip-*.whl; python3 $1/pip install --quiet "
            "--root-user-action=ignore --no-compile --no-index --find-links=/usr/share/python-wheels pip'",
        ]
    else:
        packages = (*_COMMON, *_LIBRARIES)
        pyenv = interpreter(version)
        assert pyenv, f"no Python {version} in pyenv"
        _pack(pyenv, version, work / "python.tar")
        hooks = [
            f"tar-in {shlex.quote(str(work / 'python.tar'))} /",
            f"{chroot} ldconfig",
            f"{chroot} python3 -m ensurepip --default-pip >/dev/null 2>&1",
        ]
    show = f'{chroot} python3 -c "import platform; print(platform.python_version())" > {shlex.quote(str(version_file))}'
    mirror = os.environ.get("DEBIAN_MIRROR") or "http://deb.debian.org/debian"
    command = [
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}",
        # mirrors of a suite that moves are often older than its files allow
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
        *(f"--customize-hook={hook}" for hook in (*hooks, show, 'rm -f "$1"/etc/resolv.conf "$1"/etc/hostname')),
        suite, str(root), f"deb {mirror} {suite} main",
    ]  # fmt: skip
    try:
        process = subprocess.run(
            command,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(_EPOCH)},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise SystemExit("mmdebstrap is not installed: apt-get install mmdebstrap, or make test") from None
    if process.returncode:
        raise SystemExit(f"mmdebstrap could not make {suite} from {mirror}:\n{process.stdout[-3000:]}")


def _pack(folder: Path, version: str, into: Path) -> None:
    """Write a tar of an interpreter below usr/local, without its tests and installed packages."""
    library = f"lib/python{version}"

    def kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(info.name).name
        if name in _LEFT_OUT or name.endswith((".a", ".pyc")):
            return None
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        return info

    with tarfile.open(into, "w") as tar:
        for name in (f"python{version}", "python3", "python"):
            tar.add(folder / "bin" / name, f"usr/local/bin/{name}")
        for path in sorted((folder / "lib").glob("libpython*.so*")):
            tar.add(path, f"usr/local/lib/{path.name}")
        tar.add(folder / library, f"usr/local/{library}", filter=kept)
        tar.add(folder / "include", "usr/local/include", filter=kept)
        empty = tarfile.TarInfo(f"usr/local/{library}/site-packages")
        empty.type, empty.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(empty)


def _image(root: Path, folder: Path, full: str) -> None:
    """Write an OCI layout of one layer, configured as `python:slim` is."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    plain, packed = hashlib.sha256(), blobs / "layer"
    with root.open("rb") as source, packed.open("wb") as out, gzip.GzipFile("", "wb", 1, out, mtime=0) as file:
        while data := source.read(1 << 20):
            plain.update(data)
            file.write(data)
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    layer = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": f"sha256:{digest}",
        "size": packed.stat().st_size,
    }
    packed.rename(blobs / digest)
    config = {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_EPOCH)),
        "architecture": _architecture(),
        "os": "linux",
        "config": {"Env": [f"PATH={_PATH}", "LANG=C.UTF-8", f"PYTHON_VERSION={full}"], "Cmd": ["python3"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{plain.hexdigest()}"]},
        "history": [{"created_by": "tests/standins.py"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(blobs, "application/vnd.oci.image.config.v1+json", config),
        "layers": [layer],
    }
    index = {"schemaVersion": 2, "manifests": [_blob(blobs, manifest["mediaType"], manifest)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "version").write_text(full)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _blob(blobs: Path, media_type: Any, value: Any) -> dict[str, Any]:
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


if __name__ == "__main__":
    chosen_versions = tuple(sys.argv[1:]) or available()
    if unknown := [version for version in chosen_versions if version not in available()]:
        raise SystemExit(
            f"no stand-in can be made for {', '.join(unknown)}; for these it can: {', '.join(available())}"
        )
    for version, path in make(chosen_versions).items():
        print(version, path)
