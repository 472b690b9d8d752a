"""The contenders: `ovenbird build`, and a Containerfile with pip or uv, each on its own storage root."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ground import OVENBIRD, Ground, make_environ
from processes import FailedError
from stacks import Function, Stack
from timing import Cost, measure_command

from engine import Store

STORE, PUSHED = "store", "pushed"


class Ovenbird:
    """`ovenbird build` into the store and into the registry, each with a cache of its own."""

    name, title = "ovenbird", "`ovenbird build`"

    def __init__(self, at: Ground, stack: Stack) -> None:
        self.at, self.stack = at, stack
        self.store: Store = at.make_store(f"{self.name}-{stack.name}")
        self.function = Function(self.store.folder / "function")
        self.function.write(stack, at.base, at.locks)
        self.caches = {where: self.store.folder / f"cache-{where}" for where in (STORE, PUSHED)}
        self.tags = {STORE: f"localhost/{stack.name}/app:1", PUSHED: f"{at.registry}/{self.name}/{stack.name}:1"}

    def build(self) -> dict[str, Cost]:
        """Build; what each way cost."""
        return {where: measure_command(self._build_command(where), self._make_environ(where)) for where in self.caches}

    def fetch(self) -> None:
        """Have all wheels at hand, and nothing made of them."""
        bundle = self.store.folder / "fetched.tar"
        words = (str(self.function.folder / "function.yaml"), f"--base={self.at.base}", f"--out={bundle}")
        for where in self.caches:
            measure_command((*OVENBIRD, "bundle", *words), self._make_environ(where))
            bundle.unlink()

    def list_blobs(self, where: str) -> dict[str, int]:
        """Return the blobs of a cache, and when each was written (ns)."""
        return {path.name: path.stat().st_mtime_ns for path in (self.caches[where] / "blobs" / "sha256").iterdir()}

    def read_result(self, where: str) -> dict[str, object]:
        """Return the result of the last build."""
        result: dict[str, object] = json.loads((self.store.folder / f"result-{where}.json").read_text())
        return result

    @contextmanager
    def forget_images(self, number: int) -> Iterator[None]:
        """Forget all images and layers but the base; wheels are at hand. `number` gives a place in the registry."""
        caches, tags, old = dict(self.caches), dict(self.tags), self.store.folder / "cold"
        shutil.rmtree(old, ignore_errors=True)
        self.tags[PUSHED] = f"{self.at.registry}/{self.name}/{self.stack.name}-cold-{number}:1"
        for where in self.caches:
            self.caches[where] = old / where
        self.fetch()
        _forget(self.store, keep=("ovenbird/base", "ovenbird-base"))
        try:
            yield
        finally:
            self.caches, self.tags = caches, tags

    def _build_command(self, where: str) -> tuple[str, ...]:
        document, result = self.function.folder / "function.yaml", self.store.folder / f"result-{where}.json"
        push = ("--push",) if where == PUSHED else ()
        fixed = (f"--base={self.at.base}", f"--tag={self.tags[where]}", f"--result-file={result}")
        return (*OVENBIRD, "build", str(document), *fixed, *push)

    def _make_environ(self, where: str) -> dict[str, str]:
        own = {"OVENBIRD_CACHE_DIR": str(self.caches[where]), "OVENBIRD_INDEX_URL": self.at.index.as_uri()}
        return make_environ(self.store) | own


class Containerfile:
    """`buildah build --layers`, and `buildah push` after it."""

    def __init__(self, at: Ground, stack: Stack, tool: str) -> None:
        self.at, self.stack, self.tool = at, stack, tool
        self.name, self.title = tool, f"Containerfile, {tool}"
        self.store = at.make_store(f"{self.name}-{stack.name}")
        self.function = Function(self.store.folder / "function")
        self.function.write(stack, at.base, at.locks)
        self.tag = f"localhost/{stack.name}/app:1"
        self.remote = f"{at.registry}/{tool}/{stack.name}:1"
        (self.store.folder / "tmp").mkdir()

    def build(self) -> dict[str, Cost]:
        """Build into the store, then push."""
        built = measure_command(self._build(self.tag), self._make_environ())
        push = ("buildah", "push", "--quiet", "--tls-verify=false", self.tag, f"docker://{self.remote}")
        pushed = measure_command(push, self._make_environ())
        both = Cost(built.seconds + pushed.seconds, built.cpu + pushed.cpu, max(built.peak, pushed.peak))
        return {STORE: built, PUSHED: both}

    def fetch(self) -> None:
        """Do nothing: the wheels are mounted."""

    def build_timed(self, tag: str) -> None:
        """Build with normalised times, from scratch: a layer of the cache would keep the times that it has."""
        words = [word for word in self._build(tag) if word != "--layers"]
        measure_command((*words[:-1], "--layers=false", "--no-cache", "--timestamp=0", words[-1]), self._make_environ())

    @contextmanager
    def forget_images(self, number: int) -> Iterator[None]:
        """Forget all images but the base; uv keeps what its cache mount holds."""
        remote = self.remote
        self.remote = f"{self.at.registry}/{self.tool}/{self.stack.name}-cold-{number}:1"
        _forget(self.store, keep=("ovenbird/base",))
        try:
            yield
        finally:
            self.remote = remote

    def _build(self, tag: str) -> tuple[str, ...]:
        program = Path(sys.executable).parent / "uv"
        uv = (f"--volume={program}:/usr/bin/uv:ro",) if self.tool == "uv" else ()
        flags = ("--quiet", "--layers", "--pull=false", "--format=oci", f"--volume={self.at.wheels}:/wheels:ro", *uv)
        file = self.function.folder / f"Containerfile.{self.tool}"
        return ("buildah", "build", *flags, f"--file={file}", f"--tag={tag}", str(self.function.folder))

    def _make_environ(self) -> dict[str, str]:
        return make_environ(self.store) | {"TMPDIR": str(self.store.folder / "tmp")}  # cache mounts lie there


Contender = Ovenbird | Containerfile


def _forget(store: Store, keep: tuple[str, ...]) -> None:
    """Remove every image but those whose name holds one of `keep`."""
    rows = json.loads(store.run("buildah", "images", "--all", "--json") or "[]") or []
    ids = [row["id"] for row in rows if not any(word in name for name in row.get("names") or () for word in keep)]
    if ids:
        process = subprocess.run(
            ("buildah", "rmi", "--force", *ids), env=store.environ, capture_output=True, text=True, check=False
        )
        remaining = json.loads(store.run("buildah", "images", "--all", "--json") or "[]") or []
        if {row["id"] for row in remaining} & set(ids):
            raise FailedError(f"an image is still there: {process.stderr.strip()[-300:]}")
