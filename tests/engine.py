"""What tests with containers share: an engine with a store of its own, a registry, and the images to start from.

A pytest plugin, loaded by `tests/conftest.py`. All of it lies below `.cache/` or the session's temporary folder; the
store, the networks and the configuration of whoever runs the tests are not touched. Each process of pytest-xdist has a
store, networks and a registry of its own; what the registries hold is shared.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ovenbird_builder.bases import build_base as baseimage
from tests import standins as making
from tests.podman import Podman
from tests.registry import run_registry
from tests.storage import write_storage_config

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"
AVAILABLE = making.available()  # for `pytest.mark.parametrize("version", AVAILABLE)`
OUTER = (AVAILABLE[0], AVAILABLE[-1])  # the oldest and the newest, where what lies between shows nothing else
REVISION = "abc"  # of the runtime in the base images, by their labels
_used: dict[str, str] = {}  # version -> full version, of the images that this session has handed out


class Images(Mapping[str, str]):
    """References by Python version, each made when it is first asked for."""

    def __init__(self, kind: str, versions: tuple[str, ...], make: Callable[[str], str]) -> None:
        self._versions, self._make = versions, make
        self._kind = kind
        self._made: dict[str, str] = {}

    def __getitem__(self, version: str) -> str:
        if version not in self._versions:
            raise KeyError(version)
        if version not in self._made:
            with _hold_lock(CACHE / f"{self._kind}-{version}.lock"):  # what one process pushes, the others only pull
                self._made[version] = self._make(version)
            if not self._made[version].startswith("localhost/"):
                _run("podman", "pull", "--quiet", self._made[version])  # else `podman run` does, and tells it on stderr
            _used.setdefault(version, making.full_version(version))
        return self._made[version]

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make the stand-ins before the first test: they may take longer than a test's time limit."""
    image_fixtures = {"standins", "base_images"}
    if not session.config.option.collectonly and any(
        image_fixtures & set(getattr(i, "fixturenames", ())) for i in session.items
    ):
        try:
            making.make(AVAILABLE)
        except SystemExit as error:
            pytest.exit(str(error), returncode=1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Pythons there were containers of, and which could not be had."""
    if not _used:
        return
    order = [version for version in making.VERSIONS if version in _used]
    text = f"containers were tested with Python {', '.join(_used[version] for version in order)}"
    if absent := [version for version in making.VERSIONS if version not in AVAILABLE]:
        text += f"; not with {', '.join(absent)}: there is no pyenv interpreter on this machine to make one of"
    terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def container_env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which buildah, podman and skopeo use the tests' own store; also set in `os.environ`."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    env = write_storage_config(tmp_path_factory.mktemp("engine"), CACHE / "storage" / worker)
    before = {key: os.environ.get(key) for key in env}
    os.environ.update(env)
    yield env
    for key, value in before.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value


@pytest.fixture(scope="session")
def insecure(container_env: dict[str, str]) -> Callable[[str], str]:
    """Let the engine use a registry without TLS: `insecure("127.0.0.1:5000")`, which is also what it returns."""

    def trust(address: str) -> str:
        with Path(container_env["CONTAINERS_REGISTRIES_CONF"]).open("a") as file:
            file.write(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
        return address

    return trust


@pytest.fixture(scope="session")
def registry(insecure: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry of this session; what it holds is kept below `.cache/registry`."""
    with run_registry(tmp_path_factory.mktemp("registry"), CACHE / "registry") as address:
        yield insecure(address)


@pytest.fixture(scope="session")
def build_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the builds of a process share: bases, wheels and the tools of containers are fetched once."""
    return tmp_path_factory.mktemp("build-cache")


@pytest.fixture(scope="session")
def standins(registry: str) -> Images:
    """References of `python:X.Y-slim` in the registry, by version."""

    def push(version: str) -> str:
        reference = f"{registry}/library/python:{version}-slim"
        layout = making.make((version,))[version]
        if _held(registry, f"library/python/manifests/{version}-slim") != making.manifest_digest(layout):
            skopeo("copy", "--quiet", f"oci:{layout}", f"docker://{reference}")
        return reference

    return Images("standins", AVAILABLE, push)


@pytest.fixture(scope="session")
def base_images(registry: str, standins: Images) -> Images:
    """References of Ovenbird's base images in the registry, by version; built when what they are made of changes."""

    def build(version: str) -> str:
        tag = f"{version}-{_made_of(version)[:12]}"
        reference = f"{registry}/ovenbird/base:{tag}"
        standins[version]
        if not _held(registry, f"ovenbird/base/manifests/{tag}"):
            command = (sys.executable, "-m", "ovenbird", "base", "build", version)
            _forget(version)
            _run(*command, "--registry", registry, "--tag", reference, "--push", "--revision", REVISION)
        return reference

    return Images("bases", AVAILABLE, build)


@pytest.fixture(scope="session")
def sdk_images(base_images: Images) -> Images:
    """Names of the base images' flavour `sdk`, by version; each takes a gigabyte, and a minute to build.

    They stay in the store of the process: to compress a gigabyte for the registry takes as long as to build it.
    """

    def build(version: str) -> str:
        base = base_images[version]
        names = ("Dockerfile.sdk", "images/stage_sdk.py", f"images/locks/{version}-sdk.txt")
        adds = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names)).hexdigest()
        name = f"localhost/ovenbird-sdk:{base.rpartition(':')[2]}-{adds[:12]}"
        if subprocess.run(["podman", "image", "exists", name], check=False).returncode:
            command = (sys.executable, "-m", "ovenbird", "base", "build", version, "--flavour", "sdk", "--quiet")
            _run(*command, "--from", base, "--tag", name)
        return name

    return Images("sdk-bases", AVAILABLE, build)


@pytest.fixture(scope="session")
def builder_images(registry: str, standins: Images) -> Images:
    """References of the image of Dockerfile.builder in the registry, by the version of its Python."""

    def build(version: str) -> str:
        upstream = standins[version]
        digest = hashlib.sha256(making.manifest_digest(making.layout(version)).encode())
        for path in sorted(_list_builder_files()):
            digest.update(f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        tag = f"{version}-{digest.hexdigest()[:12]}"
        reference = f"{registry}/ovenbird/builder:{tag}"
        if not _held(registry, f"ovenbird/builder/manifests/{tag}"):
            bundle = os.environ.get("SSL_CERT_FILE")
            secret = ("--secret", f"id=ca,src={bundle}") if bundle else ()
            build_args = ("--file", str(ROOT / "Dockerfile.builder"), "--build-arg", f"UPSTREAM={upstream}")
            _run("buildah", "build", "--layers", "--quiet", *build_args, *secret, "--tag", reference, str(ROOT))
            _run("buildah", "push", "--quiet", reference)
        return reference

    return Images("builders", AVAILABLE, build)


def _list_builder_files() -> Iterator[Path]:
    """Yield the files that Dockerfile.builder copies, and itself."""
    yield ROOT / "Dockerfile.builder"
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Dockerfile.base", "Dockerfile.sdk"):
        yield ROOT / name
    for folder in ("images", "wrapper", "builder", "console"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


@contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock that the processes of pytest-xdist share; it ends with its holder."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _held(registry: str, path: str) -> str:
    """The digest of a manifest that the registry has; empty if it has none."""
    types = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    answer = httpx.head(
        f"http://{registry}/v2/{path}", headers={"Accept": types}, timeout=30, trust_env=False, verify=False
    )
    return answer.headers.get("docker-content-digest", "") if answer.status_code == 200 else ""


def _forget(version: str) -> None:
    """Remove a version's images of earlier days from the store: each change of the runtime leaves one."""
    rows = _run("podman", "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for name in [row for row in rows if f"/ovenbird/base:{version}-" in row]:
        subprocess.run(["podman", "rmi", name], capture_output=True, check=False)  # one in use stays


def _made_of(version: str) -> str:
    """A digest over all that shapes a base image: its context, its upstream, and what builds it."""
    bases = Path(baseimage.__file__).parent
    digest = hashlib.sha256(making.manifest_digest(making.layout(version)).encode())
    digest.update((REVISION + _run("buildah", "--version")).encode())
    with tempfile.TemporaryDirectory() as folder:
        baseimage.fill_context(version, Path(folder))
        inside = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        own = [bases / "build_base.py", bases / "catalog.py", bases.parent / "containers" / "buildah.py"]
        for path in (*inside, *own, ROOT / "images" / "bases.toml"):
            digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def skopeo(*words: str) -> str:
    """Run skopeo within `container_env`; what it printed."""
    # it does not read the variable that buildah and podman read; it has a flag instead, which its help leaves out
    return _run("skopeo", "--registries-conf", os.environ["CONTAINERS_REGISTRIES_CONF"], *words)


def _run(*command: str) -> str:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"{' '.join(command)}: {process.stderr or process.stdout}"
    return process.stdout


@pytest.fixture
def podman(container_env: dict[str, str]) -> Iterator[Podman]:
    """Containers that are gone after the test: `podman.run(image, "serve", "main.py")`, `podman.start(...)`."""
    containers = Podman()
    yield containers
    containers.close()
