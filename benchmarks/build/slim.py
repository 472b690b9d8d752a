"""A slim image beside a plain one of the same function: bytes, files, pull and start."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import report
import zstandard
from environments import say
from ground import OVENBIRD, Ground, make_environ
from measures import CODE
from stacks import Function, Stack
from targets import Target
from timing import Cost, measure_command

from engine import Store

PLAIN, SLIM = "plain", "slim"
Figures = dict[str, tuple[float, float, float]]  # title -> plain, slim, ratio
ALONE = "pyarrow"  # a third of the bytes, and nearly all of it shared libraries
SIZES = ("installed bytes", "installed files", "bytes to pull", f"installed bytes without {ALONE}")
BOUNDS = {"installed bytes": 0.85, "installed files": 0.65}


@dataclass(frozen=True)
class Sizes:
    """The layers of packages of an image: bytes and files once they are unpacked, and bytes as a registry has them."""

    installed: int
    files: int
    compressed: int
    without: int  # installed bytes but for those of the package `ALONE`


def measure_slim(at: Ground, stack: Stack, rounds: int) -> Figures:
    """Return by name what the plain and the slim image need, and the median ratio, taken within a round.

    Pull and start are in seconds. Errors: FailedError.
    """
    say(f"{stack.name}: slim and plain")
    store, other = at.make_store(f"slim-{stack.name}"), at.make_store(f"slim-pull-{stack.name}")
    function = Function(store.folder / "function")
    function.write(stack, at.base, at.locks)
    images = {name: f"{at.registry}/slim/{stack.name}:{name}" for name in (PLAIN, SLIM)}
    sizes = {name: _build(at, store, function, images[name], slim=name == SLIM) for name in images}
    figures: Figures = {}
    for title, pair in zip(SIZES, zip(*map(_list_numbers, (sizes[PLAIN], sizes[SLIM])), strict=True), strict=True):
        figures[title] = (pair[0], pair[1], pair[1] / pair[0])
    times: dict[str, dict[str, list[float]]] = {
        title: {PLAIN: [], SLIM: []} for title in ("pull", "pull, CPU", "start")
    }
    for number in range(rounds + 1):
        for name, image in images.items():
            pulled = _pull(other, image)
            start = measure_command(_run(image, stack), make_environ(other)).seconds
            other.run("buildah", "rmi", "--force", image)
            if number:
                for title, value in zip(times, (pulled.seconds, pulled.cpu, start), strict=True):
                    times[title][name].append(value)
    for title, by_name in times.items():
        ratios = [slim / plain for plain, slim in zip(by_name[PLAIN], by_name[SLIM], strict=True)]
        figures[title] = (median(by_name[PLAIN]), median(by_name[SLIM]), median(ratios))
    return figures


def _list_numbers(sizes: Sizes) -> tuple[int, int, int, int]:
    return sizes.installed, sizes.files, sizes.compressed, sizes.without


def _build(at: Ground, store: Store, function: Function, image: str, *, slim: bool) -> Sizes:
    result = store.folder / "result.json"
    words = (f"--base={at.base}", f"--tag={image}", f"--result-file={result}", "--push", *(("--slim",) if slim else ()))
    environ = make_environ(store) | {"OVENBIRD_INDEX_URL": at.index.as_uri()}
    measure_command((*OVENBIRD, "build", str(function.folder / "function.yaml"), *words), environ)
    layers = json.loads(result.read_text())["layers"]
    installed, files, compressed, without = 0, 0, 0, 0
    for layer in layers[:-2]:  # above the packages lie source and document
        with _open_layer(store, layer["digest"]) as tar:
            members = [member for member in tar if member.isfile()]
        installed += sum(member.size for member in members)
        files += len(members)
        compressed += layer["size"]
        if not layer["name"].startswith(f"{ALONE} "):
            without += sum(member.size for member in members)
    return Sizes(installed, files, compressed, without)


@contextmanager
def _open_layer(store: Store, digest: str) -> Iterator[tarfile.TarFile]:
    blob = store.folder / "cache" / "blobs" / "sha256" / digest.partition(":")[2]
    with (
        blob.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=io.BufferedReader(plain), mode="r|") as tar,
    ):
        yield tar


def _pull(store: Store, image: str) -> Cost:
    """Pull an image into a store that has the base alone."""
    return measure_command(("buildah", "pull", "--quiet", "--tls-verify=false", image), make_environ(store))


def _run(image: str, stack: Stack) -> Sequence[str]:
    code = CODE.format(imports=stack.imports)
    return ("podman", "run", "--rm", "--network=none", "--entrypoint=python", image, "-c", code)


def format_slim(figures: Figures) -> str:
    """Return the table: numbers of both, and slim over plain."""
    cells = []
    for title, (plain, slim, ratio) in figures.items():
        unit = 1e6 if "bytes" in title else 1
        digits = 0 if "files" in title else 1 if "bytes" in title else 2
        cells.append((title, f"{plain / unit:.{digits}f}", f"{slim / unit:.{digits}f}", f"{ratio:.2f}"))
    return report.format_table(("packages of the scientific stack (MB, s)", "plain", "slim", "slim to plain"), cells)


def make_slim_targets(figures: Figures) -> list[Target]:
    """Return the targets of slim images."""
    return [
        Target(f"slim to plain: {title}", figures[title][2] if title in figures else None, bound, "x", True)
        for title, bound in BOUNDS.items()
    ]
