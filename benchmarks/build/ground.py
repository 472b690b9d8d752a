"""Preparation: registry, base image, locks, wheels, and an index of these in a folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import CACHE, say
from processes import FailedError, finish, start_process
from stacks import STACKS, Function
from timing import Cost, measure_command

from engine import Store, choose_version, make_store

OVENBIRD = (sys.executable, "-m", "ovenbird")


@dataclass(frozen=True)
class Ground:
    """The base's name in the registry, whose address is `registry`; folders of locks, wheels, and an index of them."""

    folder: Path
    registry: str
    base: str
    locks: Path
    wheels: Path
    index: Path
    first_store: Store  # where the base was built

    def make_store(self, name: str) -> Store:
        """Return a new storage root that has the base."""
        new = make_store(self.folder / name)
        trust = f'[[registry]]\nlocation = "{self.registry}"\ninsecure = true\n'
        with (new.folder / "registries.conf").open("a") as file:
            file.write(trust)
        self.pull_base(new)
        return new

    def pull_base(self, store: Store) -> None:
        """Take the base into a store."""
        store.run("buildah", "pull", "--quiet", "--tls-verify=false", self.base)


@contextmanager
def prepare_ground(folder: Path) -> Iterator[Ground]:
    """Prepare all of it, and run a registry meanwhile. Errors: FailedError."""
    python = choose_version()
    with _run_registry(folder / "registry") as address:
        say(f"building the base image of Python {python} ...")
        first = make_store(folder / "first")
        image, _ = first.build(python)
        base = f"{address}/ovenbird/base:{python}"
        first.run("buildah", "push", "--quiet", "--tls-verify=false", image, f"docker://{base}")
        wheels = CACHE / "build-wheels"
        ground = Ground(folder, address, base, folder / "locks", wheels, folder / "index", first)
        ground.locks.mkdir()
        lock_all(ground)
        yield ground


@contextmanager
def _run_registry(folder: Path) -> Iterator[str]:
    """Yield a registry on a free port of this machine; its address."""
    folder.mkdir()
    (folder / "config.yml").write_text(
        "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"
        f'storage: {{filesystem: {{rootdirectory: "{folder}/files"}}}}\nhttp: {{addr: "127.0.0.1:0", secret: bench}}\n'
    )
    # it takes every REGISTRY_... for a setting of its own
    env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = ("docker-registry", "serve", str(folder / "config.yml"))
    with (folder / "log").open("wb") as log, start_process(command, log, env=env):
        yield _wait_address(folder / "log")


def _wait_address(log: Path) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if match := re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text()):
            return match[1]
        time.sleep(0.02)
    raise FailedError(f"the registry did not start: {log.read_text()[-300:]}")


def lock_all(at: Ground) -> None:
    """Lock every variant of every function, by uv, and fetch all wheels: the only step that uses the network."""
    say("locking, and fetching the wheels ...")
    store = at.make_store("locking")
    for stack in STACKS:
        for variant in stack.variants():
            function = Function(at.folder / "locking-function")
            function.write(stack, at.base, at.locks)
            function.take(stack, variant, at.locks)
            (function.folder / "function.lock").unlink(missing_ok=True)
            lock(at, store, function, "uv")
            shutil.copyfile(function.folder / "function.lock", at.locks / f"{stack.name}-{variant}.lock")
    texts = [path.read_text() for path in sorted(at.locks.glob("*.lock"))]
    at.wheels.mkdir(parents=True, exist_ok=True)
    stamp, digest = at.wheels / "stamp", hashlib.sha256("".join(texts).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        for path in sorted(at.locks.glob("*.lock")):
            pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
            finish(
                (*pip, "--only-binary=:all:", "--require-hashes", f"--dest={at.wheels}", f"--requirement={path}"), 900
            )
        stamp.write_text(digest)
    _write_index(at.wheels.glob("*.whl"), at.index)


def lock(at: Ground, store: Store, function: Function, locker: str, *flags: str) -> Cost:
    """Lock a function; what it cost. Errors: FailedError."""
    command = (*OVENBIRD, "lock", str(function.folder / "function.yaml"), f"--base={at.base}", f"--locker={locker}")
    return measure_command((*command, *flags), make_environ(store))


def make_environ(store: Store) -> dict[str, str]:
    """The environment of a build: compiled modules are kept, as in any installation; no settings of ours or of pip."""
    dropped = ("OVENBIRD_", "PIP_", "PYTHONDONTWRITE")
    variables = {name: value for name, value in store.environ.items() if not name.startswith(dropped)}
    return variables | {"OVENBIRD_CACHE_DIR": store.environ["OVENBIRD_CACHE_DIR"]}


def read_versions(store: Store) -> dict[str, str]:
    """Return the versions of the programs that take part."""
    outputs = {program: store.run(program, "--version") for program in ("buildah", "skopeo", "podman")}
    return {program: " ".join(re.findall(r"\d+\.\d+[\w.+-]*", text)[:1]) for program, text in outputs.items()}


def _write_index(wheels: Iterable[Path], folder: Path) -> None:
    """Write a package index for pip into a folder."""
    pages: dict[str, list[str]] = {}
    for path in sorted(wheels):
        name = re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        pages.setdefault(name, []).append(f'<a href="{path.as_uri()}#sha256={digest}">{path.name}</a>')
    for name, links in pages.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>")
